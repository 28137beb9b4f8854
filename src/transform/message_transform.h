// What every transform is to those who use it: one message in; content and order key, nothing, or a fault
// out.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace icws::transform {

enum class MessageKind : uint8_t { Text = 1, Binary = 2 };

// Why a canister's own transform gave nothing. The numbers are in the transcript
// (transcript::TransformFault).
enum class Fault : uint8_t {
  Trapped = 1,      // it threw
  OverBudget,       // it took more steps than the message allows
  ContentTooLarge,  // over Limits::content_bytes_max
  KeyTooLarge,      // over Limits::key_bytes_max
  NotUtf8,          // the content of a text message, or a key
};

// Content and order key of one message; the buffers are reused.
struct Delivered {
  Bytes content;
  Bytes key;
  // With Outcome::Failed; otherwise without meaning.
  Fault fault = Fault::Trapped;

  bool operator==(const Delivered&) const = default;
};
enum class Outcome : uint8_t { Delivered = 1, Dropped = 2, Failed = 3 };

// Deterministic: the same message gives the same outcome, whatever came before, on every replica.
// Thread-safety: none; one object per thread.
class MessageTransform {
 public:
  virtual ~MessageTransform() = default;
  // Overwrites both buffers of `out`; they are empty unless Delivered. `message` may not lie in `out`.
  virtual Outcome apply(MessageKind kind, BytesView message, Delivered& out) = 0;
};

}  // namespace icws::transform
