#include "tests/support/hostile_scripts.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace icws::support {
namespace {

constexpr uint8_t kFinalText = 0x81;
constexpr uint8_t kFinalClose = 0x88;
constexpr uint8_t kFinalPing = 0x89;

// The misbehaviours that are one answer to the request and then patience.
Script answer(Bytes bytes) {
  return [bytes = std::move(bytes)](RawConnection& c) {
    if (c.send(bytes)) c.wait_closed();
  };
}

// The misbehaviours that are a good handshake, some bytes and then patience.
Script upgrade_then(Bytes bytes) {
  return [bytes = std::move(bytes)](RawConnection& c) {
    if (c.accept_upgrade() && c.send(bytes)) c.wait_closed();
  };
}

Script upgrade_with(Bytes further_headers) {
  return [headers = std::move(further_headers)](RawConnection& c) {
    if (c.accept_upgrade(headers)) c.wait_closed();
  };
}

void byte_by_byte(RawConnection& c) {
  const Bytes all = upgrade_answer(c.request()) + server_frame(kFinalText, "hello");
  bool good = true;
  for (const char byte : all) good = good && c.send(BytesView(&byte, 1));
  if (good) c.wait_closed();
}

Script handshake_script(Hostility hostility) {
  switch (hostility) {
    case Hostility::kGarbage:
      return answer(repeated("\x01\x02 this is not HTTP \xff\xfe\r\n", 50));
    case Hostility::kWrongAcceptKey:
      return answer(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
    case Hostility::kForbidden:
      return answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 11\r\n\r\ngo away now");
    case Hostility::kRedirect:
      return answer(
          "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n");
    case Hostility::kEndlessHeaders:
      return for_ever(Begin::kBare, "HTTP/1.1 101 Switching Protocols\r\n",
                      repeated("X-More: and more\r\n", 100));
    case Hostility::kEndlessBody:
      return for_ever(Begin::kBare, "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n",
                      "1000\r\n" + Bytes(0x1000, 'x') + "\r\n");
    case Hostility::kExtensionNotOffered:
      return upgrade_with("Sec-WebSocket-Extensions: x-not-offered\r\n");
    case Hostility::kSubprotocolNotOffered:
      return upgrade_with("Sec-WebSocket-Protocol: x-not-offered\r\n");
    case Hostility::kResetAtOnce:
      return [](RawConnection& c) { c.reset(); };
    case Hostility::kNone:
    case Hostility::kSilent:
      return [](RawConnection& c) { c.hold(); };
    default:
      return {};
  }
}

Script ending_script(Hostility hostility) {
  switch (hostility) {
    case Hostility::kResetAfterUpgrade:
      return [](RawConnection& c) {
        if (c.accept_upgrade()) c.reset();
      };
    case Hostility::kEndAfterUpgrade:
      return [](RawConnection& c) { c.accept_upgrade(); };
    case Hostility::kEndInMessage:
      return [](RawConnection& c) {
        if (c.accept_upgrade()) c.send(server_frame(kFinalText, "half a message").substr(0, 8));
      };
    case Hostility::kBadCloseCode:
      return upgrade_then(server_frame(kFinalClose, "\x03\xed"));  // 1005: never on the wire
    case Hostility::kCloseOneByte:
      return upgrade_then(server_frame(kFinalClose, "\x03"));
    case Hostility::kCloseThenHold:
      return [](RawConnection& c) {
        if (c.accept_upgrade() && c.send(server_frame(kFinalClose, "\x03\xe8"))) c.hold();
      };
    default:
      return {};
  }
}

Script frame_script(Hostility hostility) {
  switch (hostility) {
    case Hostility::kInvalidUtf8:
      return upgrade_then(server_frame(kFinalText, "good \xc3\x28 bad"));
    case Hostility::kInvalidUtf8Fragmented:
      return upgrade_then(server_frame(0x01, "good \xe2\x82") + server_frame(0x80, "\x28 bad"));
    case Hostility::kOversizeMessage:
      return for_ever(Begin::kUpgraded, Bytes("\x82\x7f\0\0\0\0\x40\0\0\0", 10), Bytes(65536, 'x'));
    case Hostility::kOversizeLength:
      return upgrade_then(Bytes("\x82\x7f\x80\0\0\0\0\0\0\x05hello", 15));
    case Hostility::kNonMinimalLength:
      return upgrade_then(Bytes("\x81\x7e\0\x05hello", 9));
    case Hostility::kMaskedFrame:
      return upgrade_then(Bytes("\x81\x85\0\0\0\0hello", 11));
    case Hostility::kReservedBit:
      return upgrade_then(server_frame(0xc1, "hello"));
    case Hostility::kReservedOpcode:
      return upgrade_then(server_frame(0x83, "hello"));
    case Hostility::kFragmentedControl:
      return upgrade_then(server_frame(0x09, "hello"));
    case Hostility::kLongControl:
      return upgrade_then(server_frame(kFinalPing, Bytes(126, 'x')));
    case Hostility::kContinuationFirst:
      return upgrade_then(server_frame(0x80, "hello"));
    case Hostility::kTextInFragments:
      return upgrade_then(server_frame(0x01, "hel") + server_frame(kFinalText, "lo"));
    case Hostility::kEndlessEmptyFragments:
      return for_ever(Begin::kUpgraded, server_frame(0x01, ""), repeated(Bytes(2, '\0'), 10'000));
    case Hostility::kPingFlood:
      return for_ever(Begin::kUpgraded, "", repeated(server_frame(kFinalPing, "ping"), 1000));
    case Hostility::kByteByByte:
      return byte_by_byte;
    default:
      return {};
  }
}

}  // namespace

Script for_ever(Begin begin, Bytes head, Bytes part, std::chrono::milliseconds pause) {
  return [=](RawConnection& c) {
    if (begin == Begin::kUpgraded && !c.accept_upgrade()) return;
    bool going_on = c.send(head);
    while (going_on) going_on = (pause.count() == 0 || c.pause(pause)) && c.send(part);
  };
}

Bytes repeated(BytesView part, size_t count) {
  Bytes out;
  for (size_t i = 0; i < count; ++i) out += part;
  return out;
}

Bytes server_frame(uint8_t first_byte, BytesView payload) {
  Bytes out(1, static_cast<char>(first_byte));
  const size_t size = payload.size();
  const size_t length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  out.push_back(static_cast<char>(length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127));
  for (size_t i = length_bytes; i > 0; --i) out.push_back(static_cast<char>(size >> (8 * (i - 1))));
  return out.append(payload);
}

Bytes accept_key_for(BytesView request) {
  static constexpr BytesView kField = "\r\nsec-websocket-key:";
  Bytes lower(request);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  size_t begin = lower.find(kField);
  if (begin == Bytes::npos) return {};
  begin = request.find_first_not_of(' ', begin + kField.size());
  const Bytes key = Bytes(request.substr(begin, request.find('\r', begin) - begin)) +
                    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  std::array<unsigned char, 32> text;
  const int size = EVP_EncodeBlock(text.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(text.data()), static_cast<size_t>(size)};
}

Bytes upgrade_answer(BytesView request, BytesView further_headers) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         accept_key_for(request) + "\r\n" + Bytes(further_headers) + "\r\n";
}

Script hostile_script(Hostility hostility) {
  if (auto script = handshake_script(hostility)) return script;
  if (auto script = ending_script(hostility)) return script;
  return frame_script(hostility);
}

}  // namespace icws::support
