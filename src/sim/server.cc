#include "sim/server.h"

#include <algorithm>
#include <cstdio>

namespace icws::sim {
namespace {

constexpr Milliseconds kSequenceGap{25};
constexpr Milliseconds kValueGap{20};

}  // namespace

Server::Server(Scheduler& scheduler, Prng& prng, Traits traits)
    : scheduler_(scheduler), prng_(prng), traits_(traits) {
  scheduler_.after(traits_.gap, [this] { send_feed(); });
}

std::string Server::feed_text(uint32_t key, uint64_t serial) {
  return R"({"key":)" + std::to_string(key) + R"(,"serial":)" + std::to_string(serial) + "}";
}

bool Server::parse_feed_text(const std::string& text, uint32_t& key, uint64_t& serial) {
  unsigned long long parsed = 0;
  if (std::sscanf(text.c_str(), "{\"key\":%u,\"serial\":%llu}", &key, &parsed) != 2) return false;
  serial = parsed;
  return true;
}

Server::SocketId Server::connect(const std::string& url, SocketSink sink) {
  const SocketId id = ++last_socket_;
  Socket socket;
  socket.url = url;
  socket.sink = std::move(sink);
  socket.feed = url.starts_with("ws://feed");
  for (uint32_t key = 0; key < traits_.keys; ++key) {
    socket.delays.emplace_back(
        static_cast<int64_t>(prng_.below(static_cast<uint64_t>(traits_.spread.count()) + 1)));
    socket.last.emplace_back(0);
  }
  sockets_.emplace(id, std::move(socket));
  scheduler_.after(Milliseconds(static_cast<int64_t>(5 + prng_.below(40))), [this, id] {
    const auto it = sockets_.find(id);
    if (it == sockets_.end()) return;
    if (it->second.feed && scheduler_.now() < down_until_) {
      const SocketSink sink = it->second.sink;
      sockets_.erase(it);
      return sink.closed({false, 1006, {}, transcript::Cause::ConnectionRefused, {}});
    }
    it->second.open = true;
    it->second.sink.opened({"", {}});
    if (it->second.url.starts_with("ws://sequence")) send_sequence(id);
    if (it->second.url.starts_with("ws://values")) send_value(id);
  });
  return id;
}

void Server::receive(SocketId socket, const replica::SendCommand& send) {
  const auto it = sockets_.find(socket);
  if (it == sockets_.end()) return;
  if (it->second.url.starts_with("ws://orders")) ++orders_[send.content];
  if (!it->second.url.starts_with("ws://echo")) return;
  scheduler_.after(Milliseconds(10), [this, socket, content = send.content, kind = send.kind] {
    const auto still = sockets_.find(socket);
    if (still != sockets_.end()) still->second.sink.message({kind, content});
  });
}

void Server::disconnect(SocketId socket) { sockets_.erase(socket); }

void Server::outage(Milliseconds length) {
  down_until_ = scheduler_.now() + length;
  std::vector<SocketSink> cut;
  for (auto it = sockets_.begin(); it != sockets_.end();) {
    if (!it->second.feed) {
      ++it;
      continue;
    }
    cut.push_back(it->second.sink);
    it = sockets_.erase(it);
  }
  for (const SocketSink& sink : cut) sink.closed({false, 1006, {}, transcript::Cause::Connection, {}});
}

void Server::send_feed() {
  const bool silent = traits_.stop_after.count() > 0 && scheduler_.now() >= traits_.stop_after;
  if (silent) return;
  const auto key = static_cast<uint32_t>(prng_.below(traits_.keys));
  const uint64_t serial = ++sent_[key];
  for (auto& [id, socket] : sockets_) {
    if (!socket.feed || !socket.open || prng_.chance(traits_.loss_per_mille, 1000)) continue;
    SimTime at = scheduler_.now() + socket.delays[key] + Milliseconds(static_cast<int64_t>(prng_.below(10)));
    at = std::max(at, socket.last[key] + Milliseconds(1));
    socket.last[key] = at;
    scheduler_.after(at - scheduler_.now(), [this, id = id, text = feed_text(key, serial)] {
      const auto it = sockets_.find(id);
      if (it != sockets_.end()) it->second.sink.message({replica::MessageKind::Text, text});
    });
  }
  scheduler_.after(
      Milliseconds(1 + static_cast<int64_t>(prng_.below(2 * static_cast<uint64_t>(traits_.gap.count())))),
      [this] { send_feed(); });
}

void Server::send_value(SocketId id) {
  const auto it = sockets_.find(id);
  if (it == sockets_.end()) return;
  const std::string text =
      "[" + std::to_string(prng_.below(kValueKeys)) + "," + std::to_string(scheduler_.now().count()) + "]";
  it->second.sink.message({replica::MessageKind::Text, text});
  scheduler_.after(kValueGap + Milliseconds(static_cast<int64_t>(prng_.below(40))),
                   [this, id] { send_value(id); });
}

void Server::send_sequence(SocketId id) {
  const auto it = sockets_.find(id);
  if (it == sockets_.end()) return;
  if (it->second.next == kSequenceMessages) {
    const SocketSink sink = it->second.sink;
    sockets_.erase(it);
    return sink.closed({true, 1000, "done", transcript::Cause::Server, {}});
  }
  it->second.sink.message({replica::MessageKind::Text, "sequence " + std::to_string(++it->second.next)});
  scheduler_.after(kSequenceGap + Milliseconds(static_cast<int64_t>(prng_.below(20))),
                   [this, id] { send_sequence(id); });
}

}  // namespace icws::sim
