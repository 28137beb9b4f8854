#include "engine/cometbft/abci_server.h"

#include <gtest/gtest.h>

#include <boost/asio.hpp>

#include "engine/cometbft/frame_codec.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/waiting.h"
#include "tests/unit/engine_cometbft/abci_chain.h"

namespace icws::engine {
namespace {

namespace asio = boost::asio;

// A node's end of one connection.
class NodeEnd {
 public:
  explicit NodeEnd(const std::filesystem::path& socket) : socket_(context_) {
    socket_.connect(asio::local::stream_protocol::endpoint(socket.string()));
  }
  void write(BytesView bytes) { asio::write(socket_, asio::buffer(bytes)); }
  void send(const abci::Request& request) {
    Bytes out;
    append_frame_length(out, request.ByteSizeLong());
    write(out + request.SerializeAsString());
  }
  // Empty: the application closed the connection.
  std::optional<abci::Response> receive() {
    while (true) {
      const auto frame = reader_.next();
      if (frame && *frame) {
        abci::Response out;
        EXPECT_TRUE(out.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size())));
        return out;
      }
      std::array<char, 4096> buffer{};
      boost::system::error_code error;
      const size_t size = socket_.read_some(asio::buffer(buffer), error);
      if (error) return std::nullopt;
      reader_.feed(BytesView(buffer.data(), size));
    }
  }
  void close() { socket_.close(); }

 private:
  asio::io_context context_;
  asio::local::stream_protocol::socket socket_;
  FrameReader reader_;
};

abci::Request echo(const std::string& text) {
  abci::Request out;
  out.mutable_echo()->set_message(text);
  return out;
}

class AbciServerTest : public testing::Test {
 protected:
  AbciServerConfig config() const {
    return {.socket = directory_ / "abci.sock", .connections_max = 4, .message_timeout = Milliseconds(200)};
  }
  NodeEnd connect() { return NodeEnd(directory_ / "abci.sock"); }
  void expect_end(const std::string& why) {
    const auto said = ended_.take();
    ASSERT_TRUE(said);
    EXPECT_NE(said->find(why), std::string::npos) << *said;
  }

  support::TemporaryDirectory directory_;
  AbciChain chain_;
  AbciApplication application_{chain_.host(0), chain_.params(), AbciConfig{}, [](const std::string&) {}};
  support::Mailbox<std::string> ended_;
  AbciServer server_{config(), application_, [this](const std::string& why) { ended_.put(why); }};
};

TEST_F(AbciServerTest, AnswersInOrderAndFlushes) {
  NodeEnd node = connect();
  for (int i = 0; i < 1'000; ++i) node.send(echo("message " + std::to_string(i)));
  abci::Request flush;
  flush.mutable_flush();
  node.send(flush);
  for (int i = 0; i < 1'000; ++i) {
    const auto answer = node.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->echo().message(), "message " + std::to_string(i));
  }
  EXPECT_TRUE(node.receive()->has_flush());
}

TEST_F(AbciServerTest, ServesFourConnectionsAtOnce) {
  std::vector<std::unique_ptr<NodeEnd>> nodes;
  for (int i = 0; i < 4; ++i) nodes.push_back(std::make_unique<NodeEnd>(directory_ / "abci.sock"));
  for (auto& node : nodes) node->send(echo("here"));
  for (auto& node : nodes) EXPECT_EQ(node->receive()->echo().message(), "here");
  NodeEnd fifth = connect();
  EXPECT_FALSE(fifth.receive());
  expect_end("connections already");
}

TEST_F(AbciServerTest, ALengthThatIsNoneIsAnExceptionAndTheEnd) {
  NodeEnd node = connect();
  node.write("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
  EXPECT_TRUE(node.receive()->has_exception());
  EXPECT_FALSE(node.receive());
  expect_end("varint");
}

TEST_F(AbciServerTest, AMessageOverTheLimitIsAnExceptionAndTheEnd) {
  NodeEnd node = connect();
  Bytes head;
  append_frame_length(head, kFrameBytesMax + 1);
  node.write(head);
  EXPECT_TRUE(node.receive()->has_exception());
  EXPECT_FALSE(node.receive());
  expect_end("too long");
}

TEST_F(AbciServerTest, BytesThatAreNoRequestAreAnExceptionAndTheEnd) {
  NodeEnd node = connect();
  node.write("\x03\xff\xff\xff");
  EXPECT_TRUE(node.receive()->has_exception());
  expect_end("does not decode");
}

TEST_F(AbciServerTest, AnswersWhatCameBeforeTheFault) {
  NodeEnd node = connect();
  node.send(echo("good"));
  node.write("\x03\xff\xff\xff");
  EXPECT_EQ(node.receive()->echo().message(), "good");
  EXPECT_TRUE(node.receive()->has_exception());
  EXPECT_FALSE(node.receive());
}

TEST_F(AbciServerTest, AMessageThatStopsHalfwayEndsByItsDeadline) {
  NodeEnd node = connect();
  node.write(
      "\x7f"
      "half");
  EXPECT_FALSE(node.receive());
  expect_end("in time");
}

TEST_F(AbciServerTest, ATornMessageIsNamed) {
  NodeEnd node = connect();
  node.write(
      "\x7f"
      "half");
  node.close();
  expect_end("within a message");
}

TEST_F(AbciServerTest, SilenceBetweenMessagesIsNoFault) {
  NodeEnd node = connect();
  node.send(echo("one"));
  EXPECT_TRUE(node.receive());
  // Longer than the deadline within a message.
  EXPECT_FALSE(ended_.take(Milliseconds(400)));
  node.send(echo("two"));
  EXPECT_EQ(node.receive()->echo().message(), "two");
}

TEST(AbciServer, TakesThePlaceOfASocketThatWasLeftBehind) {
  const support::TemporaryDirectory directory;
  asio::io_context context;
  asio::local::stream_protocol::acceptor dead(
      context, asio::local::stream_protocol::endpoint((directory / "abci.sock").string()));
  dead.close();
  AbciChain chain;
  AbciApplication application(chain.host(0), chain.params(), AbciConfig{}, [](const std::string&) {});
  const AbciServer server({.socket = directory / "abci.sock"}, application, [](const std::string&) {});
  NodeEnd node(directory / "abci.sock");
  node.send(echo("anybody?"));
  EXPECT_TRUE(node.receive());
}

}  // namespace
}  // namespace icws::engine
