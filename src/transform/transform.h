// How JSON messages are made equal on all replicas before they are agreed on (design section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "transform/message_transform.h"

namespace icws::transform {

// More of each than a canister needs; they bound the work that one message can cause.
inline constexpr size_t kPointersPerListMax = 16;
inline constexpr size_t kPointerBytesMax = 256;
inline constexpr size_t kPointerDepthMax = 16;  // reference tokens
// Arrays and objects inside each other; recursion ends here, and deeper input counts as not JSON.
inline constexpr size_t kJsonDepthMax = 64;

// What a canister asks for. Pointers are RFC 6901 strings ("/params/symbol", ~1 for '/', ~0 for '~').
struct TransformSpec {
  enum class Input : uint8_t { Pass = 1, Json = 2 };
  Input input = Input::Pass;
  bool drop_if_not_json = false;           // else such a message passes unchanged, with an empty key
  std::vector<std::string> drop_pointers;  // removed; one that is missing is no error
  std::vector<std::string> keep_pointers;  // empty: everything. Not together with drop_pointers
  std::vector<std::string> key_pointers;   // the order key is made of the values here, before any dropping
  // The content is the value here, and a message without it is dropped. Alone: without drop_pointers,
  // keep_pointers or drop_if_not_json.
  std::optional<std::string> value_pointer;
};

enum class SpecError : uint8_t {
  UnknownInput = 1,
  PointersWithoutJson,  // Input::Pass reads nothing, so it has no pointers and no drop_if_not_json
  DropAndKeep,
  TooManyPointers,
  PointerTooLong,
  PointerTooDeep,
  PointerSyntax,  // neither empty nor starting with '/', a '~' without 0 or 1, or not UTF-8
  DropsRoot,      // the empty pointer among drop_pointers
  DuplicatePointer,
  ValueAndMore,  // value_pointer together with what else says what becomes of the content
};
// A sentence for people.
const char* describe(SpecError error);

// What: a compiled spec, with the buffers that it reuses between messages.
// Thread-safety: none; one per thread. Ownership: owns all; movable.
// Errors: compile() names the first fault of a spec; apply() never fails, std::bad_alloc aside.
//
// JSON is RFC 8259 in strict UTF-8 in a text message; a binary message, a duplicate key, a lone surrogate,
// more than kJsonDepthMax levels and anything after the value are not JSON. The content is RFC 8785 with one
// exception: a number whose exact decimal value is not that of RFC 8785's output keeps its token.
// All pointers are looked up in the message as it came. Without array indices in drop or keep pointers,
// apply() of its own content gives this content again (dropping /0 twice drops two elements). Keeping keeps
// the containers on the way; when nothing is there, an empty one of the root's kind, or null.
class Transform final : public MessageTransform {
 public:
  static std::expected<Transform, SpecError> compile(const TransformSpec& spec);
  Transform(Transform&&) noexcept;
  Transform& operator=(Transform&&) noexcept;
  ~Transform() override;

  // The key is the JSON array of the key values, canonical, null for a missing one; empty without pointers.
  Outcome apply(MessageKind kind, BytesView message, Delivered& out) override;

 private:
  struct State;
  explicit Transform(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace icws::transform
