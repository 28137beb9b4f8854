// The client's codec against an independent implementation, Boost.Beast's server, in memory: random sequences
// of messages, fragments, control frames and closes, both ways and in any chunks, the same ones every time.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <optional>
#include <string>
#include <vector>

#include "adapter/upgrade.h"
#include "base/prng.h"
#include "tests/unit/ws/recorder.h"
#include "ws/encoder.h"
#include "ws/handshake.h"

namespace icws {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using ws::EventKind;
using ws::testing::Record;

constexpr uint64_t kSequences = 3'000;
constexpr uint64_t kActionsMax = 12;

Bytes view_of(beast::string_view text) { return {text.data(), text.size()}; }

// Around the edges of the three forms of a length, else short.
size_t random_size(Prng& prng) {
  static constexpr size_t kEdges[] = {0, 1, 125, 126, 127, 65'535, 65'536};
  if (prng.below(8) == 0) return kEdges[prng.below(std::size(kEdges))];
  return prng.below(600);
}

Bytes random_bytes(Prng& prng, size_t size, bool text) {
  static constexpr BytesView kLetters[] = {
      "a", "{", "\"", "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  Bytes out;
  while (out.size() < size) {
    if (text) {
      const BytesView letter = kLetters[prng.below(std::size(kLetters))];
      out += out.size() + letter.size() <= size ? letter : BytesView("x");
    } else {
      out.push_back(static_cast<char>(prng.next()));
    }
  }
  return out;
}

ws::MaskKey random_mask(Prng& prng) {
  ws::MaskKey out;
  for (auto& byte : out) byte = static_cast<uint8_t>(prng.next());
  return out;
}

// A code that both may send.
ws::CloseCode random_code(Prng& prng) {
  static constexpr ws::CloseCode kCodes[] = {1000, 1001, 1003, 1007, 1008, 1009, 1011, 3000, 4999};
  return kCodes[prng.below(std::size(kCodes))];
}

// What the server's side has seen.
struct Heard {
  std::vector<Record> events;
  bool ended = false;
  bool operator==(const Heard&) const = default;
};

// What: a Beast server and our codec, joined by memory. Each verb acts on one side, then all bytes are
// carried over until both are silent. Thread-safety: none.
class Pair {
 public:
  explicit Pair(Prng& prng) : prng_(prng) {
    wire_.connect(server_.next_layer());
    server_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                       websocket::stream_base::none(), false});
    server_.auto_fragment(prng_.below(2) == 0);
    server_.write_buffer_bytes(8 + prng_.below(2'000));
    server_.read_message_max(1 << 20);
    server_.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
      if (kind == websocket::frame_type::close) return;
      const bool ping = kind == websocket::frame_type::ping;
      heard_.events.push_back({ping ? EventKind::kPing : EventKind::kPong, 0, view_of(payload)});
    });
  }

  // Nothing is asked for that the server does not have.
  bool shake_hands() {
    ws::UpgradeRequest request;
    request.target = "/";
    request.host_header = "localhost";
    std::array<uint8_t, 16> random;
    for (auto& byte : random) byte = static_cast<uint8_t>(prng_.next());
    request.key = ws::make_key(random);
    bool accepted = false;
    server_.async_accept([&](beast::error_code error) { accepted = !error; });
    write_to_server(ws::build_request(request));
    adapter::ResponseHead head;
    const Bytes answer = read_from_server();
    const auto used = head.feed(answer);
    if (!accepted || !used || !head.done() || *used != answer.size()) return false;
    read();
    return adapter::judge_response(head.text(), request, {}).has_value();
  }

  // --- The server's verbs: what our decoder makes of them is in events().
  void server_sends(bool text, const Bytes& message) {
    server_.text(text);
    server_.async_write(asio::buffer(message), [](beast::error_code, size_t) {});
    run();
  }
  // A frame of its own; more may follow.
  void server_sends_part(bool text, const Bytes& part, bool last) {
    server_.text(text);
    server_.async_write_some(last, asio::buffer(part), [](beast::error_code, size_t) {});
    run();
  }
  void server_pings(const Bytes& payload) {
    server_.async_ping({payload.data(), payload.size()}, [](beast::error_code) {});
    run();
  }
  void server_pongs(const Bytes& payload) {
    server_.async_pong({payload.data(), payload.size()}, [](beast::error_code) {});
    run();
  }
  void server_closes(ws::CloseCode code, const Bytes& reason) {
    server_.async_close(websocket::close_reason(websocket::close_code(code), {reason.data(), reason.size()}),
                        [this](beast::error_code error) { heard_.ended = !error; });
    run();
  }

  // --- The client's: what the server makes of them is in heard().
  void client_sends(const Bytes& frames) {
    write_to_server(frames);
    run();
  }

  std::vector<Record> take_events() { return std::exchange(outcome_.events, {}); }
  std::optional<ws::DecodeError> error() const { return outcome_.error; }
  Heard take_heard() { return std::exchange(heard_, {}); }
  websocket::close_reason close_reason() const { return server_.reason(); }

 private:
  void read() {
    server_.async_read(buffer_, [this](beast::error_code error, size_t) {
      if (error) {
        heard_.ended = heard_.ended || error == websocket::error::closed;
        return;
      }
      heard_.events.push_back({server_.got_text() ? EventKind::kText : EventKind::kBinary, 0,
                               Bytes(static_cast<const char*>(buffer_.data().data()), buffer_.size())});
      buffer_.clear();
      read();
    });
  }

  void poll() {
    io_.restart();
    io_.poll();
  }

