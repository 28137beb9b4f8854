#include "ws/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "ws/detail/http_text.h"

namespace icws::ws {
namespace {

// RFC 6455, section 1.3.
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string base64(std::span<const unsigned char> bytes) {
  // EVP_EncodeBlock writes four characters for every three bytes begun, and a NUL.
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::unexpected<HandshakeFailure> failure(HandshakeError code, std::string message) {
  return std::unexpected(HandshakeFailure{code, std::move(message)});
}

// The elements of a comma-separated list, without blanks; empty ones are skipped (RFC 9110, section 5.6.1).
template <class Visit>
void for_each_element(BytesView list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const BytesView element = detail::trimmed(list.substr(0, comma));
    if (!element.empty()) visit(element);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// What the response says in the fields that the handshake is about. Values are trimmed.
struct Fields {
  std::vector<BytesView> upgrade;
  std::vector<BytesView> accept;
  std::vector<BytesView> subprotocol;
  std::vector<BytesView> extensions;
  // Elements of all fields of that name.
  std::vector<BytesView> connection;
};

Fields collect(std::span<const HeaderView> headers) {
  Fields out;
  for (const HeaderView& header : headers) {
    const BytesView value = detail::trimmed(header.value);
    if (detail::same_name(header.name, "Upgrade")) {
      out.upgrade.push_back(value);
    } else if (detail::same_name(header.name, "Sec-WebSocket-Accept")) {
      out.accept.push_back(value);
    } else if (detail::same_name(header.name, "Sec-WebSocket-Protocol")) {
      out.subprotocol.push_back(value);
    } else if (detail::same_name(header.name, "Connection")) {
      for_each_element(value, [&](BytesView element) { out.connection.push_back(element); });
    } else if (detail::same_name(header.name, "Sec-WebSocket-Extensions")) {
      out.extensions.push_back(value);
    }
  }
  return out;
}

using Checked = std::expected<void, HandshakeFailure>;

Checked check_once(const std::vector<BytesView>& values, std::string_view name) {
  if (values.size() <= 1) return {};
  return failure(HandshakeError::kDuplicateHeader, "the server's answer has " +
                                                       std::to_string(values.size()) + " " +
                                                       std::string(name) + " headers; there must be one");
}

Checked check_duplicates(const Fields& fields) {
  if (const auto checked = check_once(fields.upgrade, "Upgrade"); !checked) return checked;
  if (const auto checked = check_once(fields.accept, "Sec-WebSocket-Accept"); !checked) return checked;
  return check_once(fields.subprotocol, "Sec-WebSocket-Protocol");
}

Checked check_switch(const Fields& fields) {
  if (fields.upgrade.empty() || !detail::same_name(fields.upgrade[0], "websocket")) {
    const std::string found =
        fields.upgrade.empty() ? "no Upgrade header" : "Upgrade: " + detail::quoted(fields.upgrade[0]);
    return failure(HandshakeError::kUpgrade,
                   "the server switched protocols, but not to websocket (" + found + "); check the URL");
  }
  const bool upgrades = std::ranges::any_of(
      fields.connection, [](BytesView element) { return detail::same_name(element, "Upgrade"); });
  if (upgrades) return {};
  return failure(HandshakeError::kConnection, "the server's answer has no \"Connection: Upgrade\"");
}

Checked check_accept(const Fields& fields, BytesView key) {
  if (fields.accept.empty()) {
    return failure(HandshakeError::kAcceptMissing,
                   "the server's answer has no Sec-WebSocket-Accept: this is not a WebSocket endpoint");
  }
  if (fields.accept[0] == accept_for(key)) return {};
  return failure(
      HandshakeError::kAcceptWrong,
      "the server's Sec-WebSocket-Accept " + detail::quoted(fields.accept[0]) + " does not answer our key");
}

Checked check_subprotocol(const Fields& fields, const std::vector<std::string>& offered) {
  if (fields.subprotocol.empty()) return {};
  const BytesView chosen = fields.subprotocol[0];
  if (std::ranges::find(offered, chosen) != offered.end()) return {};
  return failure(HandshakeError::kSubprotocol,
                 "the server chose the subprotocol " + detail::quoted(chosen) + ", which was not offered");
}

std::string status_message(unsigned status) {
  std::string out = "the server answered with HTTP status " + std::to_string(status) + " instead of 101";
  if (status >= 300 && status < 400) return out + "; redirects are not followed, use the final URL";
  if (status == 401 || status == 403) return out + "; it wants other credentials in the headers";
  if (status == 404 || status == 405) return out + "; check the path of the URL";
  if (status == 426) return out + "; it wants another protocol version";
  if (status == 429 || status == 503) return out + "; it is busy, try again later";
  return out;
}

}  // namespace

std::string make_key(const std::array<uint8_t, 16>& random) { return base64(random); }

std::string accept_for(BytesView key) {
  std::string text(key);
  text += kGuid;
  std::array<unsigned char, 20> digest;
  unsigned size = digest.size();
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("libcrypto: SHA-1 failed");
  }
  return base64(digest);
}

Bytes build_request(const UpgradeRequest& request) {
  Bytes out;
  const auto line = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  out.append("GET ").append(request.target).append(" HTTP/1.1\r\n");
  line("Host", request.host_header);
  line("Upgrade", "websocket");
  line("Connection", "Upgrade");
  line("Sec-WebSocket-Key", request.key);
  line("Sec-WebSocket-Version", "13");
  if (!request.subprotocols.empty()) {
    std::string list = request.subprotocols[0];
    for (size_t i = 1; i < request.subprotocols.size(); ++i) list += ", " + request.subprotocols[i];
    line("Sec-WebSocket-Protocol", list);
  }
  if (request.deflate) line("Sec-WebSocket-Extensions", offer_text(*request.deflate));
  for (const HeaderField& field : request.headers) line(field.name, field.value);
  out.append("\r\n");
  return out;
}

std::expected<Handshake, HandshakeFailure> check_response(unsigned status,
                                                          std::span<const HeaderView> headers,
                                                          const UpgradeRequest& request) {
  if (status != 101) return failure(HandshakeError::kStatus, status_message(status));
  const Fields fields = collect(headers);
  if (auto checked = check_duplicates(fields); !checked) return std::unexpected(std::move(checked.error()));
  if (auto checked = check_switch(fields); !checked) return std::unexpected(std::move(checked.error()));
  if (auto checked = check_accept(fields, request.key); !checked)
    return std::unexpected(std::move(checked.error()));
  auto deflate = judge_extensions(fields.extensions, request.deflate);
  if (!deflate) return std::unexpected(std::move(deflate.error()));
  if (auto checked = check_subprotocol(fields, request.subprotocols); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return Handshake{fields.subprotocol.empty() ? std::string() : std::string(fields.subprotocol[0]), *deflate};
}

}  // namespace icws::ws
