#include "adapter/upgrade.h"

#include <array>
#include <utility>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

Failure ended_early() {
  return {Cause::Connection, "the server ended the connection during the WebSocket handshake", true};
}

asio::awaitable<std::optional<Failure>> write_all(Stream& stream, BytesView data) {
  while (!data.empty()) {
    auto step = stream.try_write(data);
    if (step.failure) co_return std::move(step.failure);
    if (step.ended) co_return ended_early();
    data.remove_prefix(step.bytes);
    if (step.want == IoWant::kNothing) continue;
    const bool ready = co_await stream.wait_for(step.want);
    if (!ready) co_return ended_early();
  }
  co_return std::nullopt;
}

asio::awaitable<std::expected<Upgraded, Failure>> read_answer(Stream& stream,
                                                              const ws::UpgradeRequest& request,
                                                              const std::vector<std::string>& wanted) {
  ResponseHead head;
  std::array<char, 4096> buffer;
  while (true) {
    auto step = stream.try_read(buffer.data(), buffer.size());
    if (step.failure) co_return std::unexpected(std::move(*step.failure));
    if (step.ended) co_return std::unexpected(ended_early());
    if (step.want != IoWant::kNothing) {
      const bool ready = co_await stream.wait_for(step.want);
      if (!ready) co_return std::unexpected(ended_early());
      continue;
    }
    const BytesView input(buffer.data(), step.bytes);
    const auto used = head.feed(input);
    if (!used) {
      Failure failure{Cause::Handshake, used.error(), false};
      // It began as it should: what was refused is its size.
      if (head.text().starts_with("HTTP/1.1 ")) failure.limit = Limit::kResponseHeaderMax;
      co_return std::unexpected(std::move(failure));
    }
    if (!head.done()) continue;
    auto upgraded = judge_response(head.text(), request, wanted);
    if (upgraded) upgraded->leftover = input.substr(*used);
    co_return upgraded;
  }
}

}  // namespace

asio::awaitable<std::expected<Upgraded, Failure>> upgrade(Stream& stream, const ws::UpgradeRequest& request,
                                                          const std::vector<std::string>& wanted,
                                                          Milliseconds timeout, Watchdog& watchdog) {
  watchdog.arm(timeout, [&stream] { stream.close(); });
  const Bytes bytes = ws::build_request(request);
  auto failure = co_await write_all(stream, bytes);
  std::expected<Upgraded, Failure> out;
  if (failure) {
    out = std::unexpected(std::move(*failure));
  } else {
    out = co_await read_answer(stream, request, wanted);
  }
  watchdog.disarm();
  if (!out && watchdog.expired()) {
    Failure late{Cause::Timeout, "the WebSocket handshake took too long", true, Limit::kUpgradeTimeout};
    co_return std::unexpected(std::move(late));
  }
  co_return out;
}

}  // namespace icws::adapter
