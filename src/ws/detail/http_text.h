// Small text rules of HTTP (RFC 9110), shared by the handshake and its checks.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace icws::ws::detail {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

inline std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

// ASCII letters are equal in any case; no locale.
inline bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

constexpr bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

// tchar of RFC 9110, section 5.6.2.
constexpr bool is_token_char(char c) {
  return is_alphanumeric(c) || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").contains(c));
}

// Without the blanks and tabs at both ends (OWS).
inline std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// `text` in quotation marks for a message: printable ASCII, anything else as a dot; at most `bytes_max` of
// it.
inline std::string quoted(std::string_view text, size_t bytes_max = 60) {
  std::string out = "\"";
  for (const char c : text.substr(0, bytes_max)) out.push_back(c >= ' ' && c <= '~' && c != '"' ? c : '.');
  out += text.size() > bytes_max ? "...\"" : "\"";
  return out;
}

}  // namespace icws::ws::detail
