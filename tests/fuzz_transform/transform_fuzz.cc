// The transform on any bytes, with several specs: no crash, and its output is what it promises.
#include <cstdint>
#include <cstdlib>

#include "transform/transform.h"

namespace {

using icws::BytesView;
using icws::transform::Delivered;
using icws::transform::MessageKind;
using icws::transform::Outcome;
using icws::transform::Transform;
using icws::transform::TransformSpec;

using Texts = std::vector<std::string>;

void require(bool condition) {
  if (!condition) std::abort();
}

Transform compiled(const Texts& drop, const Texts& keep, const Texts& key, bool drop_if_not_json) {
  TransformSpec spec;
  spec.input = TransformSpec::Input::Json;
  spec.drop_pointers = drop;
  spec.keep_pointers = keep;
  spec.key_pointers = key;
  spec.drop_if_not_json = drop_if_not_json;
  return Transform::compile(spec).value();
}

Delivered transformed(Transform& transform, BytesView message) {
  Delivered out;
  require(transform.apply(MessageKind::Text, message, out) == Outcome::Delivered);
  return out;
}

// Pointers without array indices: twice is once. The key is canonical JSON itself.
void check_json(BytesView message, Transform& strict) {
  static Transform whole = compiled({}, {}, {""}, false);
  static Transform dropping = compiled({"/id", "/a/b", "/"}, {}, {"/a", "/params/symbol"}, false);
  static Transform keeping = compiled({}, {"/a", "/params/symbol", "/id/x"}, {}, false);
  for (Transform* transform : {&whole, &dropping, &keeping}) {
    const Delivered once = transformed(*transform, message);
    require(transformed(strict, once.content).content == once.content);
    require(transformed(*transform, once.content).content == once.content);
    // The key of `whole` wraps the message and may be one level deeper than JSON is read; it is compared
    // below.
    require(transform == &whole || once.key.empty() || transformed(strict, once.key).content == once.key);
  }
  const Delivered all = transformed(whole, message);
  require(all.key == "[" + all.content + "]");
  // Elements shift when one is dropped, so only this holds: it is canonical.
  static Transform indices = compiled({"/0", "/2/1", "/a/0"}, {}, {"/1"}, false);
  const Delivered shifted = transformed(indices, message);
  require(transformed(strict, shifted.content).content == shifted.content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView message(reinterpret_cast<const char*>(data), size);
  static Transform strict = compiled({}, {}, {}, true);
  static Transform lenient = compiled({}, {}, {"/a"}, false);
  Delivered out;
  if (strict.apply(MessageKind::Text, message, out) == Outcome::Delivered) {
    check_json(message, strict);
  } else {
    require(out == Delivered{});
    const Delivered same = transformed(lenient, message);
    require(same.content == message && same.key.empty());
  }

  TransformSpec spec;
  spec.input = TransformSpec::Input::Json;
  spec.key_pointers = {std::string(message)};
  if (auto transform = Transform::compile(spec)) {
    require(transformed(*transform, "[]").key == (message.empty() ? "[[]]" : "[null]"));
  } else {
    require(icws::transform::describe(transform.error()) != nullptr);
  }
  return 0;
}
