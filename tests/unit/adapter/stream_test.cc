#include "adapter/stream.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

asio::awaitable<void> close_after(Stream& stream, IoWant want, int& ready) {
  const bool got = co_await stream.wait_for(want);
  if (got) ++ready;
  stream.close();
}

// Both directions become ready in one turn of the reactor, and the first to hear of it closes the socket. The
// other one's wait had succeeded by then; a TLS stream that went on would use the descriptor's number, which
// may be another connection's by then.
TEST(Stream, SaysThatItWasClosedAfterASuccessfulWait) {
  asio::io_context io(1);
  Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  Tcp::socket ours(io), theirs(io);
  ours.connect(acceptor.local_endpoint());
  acceptor.accept(theirs);
  const auto stream = make_plain_stream(std::move(ours));
  int ready = 0;
  asio::co_spawn(io, close_after(*stream, IoWant::kRead, ready), asio::detached);
  asio::co_spawn(io, close_after(*stream, IoWant::kWrite, ready), asio::detached);
  asio::post(io, [&] { asio::write(theirs, asio::buffer("x", 1)); });
  io.run();
  EXPECT_EQ(ready, 1);
}

}  // namespace
}  // namespace icws::adapter