  void write_to_server(BytesView bytes) {
    while (!bytes.empty()) {
      const BytesView chunk = bytes.substr(0, 1 + prng_.below(prng_.below(4) == 0 ? 8 : 70'000));
      beast::error_code error;
      wire_.write_some(asio::buffer(chunk.data(), chunk.size()), error);
      bytes.remove_prefix(chunk.size());
      poll();
    }
  }

  Bytes read_from_server() {
    poll();
    const Bytes out = view_of(wire_.str());
    wire_.clear();
    return out;
  }

  void run() {
    const Bytes bytes = read_from_server();
    BytesView rest = bytes;
    while (!rest.empty()) {
      const BytesView chunk = rest.substr(0, 1 + prng_.below(prng_.below(4) == 0 ? 8 : 70'000));
      rest.remove_prefix(chunk.size());
      ws::testing::feed(decoder_, chunk, outcome_);
    }
  }

  Prng& prng_;
  asio::io_context io_;
  beast::test::stream wire_{io_};
  websocket::stream<beast::test::stream> server_{io_};
  beast::flat_buffer buffer_;
  ws::Decoder decoder_;
  ws::testing::Outcome outcome_;
  Heard heard_;
};

EventKind data_kind(bool text) { return text ? EventKind::kText : EventKind::kBinary; }

void server_message(Pair& pair, Prng& prng) {
  const bool text = prng.below(2) == 0;
  const Bytes message = random_bytes(prng, random_size(prng), text);
  pair.server_sends(text, message);
  EXPECT_EQ(pair.take_events(), (std::vector<Record>{{data_kind(text), 0, message}}));
}

// Fragments with pings between them.
void server_fragments(Pair& pair, Prng& prng) {
  const bool text = prng.below(2) == 0;
  const Bytes message = random_bytes(prng, random_size(prng), text);
  std::vector<Record> expected;
  BytesView rest = message;
  for (bool last = false; !last;) {
    last = prng.below(3) == 0;
    const Bytes part(rest.substr(0, last ? rest.size() : prng.below(rest.size() + 1)));
    rest.remove_prefix(part.size());
    pair.server_sends_part(text, part, last);
    if (last || prng.below(2) == 0) continue;
    expected.push_back({EventKind::kPing, 0, random_bytes(prng, prng.below(126), false)});
    pair.server_pings(expected.back().payload);
  }
  expected.push_back({data_kind(text), 0, message});
  EXPECT_EQ(pair.take_events(), expected);
}

void server_control(Pair& pair, Prng& prng) {
  const Bytes payload = random_bytes(prng, prng.below(126), false);
  const bool ping = prng.below(2) == 0;
  if (ping) {
    pair.server_pings(payload);
  } else {
    pair.server_pongs(payload);
  }
  EXPECT_EQ(pair.take_events(),
            (std::vector<Record>{{ping ? EventKind::kPing : EventKind::kPong, 0, payload}}));
}

void client_message(Pair& pair, Prng& prng) {
  const bool text = prng.below(2) == 0;
  const Bytes message = random_bytes(prng, random_size(prng), text);
  Bytes frame;
  if (text) {
    ASSERT_TRUE(ws::append_text(frame, message, random_mask(prng)));
  } else {
    ws::append_binary(frame, message, random_mask(prng));
  }
  pair.client_sends(frame);
  EXPECT_EQ(pair.take_heard(), (Heard{{{data_kind(text), 0, message}}, false}));
}

void client_control(Pair& pair, Prng& prng) {
  const Bytes payload = random_bytes(prng, prng.below(126), false);
  Bytes frame;
  const bool ping = prng.below(2) == 0;
  ASSERT_TRUE(ping ? ws::append_ping(frame, payload, random_mask(prng))
                   : ws::append_pong(frame, payload, random_mask(prng)));
  pair.client_sends(frame);
  EXPECT_EQ(pair.take_heard(), (Heard{{{ping ? EventKind::kPing : EventKind::kPong, 0, payload}}, false}));
  std::vector<Record> answer;
  if (ping) answer.push_back({EventKind::kPong, 0, payload});
  EXPECT_EQ(pair.take_events(), answer);
}

// Whoever begins, the other one answers with the same code.
void close(Pair& pair, Prng& prng) {
  const ws::CloseCode code = random_code(prng);
  const Bytes reason = random_bytes(prng, prng.below(124), true);
  Bytes frame;
  if (prng.below(2) == 0) {
    pair.server_closes(code, reason);
    EXPECT_EQ(pair.take_events(), (std::vector<Record>{{EventKind::kClose, code, reason}}));
    ASSERT_TRUE(ws::append_close(frame, code, "", random_mask(prng)));
    pair.client_sends(frame);
  } else {
    ASSERT_TRUE(ws::append_close(frame, code, reason, random_mask(prng)));
    pair.client_sends(frame);
    const auto events = pair.take_events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, EventKind::kClose);
    EXPECT_EQ(events[0].close_code, code);
    EXPECT_EQ(view_of({pair.close_reason().reason.data(), pair.close_reason().reason.size()}), reason);
  }
  EXPECT_EQ(pair.close_reason().code, code);
  EXPECT_TRUE(pair.take_heard().ended);
}

TEST(BeastDifferential, AgreesOnEverySequence) {
  using Action = void (*)(Pair&, Prng&);
  static constexpr Action kActions[] = {server_message, server_fragments, server_control, client_message,
                                        client_control};
  for (uint64_t seed = 1; seed <= kSequences && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng prng(seed);
    Pair pair(prng);
    ASSERT_TRUE(pair.shake_hands());
    for (uint64_t left = 1 + prng.below(kActionsMax); left > 0; --left) {
      kActions[prng.below(std::size(kActions))](pair, prng);
    }
    close(pair, prng);
    EXPECT_FALSE(pair.error());
  }
}

}  // namespace
}  // namespace icws
