#include "adapter/connector.h"

#include <array>
#include <optional>
#include <utility>

#include "adapter/proxy_handshake.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

Failure timeout_failure(std::string what, Limit limit) {
  return {Cause::Timeout, std::move(what) + " took too long", true, limit};
}

// The network did not let the direct connection through: another way may.
bool worth_a_proxy(const Failure& failure) {
  switch (failure.cause) {
    case Cause::NameResolution:
    case Cause::ConnectionRefused:
    case Cause::Connection:
    case Cause::Timeout:
      return true;
    default:
      return false;
  }
}

// Attempts until the handshake is done: nothing, or why not. The watchdog closes the stream.
asio::awaitable<std::optional<Failure>> talk(Stream& stream, ProxyHandshake& handshake) {
  const Failure ended{Cause::Connection, "the proxy ended the connection", true};
  std::array<char, 1024> buffer;
  Bytes output = handshake.output();
  while (!handshake.done()) {
    auto step = output.empty() ? stream.try_read(buffer.data(), buffer.size()) : stream.try_write(output);
    if (step.failure) co_return std::move(step.failure);
    if (step.ended) co_return ended;
    if (step.want != IoWant::kNothing) {
      const bool ready = co_await stream.wait_for(step.want);
      if (!ready) co_return ended;
    } else if (!output.empty()) {
      output.erase(0, step.bytes);
    } else {
      auto failure = handshake.feed(BytesView(buffer.data(), step.bytes));
      if (failure) co_return failure;
      output = handshake.output();
    }
  }
  co_return std::nullopt;
}

}  // namespace

Connector::Connector(const AdapterConfig& config, const EgressPolicy& policy, Dialer& dialer, TlsContext& tls,
                     Metrics& metrics, uint64_t seed)
    : config_(config), policy_(policy), dialer_(dialer), tls_(tls), metrics_(metrics), prng_(seed) {
  set_proxies(config.proxies);
}

void Connector::set_proxies(const std::vector<std::string>& texts) {
  proxies_.clear();
  for (const auto& text : texts) {
    auto proxy = parse_proxy(text);
    if (!proxy) continue;
    proxy->trusted = true;
    proxies_.push_back(std::move(*proxy));
  }
}

asio::awaitable<Connector::Result> Connector::connect(const ConnectRequest& request, Watchdog& watchdog) {
  const auto& url = request.url;
  const auto verdict = policy_.check_destination(url.host, url.is_literal, url.port);
  if (!verdict) {
    Failure denied{Cause::AddressDenied,
                   "the egress policy denies " + url.host_header + " (" + verdict.error() + ")", false};
    co_return std::unexpected(std::move(denied));
  }
  auto dialed = co_await dial(request, watchdog);
  if (!dialed) co_return std::unexpected(std::move(dialed.error()));
  co_return co_await secure(std::move(*dialed), url, watchdog);
}

asio::awaitable<std::expected<Dialed, Failure>> Connector::dial(const ConnectRequest& request,
                                                                Watchdog& watchdog) {
  const auto& url = request.url;
  DialTarget direct;
  direct.host = url.host;
  direct.is_literal = url.is_literal;
  direct.port = url.port;
  direct.canister = request.canister;
  direct.counted = !url.is_literal;
  auto dialed = co_await dialer_.dial(std::move(direct), watchdog);
  const bool proxies = !proxies_.empty() || !request.proxies.empty();
  if (dialed || !proxies || !worth_a_proxy(dialed.error())) co_return dialed;
  co_return co_await dial_proxies(request, std::move(dialed.error()), watchdog);
}

asio::awaitable<std::expected<Dialed, Failure>> Connector::dial_proxies(const ConnectRequest& request,
                                                                        Failure direct, Watchdog& watchdog) {
  if (!request.url.is_literal) {
    const auto verdict = policy_.check_remote_name(request.url.host);
    if (!verdict) {
      direct.detail += "; no proxy: " + verdict.error();
      co_return std::unexpected(std::move(direct));
    }
  }
  const auto chosen = choose_proxies(proxies_, request.proxies, prng_);
  for (const auto& proxy : chosen) {
    if (watchdog.aborted() || watchdog.whole_expired()) break;
    auto dialed = co_await dial_proxy(proxy, request, watchdog);
    if (dialed) co_return dialed;
    direct.detail += "; by " + proxy.text() + ": " + dialed.error().detail;
  }
  co_return std::unexpected(std::move(direct));
}

asio::awaitable<std::expected<Dialed, Failure>> Connector::dial_proxy(const ProxyAddress& proxy,
                                                                      const ConnectRequest& request,
                                                                      Watchdog& watchdog) {
  DialTarget target;
  target.host = proxy.host;
  target.is_literal = proxy.is_literal;
  target.port = proxy.port;
  target.canister = request.canister;
  target.judged = !proxy.trusted;
  target.counted = false;
  if (target.judged) {
    const auto verdict = policy_.check_destination(proxy.host, proxy.is_literal, proxy.port);
    if (!verdict) {
      Failure denied{Cause::AddressDenied, "the egress policy denies the proxy (" + verdict.error() + ")",
                     false};
      co_return std::unexpected(std::move(denied));
    }
  }
  auto dialed = co_await dialer_.dial(std::move(target), watchdog);
  if (!dialed) co_return dialed;
  const ProxyTarget server{request.url.host, request.url.is_literal, request.url.port};
  const auto handshake = make_proxy_handshake(proxy, server);
  const auto stream = make_plain_stream(std::move(dialed->socket));
  watchdog.arm(config_.proxy_timeout, [raw = stream.get()] { raw->close(); });
  auto failure = co_await talk(*stream, *handshake);
  watchdog.disarm();
  if (watchdog.expired()) failure = timeout_failure("the proxy's handshake", Limit::kProxyTimeout);
  if (failure) co_return std::unexpected(std::move(*failure));
  dialed->socket = std::move(stream->socket());
  co_return dialed;
}

asio::awaitable<Connector::Result> Connector::secure(Dialed dialed, const ws::Url& url, Watchdog& watchdog) {
  Connected out;
  out.place = std::move(dialed.place);
  if (!url.secure) {
    out.stream = make_plain_stream(std::move(dialed.socket));
    co_return Result(std::move(out));
  }
  out.stream = tls_.make_stream(std::move(dialed.socket), url.host, url.port, url.is_literal);
  auto& stream = *out.stream;
  const auto begun = Watchdog::Clock::now();
  watchdog.arm(config_.tls_timeout, [&stream] { stream.close(); });
  while (true) {
    const auto step = stream.try_handshake();
    if (step.failure || step.ended) {
      watchdog.disarm();
      if (watchdog.expired()) break;
      Failure ended{Cause::Connection, "the server ended the connection during the TLS handshake", true};
      co_return std::unexpected(step.failure.value_or(std::move(ended)));
    }
    if (step.want == IoWant::kNothing) {
      watchdog.disarm();
      metrics_.tls.observe(Watchdog::Clock::now() - begun);
      co_return Result(std::move(out));
    }
    const bool ready = co_await stream.wait_for(step.want);
    if (!ready) break;
  }
  watchdog.disarm();
  co_return std::unexpected(timeout_failure("the TLS handshake with " + url.host, Limit::kTlsTimeout));
}

}  // namespace icws::adapter
