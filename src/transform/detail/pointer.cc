#include "transform/detail/pointer.h"

#include <algorithm>
#include <charconv>

#include "transform/detail/utf16_order.h"
#include "transform/detail/utf8.h"

namespace icws::transform::detail {
namespace {

// RFC 6901, section 4; empty for a '~' without 0 or 1.
std::optional<Bytes> unescape(BytesView token) {
  Bytes out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    ++i;
    if (i == token.size() || (token[i] != '0' && token[i] != '1')) return {};
    out += token[i] == '0' ? '~' : '/';
  }
  return out;
}

// RFC 6901's array-index. An index beyond 32 bits is beyond every array.
std::optional<uint32_t> index_of(BytesView name) {
  if (name.size() > 1 && name.front() == '0') return {};
  uint32_t out = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), out);
  if (read.ec != std::errc() || read.ptr != name.data() + name.size()) return {};
  return out;
}

}  // namespace

std::expected<Pointer, SpecError> Pointer::parse(BytesView text) {
  if (text.size() > kPointerBytesMax) return std::unexpected(SpecError::PointerTooLong);
  if (static_cast<size_t>(std::ranges::count(text, '/')) > kPointerDepthMax) {
    return std::unexpected(SpecError::PointerTooDeep);
  }
  if ((!text.empty() && text.front() != '/') || !utf8_valid(text)) {
    return std::unexpected(SpecError::PointerSyntax);
  }
  Pointer out;
  while (!text.empty()) {
    text.remove_prefix(1);
    const size_t size = std::min(text.find('/'), text.size());
    std::optional<Bytes> name = unescape(text.substr(0, size));
    if (!name) return std::unexpected(SpecError::PointerSyntax);
    const std::optional<uint32_t> index = index_of(*name);
    out.tokens_.push_back({std::move(*name), index});
    text.remove_prefix(size);
  }
  return out;
}

std::optional<uint32_t> Pointer::child(const JsonTree& tree, uint32_t node, const Token& token) {
  const JsonNode& parent = tree.nodes[node];
  if (parent.kind == JsonKind::Object) {
    const auto begin = tree.members.begin() + parent.first_member;
    const auto end = begin + parent.size;
    const auto less = [&tree](uint32_t key, BytesView name) {
      return utf16_less(tree.nodes[key].view(), name);
    };
    const auto found = std::lower_bound(begin, end, BytesView(token.name), less);
    if (found == end || tree.nodes[*found].view() != token.name) return {};
    return *found + 1;
  }
  if (parent.kind != JsonKind::Array || !token.index) return {};
  uint32_t at = node + 1;
  for (uint32_t i = 0; i < *token.index && at != parent.end; ++i) at = tree.nodes[at].end;
  if (at == parent.end) return {};
  return at;
}

bool Pointer::walk(const JsonTree& tree, Path& path) const {
  path[0] = 0;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::optional<uint32_t> next = child(tree, path[i], tokens_[i]);
    if (!next) return false;
    path[i + 1] = *next;
  }
  return true;
}

std::optional<uint32_t> Pointer::find(const JsonTree& tree) const {
  Path path;
  if (!walk(tree, path)) return {};
  return path[tokens_.size()];
}

void Pointer::mark_dropped(JsonTree& tree) const {
  if (const std::optional<uint32_t> found = find(tree)) tree.nodes[*found].marks |= kDropped;
}

void Pointer::mark_kept(JsonTree& tree) const {
  Path path;
  if (!walk(tree, path)) return;
  for (size_t i = 0; i < tokens_.size(); ++i) tree.nodes[path[i]].marks |= kOnTheWay;
  tree.nodes[path[tokens_.size()]].marks |= kKept;
}

}  // namespace icws::transform::detail
