// icws-bench-client-beast URL: Boost.Beast's websocket::stream, read by a coroutine.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdlib>
#include <string>

#include "tests/bench_adapter/clients/rate_meter.h"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;

// Of "ws://127.0.0.1:PORT/...".
asio::awaitable<void> receive(asio::io_context& io, uint16_t port) {
  beast::websocket::stream<Tcp::socket> stream(io);
  const Tcp::endpoint server(asio::ip::address_v4::loopback(), port);
  co_await stream.next_layer().async_connect(server, asio::use_awaitable);
  co_await stream.async_handshake("127.0.0.1", "/", asio::use_awaitable);
  icws::bench::RateMeter meter;
  beast::flat_buffer buffer;
  do {
    buffer.clear();
    co_await stream.async_read(buffer, asio::use_awaitable);
  } while (meter.add(1));
  meter.print();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string url = argv[1];
  const auto port = static_cast<uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1));
  asio::io_context io(1);
  int status = 0;
  asio::co_spawn(io, receive(io, port), [&](const std::exception_ptr& error) { status = error ? 1 : 0; });
  io.run();
  return status;
}
