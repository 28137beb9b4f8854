// Opening: checks, tries and retries.
#include <openssl/rand.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "adapter/connection.h"
#include "adapter/event_message.h"
#include "ws/request_headers.h"
#include "ws/url.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

// A name that nobody listens on is not going to be listened on soon: one short second try.
constexpr uint64_t kRefusedAttemptsMax = 2;

std::string new_key() {
  std::array<uint8_t, 16> random;
  if (RAND_bytes(random.data(), random.size()) != 1) {
    throw std::runtime_error("the system has no randomness");
  }
  return ws::make_key(random);
}

}  // namespace

std::optional<Failure> Connection::check_request(ws::Url& url, ws::UpgradeRequest& upgrade) const {
  auto parsed = ws::parse_url(request_.url);
  if (!parsed) return Failure{Cause::InvalidRequest, parsed.error().message, false};
  url = std::move(*parsed);
  for (const auto& header : request_.headers) upgrade.headers.push_back({header.name, header.value});
  upgrade.subprotocols = request_.subprotocols;
  if (const auto checked = ws::check_headers(upgrade.headers); !checked) {
    return Failure{Cause::InvalidRequest, checked.error().message, false};
  }
  if (const auto checked = ws::check_subprotocols(upgrade.subprotocols); !checked) {
    return Failure{Cause::InvalidRequest, checked.error().message, false};
  }
  upgrade.target = url.target;
  upgrade.host_header = url.host_header;
  return std::nullopt;
}

asio::awaitable<std::optional<Failure>> Connection::open() {
  ws::Url url;
  ws::UpgradeRequest upgrade_request;
  auto failure = check_request(url, upgrade_request);
  if (failure) co_return failure;
  for (uint64_t tries = 1;; ++tries) {
    failure = co_await try_open(url, upgrade_request);
    if (!failure) co_return std::nullopt;
    if (failure->limit) parts_.metrics.pass(*failure->limit);
    const uint64_t tries_max =
        failure->cause == Cause::ConnectionRefused ? kRefusedAttemptsMax : parts_.config.open_attempts_max;
    if (!failure->transient || watchdog_.aborted() || watchdog_.whole_expired()) co_return failure;
    if (tries >= tries_max) {
      parts_.metrics.pass(Limit::kOpenAttemptsMax);
      co_return failure;
    }
    ++parts_.metrics.open_retries;
    co_await pause_before_retry(tries);
    if (watchdog_.aborted() || watchdog_.whole_expired()) co_return failure;
  }
}

asio::awaitable<std::optional<Failure>> Connection::try_open(const ws::Url& url,
                                                             ws::UpgradeRequest& upgrade_request) {
  auto connected = co_await parts_.connector.connect(url, watchdog_);
  if (!connected) co_return connected.error();
  upgrade_request.key = new_key();
  const auto begun = Clock::now();
  auto upgraded = co_await upgrade(**connected, upgrade_request, request_.response_headers,
                                   parts_.config.upgrade_timeout, watchdog_);
  if (!upgraded) co_return upgraded.error();
  if (watchdog_.aborted()) {
    Failure stopped{Cause::Canister, "closed while it was opening", false};
    co_return stopped;
  }
  parts_.metrics.upgrade.observe(Clock::now() - begun);
  stream_ = std::move(*connected);
  leftover_ = std::move(upgraded->leftover);
  publish_opened(std::move(*upgraded));
  co_return std::nullopt;
}

asio::awaitable<void> Connection::pause_before_retry(uint64_t tries) {
  const auto delay = parts_.config.open_retry_delay * (1U << std::min<uint64_t>(tries - 1, 6));
  asio::steady_timer pause(co_await asio::this_coro::executor, delay);
  watchdog_.arm(delay, [&pause] { pause.cancel(); });
  co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  watchdog_.disarm();
}

void Connection::publish_opened(Upgraded upgraded) {
  ++parts_.metrics.opened;
  const replica::SocketOpened opened{std::move(upgraded.subprotocol), std::move(upgraded.headers)};
  events_.add_event(serialize_opened(events_.next_sequence(), opened));
  publish();
}

void Connection::publish_failed(const Failure& failure) {
  ++parts_.metrics.open_failures[static_cast<size_t>(failure.cause)];
  events_.add_event(serialize_open_failed(events_.next_sequence(), failure));
  publish();
}

}  // namespace icws::adapter
