// permessage-deflate against Beast as the server: every agreement that both sides can come to, both
// directions, random messages in random fragments and chunks. In memory; nothing here waits.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "base/prng.h"
#include "tests/unit/ws/peer_deflate.h"
#include "tests/unit/ws/recorder.h"
#include "ws/deflater.h"
#include "ws/encoder.h"
#include "ws/handshake.h"

namespace icws::ws {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr int kMessagesPerAgreement = 8;

struct Message {
  bool text;
  Bytes content;
  bool operator==(const Message&) const = default;
};

// Beast at the other end of a pipe in memory. All methods run until nothing more happens.
class BeastServer {
 public:
  explicit BeastServer(const websocket::permessage_deflate& options)
      : server_(io_), pipe_(beast::test::connect(server_.next_layer())) {
    server_.set_option(options);
    server_.async_accept([this](const beast::error_code& error) {
      error_ = error;
      if (!error) read();
    });
  }

  // Our bytes to Beast.
  void feed(BytesView bytes) {
    pipe_.write_some(asio::buffer(bytes.data(), bytes.size()));
    settle();
  }
  // Beast's bytes to us, all that there are.
  Bytes take() {
    settle();
    const Bytes out(pipe_.str());
    pipe_.clear();
    return out;
  }
  void send(const Message& message, Prng& prng) {
    server_.text(message.text);
    server_.auto_fragment(prng.chance(1, 2));
    server_.write_buffer_bytes(8 + prng.below(5'000));
    // Either as one, or part by part.
    BytesView rest = message.content;
    while (prng.chance(1, 3)) {
      const BytesView part = rest.substr(0, prng.below(rest.size() + 1));
      rest.remove_prefix(part.size());
      write(part, false);
    }
    write(rest, true);
  }
  std::deque<Message>& received() { return received_; }
  const beast::error_code& error() const { return error_; }

 private:
  void settle() {
    io_.restart();
    io_.poll();
  }

  void write(BytesView part, bool final) {
    server_.async_write_some(final, asio::buffer(part.data(), part.size()),
                             [this](const beast::error_code& error, size_t) {
                               if (error) error_ = error;
                             });
    settle();
  }

  void read() {
    server_.async_read(buffer_, [this](const beast::error_code& error, size_t) {
      if (error) {
        error_ = error;
        return;
      }
      const auto data = buffer_.cdata();
      received_.push_back({server_.got_text(), Bytes(static_cast<const char*>(data.data()), data.size())});
      buffer_.clear();
      read();
    });
  }

  asio::io_context io_;
  websocket::stream<beast::test::stream> server_;
  beast::test::stream pipe_;
  beast::flat_buffer buffer_;
  std::deque<Message> received_;
  beast::error_code error_;
};

// The header's lines, less the first one and the empty one; `head` must outlive them.
std::vector<HeaderView> parse_fields(BytesView head) {
  std::vector<HeaderView> out;
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.starts_with("\r\n")) {
    const BytesView line = head.substr(0, head.find("\r\n"));
    const size_t colon = line.find(':');
    out.push_back({line.substr(0, colon), line.substr(colon + 1)});
    head.remove_prefix(line.size() + 2);
  }
  return out;
}

std::expected<Handshake, HandshakeFailure> shake_hands(BeastServer& server, const DeflateOffer& offer) {
  UpgradeRequest request;
  request.target = "/";
  request.host_header = "localhost";
  request.key = make_key({1, 2, 3});
  request.deflate = offer;
  server.feed(build_request(request));
  const Bytes answer = server.take();
  if (!answer.ends_with("\r\n\r\n"))
    return std::unexpected(HandshakeFailure{HandshakeError::kStatus, answer});
  return check_response(101, parse_fields(answer), request);
}

Message random_message(Prng& prng) {
  static constexpr size_t kSizes[] = {1, 20, 300, 5'000, 70'000};
  static constexpr BytesView kPieces[] = {"price",           "0", "{\"k\":1}", "\xC3\xA9", "\xE2\x82\xAC",
                                          "xxxxxxxxxxxxxxxx"};
  const size_t size = prng.below(kSizes[prng.below(std::size(kSizes))]);
  Message out{prng.chance(1, 2), {}};
  const bool noise = !out.text && prng.chance(1, 2);
  while (out.content.size() < size) {
    if (noise) {
      out.content.push_back(static_cast<char>(prng.next()));
    } else if (prng.chance(1, 8) && !out.content.empty()) {
      // A repetition over a distance, cut between code points: whole copies only.
      out.content += Bytes(out.content);
    } else {
      out.content += kPieces[prng.below(std::size(kPieces))];
    }
  }
  return out;
}

Bytes masked_frame(uint8_t first, BytesView payload, Prng& prng) {
  const MaskKey key = {static_cast<uint8_t>(prng.next()), 2, 3, static_cast<uint8_t>(prng.next())};
  // A binary frame whose first byte is then exchanged.
  Bytes out;
  append_binary(out, payload, key);
  out[0] = static_cast<char>(first);
  return out;
}

// Our message as the adapter writes it, or in fragments.
Bytes our_frames(const Message& message, Deflater& deflater, testing::PeerInflater& zlib, Prng& prng) {
  Bytes wire;
  const bool compressed = deflater.compress(message.content, wire);
  if (compressed) {
    EXPECT_TRUE(zlib.message(wire) == message.content);
  }
  BytesView rest = compressed ? BytesView(wire) : BytesView(message.content);
  uint8_t first = static_cast<uint8_t>((message.text ? 1 : 2) | (compressed ? 0x40 : 0));
  Bytes out;
  while (prng.chance(1, 3)) {
    const BytesView part = rest.substr(0, prng.below(rest.size() + 1));
    out += masked_frame(first, part, prng);
    rest.remove_prefix(part.size());
    first = 0;
  }
  return out + masked_frame(first | 0x80, rest, prng);
}

void exchange(BeastServer& server, const DeflateParameters& agreed, Prng& prng) {
  Decoder decoder({.inflate_ratio_max = 1'032}, agreed);
  Deflater deflater(agreed, static_cast<uint8_t>(9 + prng.below(7)));
  testing::PeerInflater zlib(agreed.client_max_window_bits, !agreed.client_no_context_takeover);
  for (int i = 0; i < kMessagesPerAgreement; ++i) {
    const Message theirs = random_message(prng);
    server.send(theirs, prng);
    testing::Outcome outcome;
    const Bytes stream = server.take();
    for (BytesView rest = stream; !rest.empty();) {
      const BytesView chunk = rest.substr(0, 1 + prng.below(prng.chance(1, 2) ? 10 : 5'000));
      rest.remove_prefix(chunk.size());
      testing::feed(decoder, chunk, outcome);
    }
    ASSERT_FALSE(outcome.error) << describe(*outcome.error);
    ASSERT_EQ(outcome.events.size(), 1u);
    ASSERT_EQ(outcome.events[0].kind == EventKind::kText, theirs.text);
    ASSERT_TRUE(outcome.events[0].payload == theirs.content);

    const Message ours = random_message(prng);
    const Bytes frames = our_frames(ours, deflater, zlib, prng);
    for (BytesView rest = frames; !rest.empty();) {
      const BytesView chunk = rest.substr(0, 1 + prng.below(5'000));
      rest.remove_prefix(chunk.size());
      server.feed(chunk);
    }
    ASSERT_FALSE(server.error()) << server.error().message();
    ASSERT_EQ(server.received().size(), 1u);
    ASSERT_TRUE(server.received().front() == ours);
    server.received().clear();
  }
}

websocket::permessage_deflate server_options(Prng& prng, int server_bits, int client_bits,
                                             bool server_forgets, bool client_forgets) {
  websocket::permessage_deflate out;
  out.server_enable = true;
  out.server_max_window_bits = server_bits;
  out.client_max_window_bits = client_bits;
  out.server_no_context_takeover = server_forgets;
  out.client_no_context_takeover = client_forgets;
  out.compLevel = static_cast<int>(prng.below(10));
  out.memLevel = static_cast<int>(1 + prng.below(9));
  return out;
}

std::vector<DeflateOffer> offers() {
  std::vector<DeflateOffer> out;
  for (const bool server_forgets : {false, true}) {
    for (const bool client_forgets : {false, true}) {
      for (const uint8_t server_bits : {9, 12, 15}) {
        for (const std::optional<uint8_t> client_bits :
             {std::optional<uint8_t>(), std::optional<uint8_t>(9), std::optional<uint8_t>(15)}) {
          out.push_back({server_forgets, client_forgets, server_bits, client_bits});
        }
      }
    }
  }
  return out;
}

TEST(DeflateAgainstBeast, UnderstandsEveryAgreement) {
  uint64_t seed = 0;
  uint64_t agreements = 0;
  for (const DeflateOffer& offer : offers()) {
    for (const int server_bits : {9, 15}) {
      for (const int client_bits : {9, 15}) {
        for (const int forgets : {0, 1, 2, 3}) {
          SCOPED_TRACE(offer_text(offer) + " to a server with " + std::to_string(server_bits) + ", " +
                       std::to_string(client_bits) + ", " + std::to_string(forgets) + "; seed " +
                       std::to_string(seed));
          Prng prng(seed++);
          BeastServer server(
              server_options(prng, server_bits, client_bits, (forgets & 1) != 0, (forgets & 2) != 0));
          const auto agreed = shake_hands(server, offer);
          ASSERT_TRUE(agreed) << agreed.error().message;
          // A server that wants smaller windows than it may ask for declines.
          ASSERT_TRUE(agreed->deflate || (!offer.client_max_window_bits && client_bits < 15));
          if (!agreed->deflate) continue;
          ++agreements;
          exchange(server, *agreed->deflate, prng);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
  EXPECT_EQ(agreements, seed * 5 / 6);
}

}  // namespace
}  // namespace icws::ws
