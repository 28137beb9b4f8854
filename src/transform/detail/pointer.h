// JSON pointers, RFC 6901.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "transform/detail/json_tree.h"
#include "transform/transform.h"

namespace icws::transform::detail {

// What: a pointer, taken apart. Thread-safety: const use is safe.
// Errors: parse() gives PointerTooLong, PointerTooDeep or PointerSyntax.
class Pointer {
 public:
  static std::expected<Pointer, SpecError> parse(BytesView text);

  bool is_root() const { return tokens_.empty(); }
  // The index of the value's node, if there is one. "-" and indices with leading zeros name no element.
  std::optional<uint32_t> find(const JsonTree& tree) const;
  // Marks the value, if there is one.
  void mark_dropped(JsonTree& tree) const;
  // The same, and the containers above it as on the way.
  void mark_kept(JsonTree& tree) const;

 private:
  struct Token {
    Bytes name;
    std::optional<uint32_t> index;  // if the name can be an array's index
  };
  // The nodes from the root to the value; only the first tokens_.size() + 1 are set.
  using Path = std::array<uint32_t, kPointerDepthMax + 1>;

  static std::optional<uint32_t> child(const JsonTree& tree, uint32_t node, const Token& token);
  bool walk(const JsonTree& tree, Path& path) const;

  std::vector<Token> tokens_;
};

}  // namespace icws::transform::detail
