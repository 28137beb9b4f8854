#include "ws/request_headers.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "ws/detail/http_text.h"

namespace icws::ws {
namespace {

using Checked = std::expected<void, HeaderFailure>;

constexpr std::array<std::string_view, 9> kForbiddenNames = {
    "host", "connection", "upgrade", "content-length", "transfer-encoding",
    "te",   "trailer",    "expect",  "keep-alive"};
constexpr std::array<std::string_view, 2> kForbiddenPrefixes = {"sec-websocket-", "proxy-"};

bool is_forbidden(std::string_view name) {
  const std::string lower = detail::to_lower(name);
  return std::ranges::find(kForbiddenNames, lower) != kForbiddenNames.end() ||
         std::ranges::any_of(kForbiddenPrefixes,
                             [&](std::string_view prefix) { return lower.starts_with(prefix); });
}

bool is_control_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

Checked failure(HeaderError code, size_t index, std::string message) {
  return std::unexpected(HeaderFailure{code, index, std::move(message)});
}

// "header 3 (\"X-Token\")": counted from 1, as people do.
std::string place(std::string_view what, size_t index, std::string_view name) {
  std::string out(what);
  out += " " + std::to_string(index + 1);
  if (!name.empty()) out += " (" + detail::quoted(name) + ")";
  return out;
}

Checked check_name(std::string_view what, size_t index, std::string_view name) {
  if (name.empty()) return failure(HeaderError::kNameEmpty, index, place(what, index, name) + " has no name");
  if (name.size() > kHeaderPartBytesMax) {
    return failure(HeaderError::kNameTooLong, index,
                   place(what, index, name) + ": the name is longer than " +
                       std::to_string(kHeaderPartBytesMax) + " bytes");
  }
  const auto wrong = std::ranges::find_if_not(name, detail::is_token_char);
  if (wrong == name.end()) return {};
  return failure(HeaderError::kNameNotToken, index,
                 place(what, index, name) + ": byte " + std::to_string(wrong - name.begin() + 1) +
                     " of the name may not stand in it; use letters, digits and !#$%&'*+-.^_`|~");
}

Checked check_value(size_t index, const HeaderField& field) {
  if (field.value.size() > kHeaderPartBytesMax) {
    return failure(HeaderError::kValueTooLong, index,
                   place("header", index, field.name) + ": the value is longer than " +
                       std::to_string(kHeaderPartBytesMax) + " bytes");
  }
  const auto wrong = std::ranges::find_if(field.value, is_control_byte);
  if (wrong == field.value.end()) return {};
  return failure(HeaderError::kValueControlByte, index,
                 place("header", index, field.name) + ": byte " +
                     std::to_string(wrong - field.value.begin() + 1) +
                     " of the value is a control byte; line ends and tabs are not allowed");
}

}  // namespace

Checked check_headers(std::span<const HeaderField> headers) {
  if (headers.size() > kHeadersMax) {
    return failure(HeaderError::kTooMany, kHeadersMax,
                   "there are " + std::to_string(headers.size()) + " headers; at most " +
                       std::to_string(kHeadersMax) + " are allowed");
  }
  size_t together = 0;
  for (size_t i = 0; i < headers.size(); ++i) {
    const HeaderField& field = headers[i];
    if (const auto checked = check_name("header", i, field.name); !checked) return checked;
    if (is_forbidden(field.name)) {
      return failure(
          HeaderError::kNameForbidden, i,
          place("header", i, field.name) + " belongs to the connection itself and cannot be set; remove it");
    }
    if (const auto checked = check_value(i, field); !checked) return checked;
    together += field.name.size() + field.value.size();
    if (together > kHeadersBytesMax) {
      return failure(HeaderError::kTogetherTooLong, i,
                     "the headers up to " + place("header", i, field.name) + " are longer than " +
                         std::to_string(kHeadersBytesMax) + " bytes together");
    }
  }
  return {};
}

Checked check_subprotocols(std::span<const std::string> subprotocols) {
  if (subprotocols.size() > kSubprotocolsMax) {
    return failure(HeaderError::kTooMany, kSubprotocolsMax,
                   "there are " + std::to_string(subprotocols.size()) + " subprotocols; at most " +
                       std::to_string(kSubprotocolsMax) + " are allowed");
  }
  size_t together = 0;
  for (size_t i = 0; i < subprotocols.size(); ++i) {
    const std::string& name = subprotocols[i];
    if (const auto checked = check_name("subprotocol", i, name); !checked) return checked;
    together += name.size() + (i > 0 ? 2 : 0);
    if (together > kSubprotocolsBytesMax) {
      return failure(HeaderError::kTogetherTooLong, i,
                     "the subprotocols up to " + place("subprotocol", i, name) + " are longer than " +
                         std::to_string(kSubprotocolsBytesMax) + " bytes together");
    }
    const auto before = subprotocols.first(i);
    if (std::ranges::find(before, name) != before.end()) {
      return failure(HeaderError::kDuplicate, i,
                     place("subprotocol", i, name) + " is there twice; remove one");
    }
  }
  return {};
}

}  // namespace icws::ws
