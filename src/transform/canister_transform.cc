#include "transform/canister_transform.h"

#include <new>

#include "transform/detail/utf8.h"

namespace icws::transform {
namespace {

Outcome failed(Fault fault, Delivered& out) {
  out.content.clear();
  out.key.clear();
  out.fault = fault;
  return Outcome::Failed;
}

}  // namespace

Outcome CanisterTransform::apply(MessageKind kind, BytesView message, Delivered& out) {
  out.content.clear();
  out.key.clear();
  Meter meter(limits_.steps_base + limits_.steps_per_byte * message.size());
  bool delivered = false;
  try {
    meter.charge(message.size());
    delivered = function_(TransformCall{kind, message, context_}, meter, out);
    if (delivered && out.content.size() > limits_.content_bytes_max)
      return failed(Fault::ContentTooLarge, out);
    if (delivered && out.key.size() > limits_.key_bytes_max) return failed(Fault::KeyTooLarge, out);
    const bool text = kind == MessageKind::Text;
    const bool utf8 =
        !delivered || ((!text || detail::utf8_valid(out.content)) && detail::utf8_valid(out.key));
    if (!utf8) return failed(Fault::NotUtf8, out);
    meter.charge(out.content.size() + out.key.size());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    return failed(meter.exhausted() ? Fault::OverBudget : Fault::Trapped, out);
  }
  if (meter.exhausted()) return failed(Fault::OverBudget, out);
  if (delivered) return Outcome::Delivered;
  out.content.clear();
  out.key.clear();
  return Outcome::Dropped;
}

}  // namespace icws::transform
