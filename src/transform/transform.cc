#include "transform/transform.h"

#include <algorithm>
#include <utility>

#include "transform/detail/json_parser.h"
#include "transform/detail/json_tree.h"
#include "transform/detail/json_writer.h"
#include "transform/detail/pointer.h"

namespace icws::transform {
namespace {

using detail::JsonTree;
using detail::Pointer;

using Pointers = std::vector<Pointer>;

std::expected<Pointers, SpecError> parse_pointers(const std::vector<std::string>& texts) {
  if (texts.size() > kPointersPerListMax) return std::unexpected(SpecError::TooManyPointers);
  Pointers out;
  for (size_t i = 0; i < texts.size(); ++i) {
    std::expected<Pointer, SpecError> pointer = Pointer::parse(texts[i]);
    if (!pointer) return std::unexpected(pointer.error());
    // A pointer can be written in one way only, so equal pointers are equal strings.
    const auto here = texts.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(texts.begin(), here, texts[i]) != here) return std::unexpected(SpecError::DuplicatePointer);
    out.push_back(std::move(*pointer));
  }
  return out;
}

// What the lists and flags say about each other.
std::expected<void, SpecError> check_combination(const TransformSpec& spec) {
  using enum TransformSpec::Input;
  if (spec.input != Pass && spec.input != Json) return std::unexpected(SpecError::UnknownInput);
  const bool pointers = !spec.drop_pointers.empty() || !spec.keep_pointers.empty() ||
                        !spec.key_pointers.empty() || spec.value_pointer;
  if (spec.input == Pass && (pointers || spec.drop_if_not_json)) {
    return std::unexpected(SpecError::PointersWithoutJson);
  }
  if (!spec.drop_pointers.empty() && !spec.keep_pointers.empty()) {
    return std::unexpected(SpecError::DropAndKeep);
  }
  const bool more = !spec.drop_pointers.empty() || !spec.keep_pointers.empty() || spec.drop_if_not_json;
  if (spec.value_pointer && more) return std::unexpected(SpecError::ValueAndMore);
  return {};
}

void write_key(const JsonTree& tree, const Pointers& pointers, Bytes& out) {
  for (const Pointer& pointer : pointers) {
    out += out.empty() ? '[' : ',';
    if (const std::optional<uint32_t> node = pointer.find(tree)) {
      detail::write_whole(tree, *node, out);
    } else {
      out += "null";
    }
  }
  if (!out.empty()) out += ']';
}

}  // namespace

const char* describe(SpecError error) {
  switch (error) {
    case SpecError::UnknownInput:
      return "The transform's input is neither pass nor JSON.";
    case SpecError::PointersWithoutJson:
      return "Pointers and dropping what is not JSON need JSON as the transform's input.";
    case SpecError::DropAndKeep:
      return "A transform either drops or keeps values; it has pointers for both.";
    case SpecError::TooManyPointers:
      return "A list of pointers has more than 16 of them.";
    case SpecError::PointerTooLong:
      return "A pointer has more than 256 bytes.";
    case SpecError::PointerTooDeep:
      return "A pointer goes deeper than 16 levels.";
    case SpecError::PointerSyntax:
      return "A pointer is not RFC 6901: it must be empty or begin with '/', in UTF-8, with ~0 for '~' and "
             "~1 "
             "for '/' in names.";
    case SpecError::DropsRoot:
      return "The empty pointer would drop the whole message.";
    case SpecError::DuplicatePointer:
      return "A list has the same pointer twice.";
    case SpecError::ValueAndMore:
      return "With a pointer to the value, the value is all that is left: leave out the other pointers to "
             "content, "
             "and drop_if_not_json.";
  }
  return "Unknown error of a transform.";
}

struct Transform::State {
  bool json = false;
  bool drop_if_not_json = false;
  Pointers drop;
  Pointers keep;
  Pointers key;
  std::optional<Pointer> value;
  JsonTree tree;

  // False: the message has no value.
  bool write(Delivered& out) {
    const std::optional<uint32_t> node = value ? value->find(tree) : std::nullopt;
    if (value && !node) return false;
    write_key(tree, key, out.key);
    if (node) {
      detail::write_whole(tree, *node, out.content);
    } else if (keep.empty()) {
      for (const Pointer& pointer : drop) pointer.mark_dropped(tree);
      detail::write_remaining(tree, out.content);
    } else {
      for (const Pointer& pointer : keep) pointer.mark_kept(tree);
      detail::write_kept(tree, out.content);
    }
    return true;
  }
};

Transform::Transform(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transform::Transform(Transform&&) noexcept = default;
Transform& Transform::operator=(Transform&&) noexcept = default;
Transform::~Transform() = default;

std::expected<Transform, SpecError> Transform::compile(const TransformSpec& spec) {
  if (const auto fine = check_combination(spec); !fine) return std::unexpected(fine.error());
  auto state = std::make_unique<State>();
  state->json = spec.input == TransformSpec::Input::Json;
  state->drop_if_not_json = spec.drop_if_not_json;
  for (const auto& [texts, pointers] :
       {std::pair(&spec.drop_pointers, &state->drop), std::pair(&spec.keep_pointers, &state->keep),
        std::pair(&spec.key_pointers, &state->key)}) {
    std::expected<Pointers, SpecError> parsed = parse_pointers(*texts);
    if (!parsed) return std::unexpected(parsed.error());
    *pointers = std::move(*parsed);
  }
  if (spec.value_pointer) {
    std::expected<Pointer, SpecError> pointer = Pointer::parse(*spec.value_pointer);
    if (!pointer) return std::unexpected(pointer.error());
    state->value = std::move(*pointer);
  }
  if (std::ranges::any_of(state->drop, &Pointer::is_root)) return std::unexpected(SpecError::DropsRoot);
  return Transform(std::move(state));
}

Outcome Transform::apply(MessageKind kind, BytesView message, Delivered& out) {
  out.content.clear();
  out.key.clear();
  if (!state_->json) {
    out.content = message;
    return Outcome::Delivered;
  }
  const bool json = kind == MessageKind::Text && detail::parse_json(message, state_->tree);
  bool delivered = !state_->drop_if_not_json && !state_->value;
  if (json) {
    out.content.reserve(state_->value ? 0 : message.size());
    delivered = state_->write(out);
  } else if (delivered) {
    out.content = message;
  }
  state_->tree.release_excess();
  return delivered ? Outcome::Delivered : Outcome::Dropped;
}

}  // namespace icws::transform
