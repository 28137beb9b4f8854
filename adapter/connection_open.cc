// Opening: checks, tries and retries.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapter/connection.h"
#include "adapter/event_message.h"
#include "adapter/randomness.h"
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
  fill_random(random);
  return ws::make_key(random);
}

// For limits: with the port in any case.
std::string destination_text(const ws::Url& url) {
  if (url.is_literal) return endpoint_text(asio::ip::make_address(url.host), url.port);
  return url.host + ":" + std::to_string(url.port);
}

}  // namespace

std::optional<Failure> Connection::check_request(ConnectRequest& connect, ws::UpgradeRequest& upgrade) const {
  auto parsed = ws::parse_url(request_.url);
  if (!parsed) return Failure{Cause::InvalidRequest, parsed.error().message, false};
  const auto& url = connect.url = std::move(*parsed);
  connect.canister = request_.canister;
  for (const auto& text : request_.proxies) {
    auto proxy = parse_proxy(text);
    if (!proxy) return Failure{Cause::InvalidRequest, proxy.error(), false};
    connect.proxies.push_back(std::move(*proxy));
  }
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
  if (request_.compression) {
    const bool forget = !parts_.config.compression_context_takeover;
    upgrade.deflate.emplace();
    upgrade.deflate->server_no_context_takeover = forget;
    upgrade.deflate->client_no_context_takeover = forget;
  }
  return std::nullopt;
}

asio::awaitable<std::optional<Failure>> Connection::open() {
  ConnectRequest connect_request;
  ws::UpgradeRequest upgrade_request;
  auto failure = check_request(connect_request, upgrade_request);
  if (failure) co_return failure;
  const auto destination = destination_text(connect_request.url);
  failure = take_places(destination);
  if (failure) co_return failure;
  for (uint64_t tries = 1;; ++tries) {
    auto late = co_await wait_turn(destination);
    if (late && !failure) failure = std::move(late);
    if (late) co_return failure;
    failure = co_await try_open(connect_request, upgrade_request);
    if (!failure) co_return std::nullopt;
    // Given up, waits end like those whose deadline has passed; no deadline was reached.
    if (watchdog_.aborted()) co_return failure;
    if (failure->limit) parts_.metrics.pass(*failure->limit);
    const uint64_t tries_max =
        failure->cause == Cause::ConnectionRefused ? kRefusedAttemptsMax : parts_.config.open_attempts_max;
    if (!failure->transient || watchdog_.whole_expired()) co_return failure;
    if (tries >= tries_max) {
      parts_.metrics.pass(Limit::kOpenAttemptsMax);
      co_return failure;
    }
    ++parts_.metrics.open_retries;
    co_await pause(parts_.config.open_retry_delay * (1U << std::min<uint64_t>(tries - 1, 6)));
    if (watchdog_.aborted() || watchdog_.whole_expired()) co_return failure;
  }
}

Failure Connection::limit_failure(Limit limit) {
  parts_.metrics.pass(limit);
  return {Cause::LimitExceeded, limit_text(limit), false, limit};
}

std::optional<Failure> Connection::take_places(const std::string& destination) {
  auto& limiter = parts_.egress.limiter();
  const auto now = Clock::now();
  auto canister = limiter.enter_canister(request_.canister, now);
  if (!canister) return limit_failure(canister.error());
  auto place = limiter.enter_destination(destination, now);
  if (!place) return limit_failure(place.error());
  places_[0] = std::move(*canister);
  places_[1] = std::move(*place);
  return std::nullopt;
}

asio::awaitable<std::optional<Failure>> Connection::wait_turn(const std::string& destination) {
  const auto wait = parts_.egress.limiter().reserve_open(request_.canister, destination, Clock::now());
  if (!wait) co_return limit_failure(wait.error());
  if (*wait > TokenBucket::Duration::zero()) co_await pause(std::chrono::ceil<Milliseconds>(*wait));
  if (!watchdog_.aborted() && !watchdog_.whole_expired()) co_return std::nullopt;
  Failure late{Cause::Timeout, "the open's turn came too late", false};
  co_return late;
}

asio::awaitable<std::optional<Failure>> Connection::try_open(const ConnectRequest& connect_request,
                                                             ws::UpgradeRequest& upgrade_request) {
  auto connected = co_await parts_.egress.connector().connect(connect_request, watchdog_);
  if (!connected) co_return connected.error();
  upgrade_request.key = new_key();
  const auto begun = Clock::now();
  auto upgraded = co_await upgrade(*connected->stream, upgrade_request, request_.response_headers,
                                   parts_.config.upgrade_timeout, watchdog_);
  if (!upgraded) co_return upgraded.error();
  if (watchdog_.aborted()) {
    Failure stopped{Cause::Canister, "closed while it was opening", false};
    co_return stopped;
  }
  parts_.metrics.upgrade.observe(Clock::now() - begun);
  stream_ = std::move(connected->stream);
  places_[2] = std::move(connected->place);
  leftover_ = std::move(upgraded->leftover);
  if (upgraded->deflate) use_compression(*upgraded->deflate);
  publish_opened(std::move(*upgraded));
  co_return std::nullopt;
}

void Connection::use_compression(const ws::DeflateParameters& parameters) {
  ++parts_.metrics.compressed;
  decoder_ = ws::Decoder(decoder_limits(), parameters);
  queue_.compress_with(ws::Deflater(parameters, static_cast<uint8_t>(parts_.config.compression_window_bits)));
}

asio::awaitable<void> Connection::pause(Milliseconds delay) {
  asio::steady_timer timer(co_await asio::this_coro::executor, delay);
  // After an abort arm() calls it at once, before the wait begins, which cancel() would not end.
  watchdog_.arm(delay, [&timer] { timer.expires_after(Milliseconds(0)); });
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
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
  log_failure("a socket did not open", failure);
  events_.add_event(serialize_open_failed(events_.next_sequence(), failure));
  publish();
}

}  // namespace icws::adapter
