#include "engine/cometbft/abci_server.h"

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/cometbft/frame_codec.h"

namespace icws::engine {
namespace {

namespace asio = boost::asio;
namespace abci = icws::abci::v1;
using asio::local::stream_protocol;
using Socket = stream_protocol::socket;
using boost::system::error_code;

// One for each connection, since an answer may take as long as a block does.
constexpr int kThreads = 4;
constexpr size_t kReadBytes = 64 * 1024;
// Answers are written when the node asks for it, when it has nothing more to ask, or when there are so many.
constexpr size_t kWriteBytes = 256 * 1024;

using namespace asio::experimental::awaitable_operators;  // NOLINT: for ||

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

void append_response(Bytes& out, const abci::Response& response) {
  append_frame_length(out, response.ByteSizeLong());
  response.AppendToString(&out);
}

abci::Response exception(std::string what) {
  abci::Response out;
  out.mutable_exception()->set_error(std::move(what));
  return out;
}

// One connection of the node, from its first byte to its end.
class Session {
 public:
  Session(Socket socket, AbciApplication& application, Milliseconds message_timeout)
      : socket_(std::move(socket)),
        deadline_(socket_.get_executor()),
        application_(application),
        message_timeout_(message_timeout) {}

  // Returns why it ended.
  asio::awaitable<std::string> run() {
    while (true) {
      const auto [error, size] = co_await read();
      if (error == asio::error::timed_out) co_return "a message did not arrive whole in time";
      if (error) co_return reader_.torn() ? "it ended within a message" : error.message();
      reader_.feed(BytesView(buffer_.data(), size));
      for (Turn turn = Turn::Write; turn == Turn::Write;) {
        turn = answer();
        if (const error_code failed = co_await write(); failed) co_return failed.message();
        if (turn == Turn::End) co_return why_;
      }
    }
  }

 private:
  enum class Turn { Read, Write, End };

  Turn end(std::string why) {
    why_ = std::move(why);
    return Turn::End;
  }

  // Answers what has arrived whole, as much as one write takes.
  Turn answer() {
    while (out_.size() < kWriteBytes) {
      const auto frame = reader_.next();
      if (!frame) {
        append_response(out_, exception(std::string(frame_fault_text(frame.error()))));
        return end(std::string(frame_fault_text(frame.error())));
      }
      if (!*frame) return Turn::Read;
      abci::Request request;
      if (!request.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size()))) {
        append_response(out_, exception("a request does not decode"));
        return end("a request does not decode");
      }
      const auto response = application_.handle(request);
      append_response(out_, response);
      if (response.has_exception()) return end(response.exception().error());
    }
    return Turn::Write;
  }

  struct Read {
    error_code error;
    size_t size = 0;
  };
  // Between messages a node may be silent for ever, within one it may not.
  asio::awaitable<Read> read() {
    if (!reader_.torn()) {
      const auto [error, size] = co_await socket_.async_read_some(asio::buffer(buffer_), kNoThrow);
      co_return Read{error, size};
    }
    deadline_.expires_after(message_timeout_);
    const auto first =
        co_await (socket_.async_read_some(asio::buffer(buffer_), kNoThrow) || deadline_.async_wait(kNoThrow));
    if (first.index() == 1) co_return Read{asio::error::timed_out, 0};
    const auto [error, size] = std::get<0>(first);
    co_return Read{error, size};
  }

  asio::awaitable<error_code> write() {
    if (out_.empty()) co_return error_code{};
    deadline_.expires_after(message_timeout_);
    const auto first =
        co_await (asio::async_write(socket_, asio::buffer(out_), kNoThrow) || deadline_.async_wait(kNoThrow));
    out_.clear();
    if (first.index() == 1) co_return asio::error::timed_out;
    co_return std::get<0>(std::get<0>(first));
  }

  Socket socket_;
  asio::steady_timer deadline_;
  AbciApplication& application_;
  const Milliseconds message_timeout_;
  FrameReader reader_;
  std::array<char, kReadBytes> buffer_{};
  Bytes out_;
  std::string why_;
};

}  // namespace

class AbciServer::Impl {
 public:
  Impl(AbciServerConfig config, AbciApplication& application, Ended ended)
      : config_(std::move(config)), application_(application), ended_(std::move(ended)), acceptor_(context_) {
    listen();
    asio::co_spawn(context_, accept(), asio::detached);
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~Impl() {
    context_.stop();
    threads_.clear();
    std::error_code ignored;
    std::filesystem::remove(config_.socket, ignored);
  }

 private:
  void listen() {
    try {
      std::error_code ignored;
      if (std::filesystem::is_socket(config_.socket, ignored)) std::filesystem::remove(config_.socket);
      const stream_protocol::endpoint endpoint(config_.socket.string());
      acceptor_.open(endpoint.protocol());
      acceptor_.bind(endpoint);
      acceptor_.listen();
    } catch (const std::exception& error) {
      throw std::runtime_error("cannot listen for the node on " + config_.socket.string() + ": " +
                               error.what());
    }
  }

  asio::awaitable<void> accept() {
    while (true) {
      const auto strand = asio::make_strand(context_);
      auto [error, socket] = co_await acceptor_.async_accept(strand, kNoThrow);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of descriptors, say: others must end first.
        asio::steady_timer pause(context_, Milliseconds(100));
        co_await pause.async_wait(kNoThrow);
        continue;
      }
      if (open_.fetch_add(1) >= config_.connections_max) {
        open_.fetch_sub(1);
        ended_("there are " + std::to_string(config_.connections_max) + " connections already");
        continue;
      }
      asio::co_spawn(strand, serve(std::move(socket)), asio::detached);
    }
  }

  asio::awaitable<void> serve(Socket socket) {
    const auto session = std::make_unique<Session>(std::move(socket), application_, config_.message_timeout);
    const std::string why = co_await session->run();
    open_.fetch_sub(1);
    ended_(why);
  }

  const AbciServerConfig config_;
  AbciApplication& application_;
  const Ended ended_;
  std::atomic<size_t> open_{0};
  asio::io_context context_;
  stream_protocol::acceptor acceptor_;
  std::vector<std::jthread> threads_;
};

AbciServer::AbciServer(AbciServerConfig config, AbciApplication& application, Ended ended)
    : impl_(std::make_unique<Impl>(std::move(config), application, std::move(ended))) {}

AbciServer::~AbciServer() = default;

}  // namespace icws::engine
