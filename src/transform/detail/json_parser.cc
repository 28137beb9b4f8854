#include "transform/detail/json_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "transform/detail/utf16_order.h"
#include "transform/detail/utf8.h"
#include "transform/transform.h"

namespace icws::transform::detail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A quote, a backslash, a control character or no ASCII: bytes at which a string's plain run ends.
bool ends_run(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c - 0x20) >= 0x60; }

// True if one of eight bytes ends a run. Borrows can only add a false alarm behind a true one.
bool ends_run(uint64_t eight) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = kOnes * 0x80;
  const uint64_t quote = eight ^ (kOnes * '"');
  const uint64_t backslash = eight ^ (kOnes * '\\');
  const uint64_t found =
      eight | (eight - kOnes * 0x20) | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash);
  return (found & kHighs) != 0;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char* put_utf8(uint32_t code_point, char* out) {
  const auto put = [&out](uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else {
    if (code_point < 0x10000) {
      put(0xe0 | code_point >> 12);
    } else {
      put(0xf0 | code_point >> 18);
      put(0x80 | (code_point >> 12 & 0x3f));
    }
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
  return out;
}

// What: one pass over one text by recursive descent. Each function begins at `at_`, which is at `end_` or
// before it, ends behind what it read, and returns false where the text is not JSON.
class Parser {
 public:
  Parser(BytesView text, JsonTree& tree) : at_(text.data()), end_(at_ + text.size()), tree_(tree) {
    tree_.clear();
  }

  bool parse() {
    skip_space();
    if (!value(0)) return false;
    skip_space();
    return at_ == end_;
  }

 private:
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool next_is(char c) const { return at_ != end_ && *at_ == c; }

  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  JsonNode& add(JsonKind kind) {
    JsonNode& node = tree_.nodes.emplace_back();
    node.kind = kind;
    node.end = static_cast<uint32_t>(tree_.nodes.size());
    return node;
  }

  bool value(size_t depth) {
    if (at_ == end_) return false;
    switch (*at_) {
      case '{':
        return depth < kJsonDepthMax && object(depth);
      case '[':
        return depth < kJsonDepthMax && array(depth);
      case '"':
        return string();
      case 't':
        return literal("true", JsonKind::True);
      case 'f':
        return literal("false", JsonKind::False);
      case 'n':
        return literal("null", JsonKind::Null);
      default:
        return number();
    }
  }

  bool literal(BytesView word, JsonKind kind) {
    if (!BytesView(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    add(kind);
    return true;
  }

  bool digits() {
    const char* const begin = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != begin;
  }

  bool number() {
    const char* const begin = at_;
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    JsonNode& node = add(JsonKind::Number);
    node.text = begin;
    node.size = static_cast<uint32_t>(at_ - begin);
    return true;
  }

  bool array(size_t depth) {
    ++at_;
    const size_t self = tree_.nodes.size();
    add(JsonKind::Array);
    skip_space();
    if (take(']')) return true;
    do {
      skip_space();
      if (!value(depth + 1)) return false;
      skip_space();
    } while (take(','));
    tree_.nodes[self].end = static_cast<uint32_t>(tree_.nodes.size());
    return take(']');
  }

  bool object(size_t depth) {
    ++at_;
    const size_t self = tree_.nodes.size();
    const size_t first_open = tree_.open_members.size();
    add(JsonKind::Object);
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      const size_t key = tree_.nodes.size();
      if (!next_is('"') || !string()) return false;
      tree_.open_members.push_back({utf16_prefix(tree_.nodes[key].view()), static_cast<uint32_t>(key)});
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(depth + 1)) return false;
      skip_space();
    } while (take(','));
    tree_.nodes[self].end = static_cast<uint32_t>(tree_.nodes.size());
    return take('}') && close_members(tree_.nodes[self], first_open);
  }

  // Puts the members into canonical order; false if two have the same key.
  bool close_members(JsonNode& object, size_t first_open) {
    using Member = JsonTree::Member;
    const auto key = [this](const Member& member) { return tree_.nodes[member.key].view(); };
    const auto less = [&key](const Member& a, const Member& b) {
      return a.prefix != b.prefix ? a.prefix < b.prefix : utf16_less(key(a), key(b));
    };
    const auto begin = tree_.open_members.begin() + static_cast<std::ptrdiff_t>(first_open);
    const auto end = tree_.open_members.end();
    std::sort(begin, end, less);
    const auto same = [&key](const Member& a, const Member& b) {
      return a.prefix == b.prefix && key(a) == key(b);
    };
    if (std::adjacent_find(begin, end, same) != end) return false;
    object.first_member = static_cast<uint32_t>(tree_.members.size());
    object.size = static_cast<uint32_t>(end - begin);
    for (auto member = begin; member != end; ++member) tree_.members.push_back(member->key);
    tree_.open_members.resize(first_open);
    return true;
  }

  // Over bytes that mean themselves. Afterwards `at_` is at a quote or a backslash.
  bool plain_run() {
    while (true) {
      uint64_t eight = 0;
      while (end_ - at_ >= 8 && (std::memcpy(&eight, at_, 8), !ends_run(eight))) at_ += 8;
      while (at_ != end_ && !ends_run(*at_)) ++at_;
      if (at_ == end_) return false;
      if (*at_ == '"' || *at_ == '\\') return true;
      const size_t size = static_cast<unsigned char>(*at_) < 0x20 ? 0 : utf8_sequence(at_, end_);
      if (size == 0) return false;
      at_ += size;
    }
  }

  bool string() {
    const char* const begin = ++at_;
    if (!plain_run()) return false;
    if (*at_ == '\\') return escaped_string(begin);
    add_string({begin, static_cast<size_t>(at_ - begin)}).verbatim = true;
    ++at_;
    return true;
  }

  JsonNode& add_string(BytesView text) {
    JsonNode& node = add(JsonKind::String);
    node.text = text.data();
    node.size = static_cast<uint32_t>(text.size());
    return node;
  }

  // A string that began at `begin`; `at_` is at its first backslash.
  bool escaped_string(const char* begin) {
    if (unescaped_ == nullptr) unescaped_ = unescaped_room();
    char* const text = unescaped_;
    while (true) {
      unescaped_ = std::copy(begin, at_, unescaped_);
      if (*at_ == '"') break;
      ++at_;
      if (!escape()) return false;
      begin = at_;
      if (!plain_run()) return false;
    }
    ++at_;
    add_string({text, static_cast<size_t>(unescaped_ - text)});
    return true;
  }

  char* unescaped_room() {
    if (tree_.unescaped.size() < text_size_) tree_.unescaped.resize(text_size_);
    return tree_.unescaped.data();
  }

  // Behind the backslash.
  bool escape() {
    if (at_ == end_) return false;
    const char c = *at_++;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        *unescaped_++ = c;
        return true;
      case 'b':
        *unescaped_++ = '\b';
        return true;
      case 'f':
        *unescaped_++ = '\f';
        return true;
      case 'n':
        *unescaped_++ = '\n';
        return true;
      case 'r':
        *unescaped_++ = '\r';
        return true;
      case 't':
        *unescaped_++ = '\t';
        return true;
      case 'u':
        return unicode_escape();
      default:
        return false;
    }
  }

  // Behind "\u"; takes both halves of a surrogate pair.
  bool unicode_escape() {
    uint32_t unit = 0;
    if (!hex4(unit)) return false;
    if (unit >= 0xd800 && unit < 0xe000) {
      uint32_t low = 0;
      if (unit >= 0xdc00 || !take('\\') || !take('u') || !hex4(low)) return false;
      if (low < 0xdc00 || low >= 0xe000) return false;
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    unescaped_ = put_utf8(unit, unescaped_);
    return true;
  }

  bool hex4(uint32_t& unit) {
    if (end_ - at_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      const int digit = hex_digit(*at_++);
      if (digit < 0) return false;
      unit = unit << 4 | static_cast<uint32_t>(digit);
    }
    return true;
  }

  const char* at_;
  const char* const end_;
  const size_t text_size_ = static_cast<size_t>(end_ - at_);
  JsonTree& tree_;
  char* unescaped_ = nullptr;  // where the next character goes; null before the first escape
};

}  // namespace

bool parse_json(BytesView text, JsonTree& tree) {
  if (text.size() >= std::numeric_limits<uint32_t>::max()) return false;
  return Parser(text, tree).parse();
}

}  // namespace icws::transform::detail
