// Short forms for tests: a spec in one line, a message through it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transform/transform.h"

namespace icws::transform {

using Texts = std::vector<std::string>;

inline TransformSpec json_spec() {
  TransformSpec out;
  out.input = TransformSpec::Input::Json;
  return out;
}

inline TransformSpec dropping(Texts pointers) {
  TransformSpec out = json_spec();
  out.drop_pointers = std::move(pointers);
  return out;
}

inline TransformSpec keeping(Texts pointers) {
  TransformSpec out = json_spec();
  out.keep_pointers = std::move(pointers);
  return out;
}

inline TransformSpec keyed(Texts pointers) {
  TransformSpec out = json_spec();
  out.key_pointers = std::move(pointers);
  return out;
}

inline Delivered transformed(const TransformSpec& spec, BytesView message) {
  Delivered out;
  Transform::compile(spec).value().apply(MessageKind::Text, message, out);
  return out;
}

// Empty if `message` is not JSON.
inline std::optional<Bytes> canonical(BytesView message) {
  TransformSpec spec = json_spec();
  spec.drop_if_not_json = true;
  Delivered out;
  const Outcome outcome = Transform::compile(spec).value().apply(MessageKind::Text, message, out);
  if (outcome == Outcome::Dropped) return {};
  return out.content;
}

}  // namespace icws::transform
