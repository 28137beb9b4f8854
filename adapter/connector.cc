#include "adapter/connector.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using transcript::Cause;

std::string place(const asio::ip::address& address, uint16_t port) {
  const auto text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

Failure connect_failure(const boost::system::error_code& error, const std::string& where) {
  if (error == asio::error::connection_refused) {
    return {Cause::ConnectionRefused, where + " refused the connection", true};
  }
  return {Cause::Connection, "cannot connect to " + where + ": " + error.message(), true};
}

Failure timeout_failure(std::string what, Limit limit) {
  return {Cause::Timeout, std::move(what) + " took too long", true, limit};
}

}  // namespace

std::expected<std::vector<asio::ip::address>, Failure> Connector::admit(
    const ws::Url& url, const std::vector<Address>& addresses) const {
  std::vector<Address> admitted;
  std::string denied;
  for (const auto& address : addresses) {
    if (auto verdict = policy_.check(address); verdict) {
      if (admitted.size() == config_.addresses_max) {
        metrics_.pass(Limit::kAddressesMax);
        break;
      }
      admitted.push_back(address);
    } else if (denied.size() < 200) {
      denied += (denied.empty() ? "" : ", ") + address.to_string() + " (" + verdict.error() + ")";
    }
  }
  if (!admitted.empty()) return admitted;
  if (denied.empty()) {
    return std::unexpected(Failure{Cause::NameResolution, "\"" + url.host + "\" has no address", false});
  }
  return std::unexpected(Failure{
      Cause::AddressDenied,
      "the egress policy denies " + denied + "; the operator may allow it with --allow-network", false});
}

asio::awaitable<Connected> Connector::connect(const ws::Url& url, Watchdog& watchdog) {
  if (auto verdict = policy_.check_destination(url.host, url.is_literal, url.port); !verdict) {
    Failure denied{Cause::AddressDenied,
                   "the egress policy denies " + url.host_header + ": " + verdict.error(), false};
    co_return std::unexpected(std::move(denied));
  }
  Addresses addresses;
  if (url.is_literal) {
    addresses = std::vector<Address>(1, asio::ip::make_address(url.host));
  } else {
    addresses = co_await resolver_.resolve(url.host, config_.dns_timeout, watchdog);
  }
  if (!addresses) co_return std::unexpected(addresses.error());
  const auto admitted = admit(url, *addresses);
  if (!admitted) co_return std::unexpected(admitted.error());
  std::optional<Failure> failure;
  for (const auto& address : *admitted) {
    auto connected = co_await connect_to(address, url, watchdog);
    if (connected) co_return connected;
    failure = std::move(connected.error());
    // Another address has the same certificate; and the whole's deadline is over for all of them.
    if (!failure->transient || watchdog.aborted() || watchdog.whole_expired()) break;
  }
  co_return std::unexpected(std::move(*failure));
}

asio::awaitable<Connected> Connector::connect_to(const Address& address, const ws::Url& url,
                                                 Watchdog& watchdog) {
  const auto executor = co_await asio::this_coro::executor;
  const auto where = place(address, url.port);
  Tcp::socket socket(executor);
  const Tcp::endpoint endpoint(address, url.port);
  boost::system::error_code error;
  socket.open(endpoint.protocol(), error);
  if (error) co_return std::unexpected(connect_failure(error, where));
  const auto begun = Watchdog::Clock::now();
  watchdog.arm(config_.connect_timeout, [&socket] {
    boost::system::error_code ignored;
    socket.close(ignored);
  });
  std::tie(error) = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
  watchdog.disarm();
  if (watchdog.expired())
    co_return std::unexpected(timeout_failure("connecting to " + where, Limit::kConnectTimeout));
  if (error) co_return std::unexpected(connect_failure(error, where));
  metrics_.connect.observe(Watchdog::Clock::now() - begun);

  const auto peer = socket.remote_endpoint(error);
  if (error) co_return std::unexpected(connect_failure(error, where));
  if (peer.address() != address || !policy_.check(peer.address())) {
    Failure denied{Cause::AddressDenied, "connected to another address than was checked", false};
    co_return std::unexpected(std::move(denied));
  }
  socket.non_blocking(true, error);
  if (!error) socket.set_option(Tcp::no_delay(true), error);
  if (error) co_return std::unexpected(connect_failure(error, where));
  co_return co_await secure(std::move(socket), url, watchdog);
}

asio::awaitable<Connected> Connector::secure(Tcp::socket socket, const ws::Url& url, Watchdog& watchdog) {
  if (!url.secure) co_return make_plain_stream(std::move(socket));
  auto stream = tls_.make_stream(std::move(socket), url.host, url.is_literal);
  const auto begun = Watchdog::Clock::now();
  watchdog.arm(config_.tls_timeout, [raw = stream.get()] { raw->close(); });
  while (true) {
    const auto step = stream->try_handshake();
    if (step.failure || step.ended) {
      watchdog.disarm();
      if (watchdog.expired()) break;
      Failure ended{Cause::Connection, "the server ended the connection during the TLS handshake", true};
      co_return std::unexpected(step.failure.value_or(std::move(ended)));
    }
    if (step.want == IoWant::kNothing) {
      watchdog.disarm();
      metrics_.tls.observe(Watchdog::Clock::now() - begun);
      co_return stream;
    }
    const bool ready = co_await stream->wait_for(step.want);
    if (!ready) break;
  }
  watchdog.disarm();
  co_return std::unexpected(timeout_failure("the TLS handshake with " + url.host, Limit::kTlsTimeout));
}

}  // namespace icws::adapter
