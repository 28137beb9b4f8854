#include "tests/support/hostile_attacks.h"

#include <openssl/ssl.h>
#include <zlib.h>

#include <stdexcept>
#include <utility>

#include "tests/support/hostile_scripts.h"

namespace icws::support {
namespace {

constexpr std::chrono::milliseconds kDrip{20};
constexpr uint8_t kText = 0x81;
constexpr uint8_t kTextFragment = 0x01;
constexpr uint8_t kContinuation = 0x00;
constexpr uint8_t kClose = 0x88;
constexpr uint8_t kPing = 0x89;
constexpr uint8_t kPong = 0x8A;

const Bytes kForbiddenChunked = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
const Bytes kSwitching = "HTTP/1.1 101 Switching Protocols\r\n";

Attack plain(std::string name, Script script) { return {std::move(name), {}, std::move(script), false}; }

Attack broken_rule(Hostility hostility) {
  return plain(hostility_name(hostility), hostile_script(hostility));
}

// Pings until the client's answers fill all buffers on the way, and then silence.
void ping_and_never_read(RawConnection& c) {
  c.narrow();
  if (!c.accept_upgrade()) return;
  // Fewer than count as a flood.
  for (int i = 0; i < 900; ++i) {
    if (!c.send(server_frame(kPing, Bytes(125, 'p')))) return;
  }
  c.hold();
}

constexpr uint8_t kCompressedText = 0xC1;
constexpr BytesView kCompresses = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

// So many zeros as one compressed message (RFC 7692, section 7.2.1): a thousandth of it on the wire.
Bytes bomb(size_t size) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib has no memory");
  const Bytes zeros(size, '0');
  Bytes out(deflateBound(&stream, size) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
  stream.avail_in = static_cast<uInt>(size);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_SYNC_FLUSH);
  // Without the last four bytes, which the receiver puts back.
  out.resize(stream.total_out - 4);
  deflateEnd(&stream);
  return server_frame(kCompressedText, out);
}

// A good handshake that takes the offered compression; `head`, then `part` again and again.
Script compress_for_ever(Bytes head, Bytes part) {
  return [head = std::move(head), part = std::move(part)](RawConnection& c) {
    bool going_on = c.accept_upgrade(kCompresses) && c.send(head);
    while (going_on) going_on = c.send(part);
  };
}

void compressed_beyond_memory(RawConnection& c) {
  // RSV1, and 2^58 bytes announced.
  if (!c.accept_upgrade() || !c.send(Bytes("\xc1\x7f\x04\0\0\0\0\0\0\0first", 15))) return;
  if (c.send("second packet")) c.wait_closed();
}

void close_then_talk(RawConnection& c) {
  for_ever(Begin::kUpgraded, server_frame(kClose, "\x03\xe8"),
           repeated(server_frame(kText, "more"), 1000))(c);
}

// Most of a message, and then a masked frame.
void hoard_and_break(RawConnection& c) {
  if (!c.accept_upgrade() || !c.send(server_frame(kTextFragment, Bytes(900'000, 'x')))) return;
  if (c.send(Bytes("\x80\x81\0\0\0\0x", 7))) c.wait_closed();
}

void announce_and_stall(RawConnection& c) {
  // 900,000 bytes, of which some come.
  if (c.accept_upgrade() && c.send(Bytes("\x82\x7f\0\0\0\0\0\x0d\xbb\xa0 some", 15))) c.hold();
}

void byte_by_byte_messages(RawConnection& c) {
  if (!c.accept_upgrade()) return;
  const Bytes all = repeated(server_frame(kText, Bytes(100, 'x')), 100);
  for (const char byte : all) {
    if (!c.send(BytesView(&byte, 1))) return;
  }
  c.wait_closed();
}

// Each byte of the messages in a TLS record of its own, as fast as they can be made.
void tiny_records(RawConnection& c) {
  if (!c.accept_upgrade()) return;
  const Bytes message = server_frame(kText, Bytes(100, 'x'));
  for (bool going_on = true; going_on;) {
    for (const char& byte : message) going_on = going_on && c.send(BytesView(&byte, 1));
  }
}

// The client is asked to negotiate again, and then to go on.
void renegotiate(RawConnection& c) {
  if (!c.accept_upgrade()) return;
  const bool asked = SSL_renegotiate(c.tls()) == 1 && SSL_do_handshake(c.tls()) == 1;
  if (asked) c.wait_closed();
}

// Handshake messages that TLS 1.3 allows at any time, and no byte for the application.
template <class Ask>
Script endless_tls_messages(Ask ask) {
  return [ask](RawConnection& c) {
    if (!c.accept_upgrade()) return;
    while (c.send({}) && ask(c.tls()) == 1 && SSL_do_handshake(c.tls()) == 1) {
    }
  };
}

HostileTransport tls(const CertificateAuthority& authority) { return {.tls = authority.localhost()}; }

Attack certificate(std::string name, const CertificateAuthority& authority, const LeafOptions& leaf) {
  return {std::move(name), {.tls = authority.issue(leaf)}, hostile_script(Hostility::kSilent), true};
}

// Far more certificates than a chain has: 100 KiB and more.
void add_long_chain(ssl_ctx_st* context) {
  for (int i = 0; i < 400; ++i) SSL_CTX_add1_chain_cert(context, SSL_CTX_get0_certificate(context));
}

void allow_only_tls_1_1(ssl_ctx_st* context) {
  SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0");
  SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
}

void allow_only_tls_1_2(ssl_ctx_st* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); }

}  // namespace

std::vector<Attack> handshake_attacks() {
  return {
      broken_rule(Hostility::kRedirect),
      broken_rule(Hostility::kEndlessHeaders),
      broken_rule(Hostility::kEndlessBody),
      broken_rule(Hostility::kSilent),
      plain("endless-trailers",
            for_ever(Begin::kBare, kForbiddenChunked + "0\r\n", repeated("X: more\r\n", 100))),
      plain("endless-chunk-extension",
            for_ever(Begin::kBare, kForbiddenChunked + "1", repeated(";name=value", 100))),
      plain("endless-line", for_ever(Begin::kBare, kSwitching + "X: ", Bytes(1000, 'x'))),
      plain("endless-continue", for_ever(Begin::kBare, "", repeated("HTTP/1.1 100 Continue\r\n\r\n", 100))),
      plain("slow-headers", for_ever(Begin::kBare, kSwitching, "X: y\r\n", kDrip)),
      plain("slow-line", for_ever(Begin::kBare, kSwitching, "x", kDrip)),
  };
}

std::vector<Attack> frame_attacks() {
  return {
      broken_rule(Hostility::kOversizeMessage),
      broken_rule(Hostility::kOversizeLength),
      broken_rule(Hostility::kEndlessEmptyFragments),
      broken_rule(Hostility::kCloseThenHold),
      broken_rule(Hostility::kPingFlood),
      plain("compressed-2^58", compressed_beyond_memory),
      plain("pings-never-reads", ping_and_never_read),
      plain("pong-flood", for_ever(Begin::kUpgraded, "", repeated(server_frame(kPong, ""), 1000))),
      plain("endless-fragments", for_ever(Begin::kUpgraded, server_frame(kTextFragment, "x"),
                                          repeated(server_frame(kContinuation, "x"), 10'000))),
      plain("fragments-and-pings",
            for_ever(Begin::kUpgraded, server_frame(kTextFragment, "x"),
                     repeated(server_frame(kContinuation, "x") + server_frame(kPing, "p"), 1000))),
      plain("close-then-talk", close_then_talk),
      plain("slow-frame", for_ever(Begin::kUpgraded, Bytes("\x82\x7e\x7f\xff", 4), "x", kDrip)),
      plain("slow-fragments", for_ever(Begin::kUpgraded, server_frame(kTextFragment, "x"),
                                       server_frame(kContinuation, "x"), kDrip)),
      plain("announce-and-stall", announce_and_stall),
      plain("hoard-and-break", hoard_and_break),
      plain("byte-by-byte-messages", byte_by_byte_messages),
      plain("endless-messages",
            for_ever(Begin::kUpgraded, "", repeated(server_frame(kText, Bytes(4096, 'x')), 10))),
  };
}

std::vector<Attack> tls_attacks(const CertificateAuthority& authority) {
  const auto silent = hostile_script(Hostility::kSilent);
  const auto hold = [](RawConnection& c) { c.hold(); };
  const auto speak_http = [](RawConnection& c) {
    if (c.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) c.wait_closed();
  };
  const auto new_ticket = [](ssl_st* ssl) { return SSL_new_session_ticket(ssl); };
  const auto new_key = [](ssl_st* ssl) { return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED); };
  auto chained = tls(authority);
  chained.configure_tls = add_long_chain;
  auto old = tls(authority);
  old.configure_tls = allow_only_tls_1_1;
  auto before_1_3 = tls(authority);
  before_1_3.configure_tls = allow_only_tls_1_2;
  auto slow = tls(authority);
  slow.dribble = kDrip;
  auto dribbling = tls(authority);
  dribbling.dribble = std::chrono::milliseconds(0);
  return {
      {"tls-silent", {.at_once = true}, hold, true},
      {"tls-plain-http", {.at_once = true}, speak_http, true},
      {"tls-1.1-only", old, silent, true},
      {"tls-long-chain", chained, silent, true},
      {"tls-slow-handshake", slow, silent, true},
      {"tls-renegotiation", before_1_3, renegotiate, true},
      {"tls-endless-tickets", tls(authority), endless_tls_messages(new_ticket), true},
      {"tls-endless-key-updates", tls(authority), endless_tls_messages(new_key), true},
      {"tls-tiny-records", tls(authority), tiny_records, true},
      {"tls-dribbled-records", dribbling, byte_by_byte_messages, true},
      certificate("certificate-expired", authority, {.validity = Validity::kExpired}),
      certificate("certificate-wrong-name", authority, {.dns_names = {"other.example"}, .ip_addresses = {}}),
      certificate("certificate-unknown-issuer", CertificateAuthority("stranger"), {}),
  };
}

std::vector<Attack> compression_attacks() {
  return {
      plain("bomb", compress_for_ever("", bomb(64 * 1024 * 1024))),
      // Each is a message that may be.
      plain("endless-small-bombs", compress_for_ever("", bomb(900'000))),
      plain("negotiated-2^58",
            compress_for_ever(Bytes("\xc1\x7f\x04\0\0\0\0\0\0\0", 10), Bytes(65'536, 'x'))),
      plain("compressed-garbage",
            compress_for_ever("", server_frame(kCompressedText, Bytes(60'000, '\xff')))),
  };
}

std::string attack_url(const Attack& attack, const HostileServer& server) {
  return (attack.secure ? "wss://localhost:" : "ws://127.0.0.1:") + std::to_string(server.port()) + "/attack";
}

}  // namespace icws::support
