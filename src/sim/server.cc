#include "sim/server.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"
#include "sim/canister.h"

namespace icws::sim {
namespace {

using replica::MessageKind;
using replica::SocketClosed;
using transcript::Cause;

constexpr Milliseconds kSequenceGap{25};
constexpr Milliseconds kValueGap{20};
constexpr size_t kLargeBytes = 1'800;
// At a run's end the feeds are silent, so that everything can be agreed on.
constexpr Milliseconds kDrain{1'500};

uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  const Digest digest = Sha256().update_u64(a).update_u64(b).update_u64(c).update_u64(d).finish();
  uint64_t out = 0;
  for (size_t i = 0; i < 8; ++i) out = out << 8 | digest.bytes[i];
  return out;
}

Milliseconds up_to(Prng& prng, uint64_t bound) {
  return Milliseconds(static_cast<int64_t>(prng.below(bound + 1)));
}

// In canonical JSON already but for the id of the socket.
std::string feed_text(uint32_t key, uint64_t serial, uint32_t padding) {
  const std::string pad = padding == 0 ? "" : R"("pad":")" + std::string(padding, 'x') + R"(",)";
  return R"({"key":)" + std::to_string(key) + "," + pad + R"("serial":)" + std::to_string(serial) + "}";
}

std::string with_id(uint64_t id, const std::string& canonical) {
  return R"({"id":)" + std::to_string(id) + "," + canonical.substr(1);
}

}  // namespace

Servers::Servers(Scheduler& scheduler, const Plan& plan, const Captures* captures)
    : scheduler_(scheduler), plan_(plan), captures_(captures), silent_from_(plan.duration - kDrain) {
  for (size_t i = 0; i < plan.connections.size(); ++i) {
    feeds_.push_back(Feed{Prng(mix(plan.seed, 1, i, 0)), {}});
    const ConnectionPlan& connection = plan.connections[i];
    const bool recorded = connection.kind == ServerKind::Capture && captures != nullptr;
    if (!connection.feed() || recorded) continue;
    scheduler_.after(Milliseconds(connection.gap), [this, i] { send_feed(i); });
  }
}

std::string Servers::url_of(size_t connection) { return "ws://server-" + std::to_string(connection) + "/"; }

size_t Servers::connection_of(const std::string& url) {
  return std::stoul(url.substr(std::string("ws://server-").size()));
}

const ConnectionPlan& Servers::plan_of(const std::string& url) const {
  return plan_.connections.at(connection_of(url));
}

std::string Servers::sequence_text(uint64_t number) { return "sequence " + std::to_string(number); }

uint64_t Servers::number_in(const std::string& text) {
  const size_t digit = text.find_first_of("0123456789");
  return digit == std::string::npos ? 0 : std::stoull(text.substr(digit));
}

std::optional<std::string> Servers::text_at(size_t connection, const Place& place) const {
  const ConnectionPlan& plan = plan_.connections.at(connection);
  if (plan.kind != ServerKind::Feed || place.serial == 0) return std::nullopt;
  return feed_text(static_cast<uint32_t>(std::stoul(place.key)), place.serial, plan.padding);
}

std::optional<Place> Servers::place(size_t connection, const std::string& canonical) const {
  const ServerKind kind = plan_.connections.at(connection).kind;
  if (kind == ServerKind::Capture && captures_ != nullptr) {
    const auto it = captures_->places.find(canonical);
    return it == captures_->places.end() ? std::nullopt : std::optional(it->second);
  }
  unsigned key = 0;
  unsigned long long serial = 0;
  const size_t at = canonical.find(R"("serial":)");
  if (kind == ServerKind::Jitter || at == std::string::npos) return std::nullopt;
  if (std::sscanf(canonical.c_str(), R"({"key":%u)", &key) != 1) return std::nullopt;
  if (std::sscanf(canonical.c_str() + at, R"("serial":%llu)", &serial) != 1) return std::nullopt;
  return Place{std::to_string(key), serial};
}

Servers::SocketId Servers::connect(const std::string& url, uint32_t member, SocketSink sink) {
  const SocketId id = ++last_socket_;
  Socket& socket = sockets_[id];
  socket.connection = connection_of(url);
  socket.member = member;
  socket.sink = std::move(sink);
  const uint64_t count = ++connects_[{socket.connection, member}];
  socket.prng = Prng(mix(plan_.seed, 2 + socket.connection, member, count));
  scheduler_.after(Milliseconds(5) + up_to(socket.prng, 40), [this, id] { on_connected(id); });
  return id;
}

void Servers::on_connected(SocketId id) {
  const auto it = sockets_.find(id);
  if (it == sockets_.end()) return;
  Socket& socket = it->second;
  const ConnectionPlan& connection = plan_.connections[socket.connection];
  if (socket.member < connection.shut_out) return;
  if (connection.feed() && scheduler_.now() < down_until_) {
    const SocketSink sink = std::move(socket.sink);
    sockets_.erase(it);
    return sink.closed({false, 1006, {}, Cause::ConnectionRefused, {}});
  }
  socket.open = true;
  socket.sink.opened({"", {}});
  // Who comes back at the run's end hears nothing, so that everything comes to rest.
  if (connection.kind == ServerKind::Sequence && (!silent() || plays(socket.connection))) send_sequence(id);
  if (connection.kind == ServerKind::Values) send_value(id);
  if (connection.kind == ServerKind::Capture && captures_ != nullptr) {
    // A client that comes late joins what is running.
    const auto& stream = captures_->streams[socket.member % captures_->streams.size()];
    while (socket.next < stream.size() && stream[socket.next].at < scheduler_.now()) ++socket.next;
    send_capture(id);
  }
}

bool Servers::plays(size_t connection) const {
  return std::ranges::any_of(
      sockets_, [&](const auto& one) { return one.second.connection == connection && one.second.next > 0; });
}

void Servers::receive(SocketId id, const replica::SendCommand& send) {
  const auto it = sockets_.find(id);
  if (it == sockets_.end()) return;
  Socket& socket = it->second;
  const ConnectionPlan& plan = plan_.connections[socket.connection];
  if (plan.kind == ServerKind::Orders) ++orders_[send.content];
  const uint64_t number = number_in(send.content);
  if (plan.writers == WritersPlan::All && socket.last_send != 0 && number != socket.last_send + 1) {
    send_faults_.push_back({socket.member, "a socket of replica " + std::to_string(socket.member) +
                                               ": send " + send.content + " after number " +
                                               std::to_string(socket.last_send)});
  }
  socket.last_send = number;
  if (plan.kind != ServerKind::Echo) return;
  scheduler_.after(Milliseconds(10), [this, id, content = send.content, kind = send.kind] {
    const auto still = sockets_.find(id);
    if (still != sockets_.end()) still->second.sink.message({kind, content}, content);
  });
}

void Servers::disconnect(SocketId socket) { sockets_.erase(socket); }

void Servers::cut_where(const std::function<bool(const Socket&)>& which) {
  std::vector<SocketSink> cut;
  for (auto it = sockets_.begin(); it != sockets_.end();) {
    if (!which(it->second)) {
      ++it;
      continue;
    }
    cut.push_back(std::move(it->second.sink));
    it = sockets_.erase(it);
  }
  for (const SocketSink& sink : cut) sink.closed({false, 1006, {}, Cause::Connection, {}});
}

void Servers::outage(Milliseconds length) {
  down_until_ = std::max(down_until_, scheduler_.now() + length);
  cut_where([this](const Socket& socket) { return plan_.connections[socket.connection].feed(); });
}

void Servers::cut(uint32_t member) {
  cut_where([member](const Socket& socket) { return socket.member == member; });
}

void Servers::deliver(Socket& socket, SocketId id, const std::string& key, const std::string& text,
                      const std::string& canonical) {
  const ConnectionPlan& plan = plan_.connections[socket.connection];
  if (socket.prng.chance(plan.loss, 1000)) return;
  const auto [delay, fresh] = socket.delays.try_emplace(key, Milliseconds(0));
  if (fresh) delay->second = up_to(socket.prng, plan.spread);
  SimTime at = scheduler_.now() + delay->second + up_to(socket.prng, 10);
  if (socket.member == 0) at += Milliseconds(plan.lag);
  if (plan.kind != ServerKind::Jitter) {
    at = std::max(at, socket.last[key] + Milliseconds(1));
    socket.last[key] = at;
  }
  scheduler_.after(at - scheduler_.now(), [this, id, text, canonical] {
    const auto it = sockets_.find(id);
    if (it != sockets_.end()) it->second.sink.message({MessageKind::Text, text}, canonical);
  });
}

void Servers::feed_message(size_t connection) {
  const ConnectionPlan& plan = plan_.connections[connection];
  Feed& feed = feeds_[connection];
  const auto key = static_cast<uint32_t>(feed.prng.below(plan.keys));
  std::string canonical = feed_text(key, ++feed.sent[key], plan.padding);
  // A heartbeat: the same content again, in the key that it is in.
  if (plan.kind == ServerKind::Jitter && feed.prng.chance(1, 6))
    canonical = R"({"beat":1,"key":)" + std::to_string(key) + "}";
  for (auto& [id, socket] : sockets_) {
    if (socket.connection != connection || !socket.open) continue;
    deliver(socket, id, std::to_string(key), with_id(id, canonical), canonical);
  }
}

void Servers::send_feed(size_t connection) {
  const ConnectionPlan& plan = plan_.connections[connection];
  if (silent()) return;
  Feed& feed = feeds_[connection];
  const uint64_t count = feed.prng.chance(1, 8) ? plan.burst : 1;
  for (uint64_t i = 0; i < count; ++i) feed_message(connection);
  scheduler_.after(Milliseconds(1) + up_to(feed.prng, 2 * plan.gap),
                   [this, connection] { send_feed(connection); });
}

void Servers::send_capture(SocketId id) {
  const auto it = sockets_.find(id);
  if (it == sockets_.end() || silent()) return;
  Socket& socket = it->second;
  const auto& stream = captures_->streams[socket.member % captures_->streams.size()];
  for (; socket.next < stream.size() && stream[socket.next].at <= scheduler_.now(); ++socket.next) {
    const Captures::Message& message = stream[socket.next];
    deliver(socket, id, message.key, message.text, message.canonical);
    // A few come twice.
    if (socket.prng.chance(plan_.connections[socket.connection].loss, 4'000))
      deliver(socket, id, message.key, message.text, message.canonical);
  }
  if (socket.next == stream.size()) return;
  scheduler_.after(std::max(Milliseconds(1), stream[socket.next].at - scheduler_.now()),
                   [this, id] { send_capture(id); });
}

void Servers::send_value(SocketId id) {
  const auto it = sockets_.find(id);
  if (it == sockets_.end()) return;
  Socket& socket = it->second;
  const std::string text = "[" + std::to_string(socket.prng.below(kValueKeys)) + "," +
                           std::to_string(scheduler_.now().count()) + "]";
  const SimTime pause = plan_.connections[socket.connection].pause_at;
  const SimTime resume = pause + plan_.connections[socket.connection].pause_for;
  if (scheduler_.now() < pause || scheduler_.now() >= resume)
    socket.sink.message({MessageKind::Text, text}, text);
  scheduler_.after(kValueGap + up_to(socket.prng, 40), [this, id] { send_value(id); });
}

void Servers::send_sequence(SocketId id) {
  const auto it = sockets_.find(id);
  if (it == sockets_.end()) return;
  Socket& socket = it->second;
  const ConnectionPlan& plan = plan_.connections[socket.connection];
  if (socket.next == kSequenceMessages) {
    const SocketSink sink = std::move(socket.sink);
    sockets_.erase(it);
    return sink.closed({true, 1000, "done", Cause::Server, {}});
  }
  std::string text = sequence_text(++socket.next);
  if (plan.large_every > 0 && socket.next % plan.large_every == 0)
    text += " " + std::string(kLargeBytes, 'x');
  if (socket.member < plan.lied_to && socket.next > kSequenceMessages / 2)
    text = "lie " + std::to_string(lie_of(socket.member)) + " " + text;
  socket.sink.message({MessageKind::Text, text}, text);
  const bool slow = socket.member == 0;
  scheduler_.after(kSequenceGap + up_to(socket.prng, 20) + Milliseconds(slow ? plan.lag / 20 : 0),
                   [this, id] { send_sequence(id); });
}

}  // namespace icws::sim
