#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

#include "adapter/stream.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

// A server that has this much under way is sending: by the time it is decoded there is more.
constexpr size_t kStreamingBytes = 4 * 1024;

class PlainStream final : public Stream {
 public:
  using Stream::Stream;

  IoStep try_handshake() override { return {}; }

  using Stream::try_read;
  IoStep try_read(std::span<char> first, std::span<char> second) override {
    boost::system::error_code error;
    const std::array<asio::mutable_buffer, 2> places{asio::buffer(first.data(), first.size()),
                                                     asio::buffer(second.data(), second.size())};
    const size_t bytes =
        second.empty() ? socket().read_some(places[0], error) : socket().read_some(places, error);
    IoStep out = step(bytes, error, IoWant::kRead);
    out.drained = !error && bytes < std::min(first.size() + second.size(), kStreamingBytes);
    return out;
  }

  IoStep try_write(BytesView data) override {
    boost::system::error_code error;
    const size_t bytes = socket().write_some(asio::buffer(data.data(), data.size()), error);
    return step(bytes, error, IoWant::kWrite);
  }

  void end_writing() override {
    boost::system::error_code ignored;
    socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

 private:
  static IoStep step(size_t bytes, const boost::system::error_code& error, IoWant want) {
    IoStep out;
    if (!error) {
      out.bytes = bytes;
    } else if (error == asio::error::would_block || error == asio::error::try_again) {
      out.want = want;
    } else if (error == asio::error::eof) {
      out.ended = true;
    } else {
      out.failure = Failure{transcript::Cause::Connection, "the connection broke: " + error.message(), true};
    }
    return out;
  }
};

Tcp::socket::wait_type wait_type(IoWant want) {
  return want == IoWant::kWrite ? Tcp::socket::wait_write : Tcp::socket::wait_read;
}

}  // namespace

void Stream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<bool> Stream::wait_for(IoWant want) {
  const auto [error] = co_await socket_.async_wait(wait_type(want), asio::as_tuple(asio::deferred));
  // The wait may have succeeded and the socket been closed before this had its turn.
  co_return !error && socket_.is_open();
}

void Stream::when_ready(IoWant want, std::function<void()> then) {
  socket_.async_wait(wait_type(want), [then = std::move(then)](const boost::system::error_code&) { then(); });
}

std::unique_ptr<Stream> make_plain_stream(Tcp::socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace icws::adapter
