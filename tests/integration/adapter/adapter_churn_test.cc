// Thousands of connections that are opened and closed by several threads, while the replica restarts, the
// settings are read again and somebody looks at the metrics: what is ours between gRPC's threads and the I/O
// thread, over real sockets and without gRPC. For the rate and the time of a benchmark:
//   ICWS_CHURN_RATE=1000 ICWS_CHURN_SECONDS=60 build/tests/adapter_churn_test
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>

#include "adapter/requests.h"
#include "icws/adapter/v1/adapter.pb.h"
#include "tests/integration/adapter/hub_subscriber.h"
#include "tests/integration/adapter/threaded_adapter.h"
#include "tests/support/local_client.h"
#include "tests/support/process_figures.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/websocket_server.h"

namespace icws::adapter {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What becomes of a connection.
enum class Plan : uint8_t {
  kTalk,         // a message, its echo, a close
  kBurst,        // closed amid the server's messages, more of them than a small hub takes
  kMeet,         // both sides close at the same time, and a message is on its way
  kCut,          // the server ends TCP without a Close
  kRefused,      // nobody listens
  kAbandon,      // closed at once, while it opens, and by another thread if it opened even so
  kAbandonLate,  // closed a little later: in the handshakes, or just when it is open
};
constexpr size_t kPlans = 7;
constexpr std::array kTargets{"/talk", "/burst", "/meet", "/cut", "/", "/talk", "/talk"};

constexpr size_t kBurstMessages = 16;
constexpr size_t kBurstHeard = 8;
// The hub's room per socket, by turns: the small one makes bursts wait for acknowledgements.
constexpr uint64_t kEventsMaxSmall = 4;
constexpr size_t kOpeners = 3;
constexpr size_t kPlainServers = 3;
// Opened and not yet ended: in a test without a rate this paces the openers.
constexpr size_t kUnderWayMax = 128;
// Places of the limits, for far more than there are at a time.
constexpr uint64_t kPlaces = 10'000;
constexpr std::string_view kCanisters[] = {"a", "b", "c", "d"};
// What the process may grow by once it is warm: 4 bytes for each of a minute's connections.
constexpr uint64_t kGrowthBytesMax = 256 * 1024;

constexpr milliseconds kPace{2};
constexpr milliseconds kRestartEvery{20};
constexpr milliseconds kLookEvery{10};
constexpr milliseconds kReloadEvery{500};

// --- The servers ----------------------------------------------------------------------------------------

class Servers final : private support::WebSocketHandler {
 public:
  explicit Servers(const support::CertificateAuthority& authority) {
    support::WebSocketHandler& handler = *this;
    for (size_t i = 0; i < kPlainServers; ++i) {
      servers_.push_back(
          std::make_unique<support::WebSocketServer>(handler, support::WebSocketServerOptions{}));
    }
    support::WebSocketServerOptions tls;
    tls.tls = authority.localhost();
    servers_.push_back(std::make_unique<support::WebSocketServer>(handler, tls));
  }
  ~Servers() override { servers_.clear(); }

  std::string url(size_t connection, Plan plan) const {
    if (plan == Plan::kRefused) return "ws://127.0.0.1:" + std::to_string(nobody_.number()) + "/";
    return servers_[connection % servers_.size()]->url() + kTargets[static_cast<size_t>(plan)];
  }
  // As the limits name them.
  std::vector<std::string> destinations() const {
    std::vector<std::string> out;
    for (const auto& server : servers_) out.push_back("127.0.0.1:" + std::to_string(server->port()));
    out.push_back("localhost:" + std::to_string(servers_.back()->port()));
    out.push_back("127.0.0.1:" + std::to_string(nobody_.number()));
    return out;
  }
  const support::Watched<size_t>& open() const { return open_; }

 private:
  void on_open(support::WebSocketPeer& peer) override {
    open_.update([](size_t& count) { ++count; });
    if (peer.target() == "/meet") peer.close(1000, "enough");
    if (peer.target() == "/cut") peer.cut();
    for (size_t i = 0; peer.target() == "/burst" && i < kBurstMessages; ++i) peer.send("tick", false);
  }
  void on_message(support::WebSocketPeer& peer, const Bytes& message, bool binary) override {
    peer.send(message, binary);
  }
  void on_closed(support::WebSocketPeer&) override {
    open_.update([](size_t& count) { --count; });
  }

  support::Watched<size_t> open_;
  const support::ReservedPort nobody_;
  std::vector<std::unique_ptr<support::WebSocketServer>> servers_;
};

// --- The replica's notes --------------------------------------------------------------------------------

struct Note {
  Plan plan;
  // The highest event.
  uint64_t heard = 0;
  bool over = false;
  bool close_asked = false;
};

// What is to be done about an event.
enum class Reaction : uint8_t { kNone, kSend, kSendAndClose, kClose };

// What: what the replica knows of its connections, and the rules that hold for each: events without holes,
// nothing behind the last one, what the plan says, one end. Thread-safety: none; its owner locks.
struct Notes {
  std::map<uint64_t, Note> by_connection;
  size_t begun = 0;
  size_t ended = 0;
  std::vector<std::string> faults{};

  size_t under_way() const { return begun - ended; }

  void fault(uint64_t connection, const std::string& what) {
    if (faults.size() < 10) faults.push_back(std::to_string(connection) + ": " + what);
  }

  void begin(uint64_t connection, Plan plan) {
    ++begun;
    by_connection.emplace(connection, Note{plan});
  }

  Reaction hear(uint64_t connection, const v1::Event& event) {
    const auto found = by_connection.find(connection);
    // It was closed; this was under way.
    if (found == by_connection.end()) return Reaction::kNone;
    auto& note = found->second;
    if (event.sequence() <= note.heard) return Reaction::kNone;
    if (event.sequence() != note.heard + 1) fault(connection, "a hole in its events");
    if (note.over) fault(connection, "an event behind the last one");
    note.heard = event.sequence();
    note.over = event.has_closed() || event.has_open_failed();
    if (event.has_opened() != (note.heard == 1 && !event.has_open_failed())) {
      fault(connection, "not opened by its first event");
    }
    if (note.over) return at_end(connection, note, event);
    return at_event(note);
  }

  Reaction at_end(uint64_t connection, Note& note, const v1::Event& event) {
    const bool expected = note.plan == Plan::kRefused                           ? event.has_open_failed()
                          : note.plan == Plan::kMeet || note.plan == Plan::kCut ? event.has_closed()
                                                                                : note.close_asked;
    if (!expected) fault(connection, "ended: " + event.closed().detail() + event.open_failed().detail());
    return ask_close(note);
  }

  Reaction at_event(Note& note) {
    switch (note.plan) {
      case Plan::kTalk:
        return note.heard == 1 ? Reaction::kSend : ask_close(note);
      case Plan::kBurst:
        return note.heard < 1 + kBurstHeard ? Reaction::kNone : ask_close(note);
      case Plan::kMeet:
        return ask_close(note) == Reaction::kNone ? Reaction::kNone : Reaction::kSendAndClose;
      case Plan::kCut:
      case Plan::kRefused:
        return Reaction::kNone;
      case Plan::kAbandon:
      case Plan::kAbandonLate:
        // Though its opener does or did so: one of the two finds it.
        return Reaction::kClose;
    }
    return Reaction::kNone;
  }

  Reaction ask_close(Note& note) {
    return std::exchange(note.close_asked, true) ? Reaction::kNone : Reaction::kClose;
  }

  // The answer to a close.
  void closed(uint64_t connection, bool existed) {
    if (!existed) return;
    ++ended;
    if (by_connection.erase(connection) == 0) fault(connection, "a second end");
  }
};

// --- The churn ------------------------------------------------------------------------------------------

AdapterConfig settings(const std::string& ca_file) {
  AdapterConfig out;
  out.allow_networks = {"127.0.0.0/8"};
  out.ca_file = ca_file;
  // Every line is made, and goes nowhere.
  out.log_level = "debug";
  out.connections_max = out.sockets_max = kPlaces;
  out.connections_per_canister_max = out.connections_per_destination_max = kPlaces;
  out.opens_per_second_max = out.opens_per_second_per_canister_max =
      out.opens_per_second_per_destination_max = 1'000'000;
  out.open_attempts_max = 1;
  out.open_retry_delay = milliseconds(10);
  return out;
}

// The other settings, between which reloads change.
AdapterConfig narrow(AdapterConfig out) {
  out.events_max = kEventsMaxSmall;
  out.ping_after = milliseconds(200);
  out.log_level = "warning";
  out.deny_names = {"elsewhere.example"};
  return out;
}

replica::SocketKey key_of_connection(uint64_t connection) {
  return {ConnectionId(connection), Epoch(1), Attempt(1)};
}

// Calls `work` so often until the end, on a thread of its own.
class Repeated {
 public:
  Repeated(milliseconds every, std::function<void()> work)
      : thread_([this, every, work = std::move(work)] {
          do {
            work();
          } while (!over_.wait(every));
        }) {}
  ~Repeated() {
    over_.set();
    thread_.join();
  }

 private:
  support::Event over_;
  std::thread thread_;
};

// What: servers, an adapter and all the threads around it.
class Churn {
 public:
  Churn()
      : wide_(settings(support::write_file(directory_ / "ca.pem", authority_.pem()))),
        narrow_(narrow(wide_)),
        servers_(authority_),
        adapter_(wide_),
        subscriber_(adapter_.hub(), adapter_.metrics(), [this](const Bytes& bytes) { hear(bytes); }),
        descriptors_(support::open_descriptors(::getpid())) {}

  // Opens so many, `rate` a second (0: as fast as they end), and waits until nothing is left.
  void round(size_t connections, size_t rate);
  void expect_nothing_left();
  size_t begun() const { return notes_.get().begun; }

 private:
  void open_some(size_t first, size_t end, size_t rate);
  void open(uint64_t connection, Plan plan);
  void close(uint64_t connection);
  void hear(const Bytes& bytes);
  void react(uint64_t connection, Reaction reaction);
  void look();
  void reload();

  const support::TemporaryDirectory directory_;
  const support::CertificateAuthority authority_;
  const AdapterConfig wide_;
  const AdapterConfig narrow_;
  std::atomic<size_t> reloads_ = 0;
  std::atomic<size_t> next_ = 0;
  support::Watched<Notes> notes_;
  Servers servers_;
  ThreadedAdapter adapter_;
  HubSubscriber subscriber_;
  const size_t descriptors_;
};

void Churn::open(uint64_t connection, Plan plan) {
  replica::OpenCommand command;
  command.key = key_of_connection(connection);
  command.url = servers_.url(connection, plan);
  command.message_bytes_max = 100'000;
  command.canister = kCanisters[connection % std::size(kCanisters)];
  adapter_.open(std::move(command), [this, connection](const std::expected<bool, TableError>& existed) {
    if (existed && !*existed) return;
    notes_.update([&](Notes& notes) { notes.fault(connection, "not opened anew"); });
  });
}

void Churn::close(uint64_t connection) {
  adapter_.close({key_of_connection(connection), 1000, "enough"}, [this, connection](bool existed) {
    notes_.update([&](Notes& notes) { notes.closed(connection, existed); });
  });
}

void Churn::open_some(size_t first, size_t end, size_t rate) {
  const auto begin = Clock::now();
  const support::Event never;
  uint64_t late = 0;
  for (size_t i = next_++; i < end; i = next_++) {
    const auto due = [&] {
      return rate == 0 || (Clock::now() - begin) * static_cast<int64_t>(rate) >=
                              std::chrono::seconds(static_cast<int64_t>(i - first));
    };
    while (!due()) static_cast<void>(never.wait(kPace));
    if (!notes_.wait_until([](const Notes& notes) { return notes.under_way() < kUnderWayMax; })) return;
    const uint64_t connection = i + 1;
    const auto plan = static_cast<Plan>(i % kPlans);
    const bool abandon = plan == Plan::kAbandon || plan == Plan::kAbandonLate;
    notes_.update([&](Notes& notes) {
      notes.begin(connection, plan);
      notes.by_connection.at(connection).close_asked = abandon;
    });
    open(connection, plan);
    if (plan == Plan::kAbandon) close(connection);
    if (late != 0) close(std::exchange(late, 0));
    if (plan == Plan::kAbandonLate) late = connection;
  }
  if (late != 0) close(late);
}

void Churn::hear(const Bytes& bytes) {
  v1::EventsResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  for (const auto& socket : response.sockets()) {
    const uint64_t connection = socket.key().connection_id();
    for (const auto& event : socket.events()) {
      Reaction reaction{};
      notes_.update([&](Notes& notes) { reaction = notes.hear(connection, event); });
      react(connection, reaction);
    }
    if (socket.events().empty()) continue;
    const uint64_t last = socket.events().rbegin()->sequence();
    adapter_.hub().acknowledge({key_of(socket.key()), EventSequence(last), Position(last), Digest{}});
  }
}

void Churn::react(uint64_t connection, Reaction reaction) {
  if (reaction == Reaction::kSend || reaction == Reaction::kSendAndClose) {
    const bool must = reaction == Reaction::kSend;
    adapter_.send({{key_of_connection(connection), 1, replica::MessageKind::Text, "hello"}},
                  [this, connection, must](const std::expected<uint64_t, TableError>& accepted) {
                    if (!must || accepted == 1U) return;
                    notes_.update([&](Notes& notes) { notes.fault(connection, "a message not accepted"); });
                  });
  }
  if (reaction == Reaction::kClose || reaction == Reaction::kSendAndClose) close(connection);
}

void Churn::look() {
  const auto page = support::http_get(adapter_.metrics_address(), "/metrics");
  EXPECT_NE(page.find("icws_adapter_connections"), std::string::npos) << page;
  adapter_.status();
}

void Churn::reload() {
  adapter_.reload(++reloads_ % 2 == 0 ? wide_ : narrow_);
  adapter_.log().write(LogLevel::kInfo, "settings read again");
}

void Churn::round(size_t connections, size_t rate) {
  const size_t first = begun();
  const size_t end = first + connections;
  next_ = first;
  const auto begin = Clock::now();
  {
    const Repeated restarts(kRestartEvery, [this] { subscriber_.attach(); });
    const Repeated looks(kLookEvery, [this] { look(); });
    const Repeated reloads(kReloadEvery, [this] { reload(); });
    std::vector<std::jthread> openers;
    for (size_t i = 0; i < kOpeners; ++i) openers.emplace_back([&] { open_some(first, end, rate); });
    openers.clear();
    EXPECT_TRUE(notes_.wait_until([&](const Notes& notes) { return notes.ended == end; }))
        << notes_.get().ended << " of " << end << " ended";
  }
  expect_nothing_left();
  const std::chrono::duration<double> spent = Clock::now() - begin;
  std::printf("%zu connections, %.0f a second, %.1f KiB allocated, %.1f MiB resident\n", connections,
              static_cast<double>(connections) / spent.count(),
              static_cast<double>(support::allocated_bytes()) / 1024,
              static_cast<double>(support::memory_bytes(::getpid())) / 1024 / 1024);
  std::fflush(stdout);
}

void Churn::expect_nothing_left() {
  const auto notes = notes_.get();
  EXPECT_EQ(notes.faults, std::vector<std::string>());
  EXPECT_TRUE(notes.by_connection.empty());
  EXPECT_TRUE(support::poll([&] { return adapter_.on_io_thread([&] { return adapter_.table().idle(); }); }));
  EXPECT_TRUE(servers_.open().wait_until([](size_t count) { return count == 0; })) << servers_.open().get();
  EXPECT_TRUE(support::poll([&] { return support::open_descriptors(::getpid()) == descriptors_; }))
      << support::open_descriptors(::getpid()) << " descriptors, at first " << descriptors_;
  const auto hub = adapter_.hub().totals();
  EXPECT_EQ(hub.events, 0U);
  EXPECT_EQ(hub.bytes, 0U);
  adapter_.on_io_thread([&] {
    EXPECT_TRUE(adapter_.table().report().empty());
    EXPECT_EQ(adapter_.table().counts().states, decltype(ConnectionTable::Counts::states){});
    const auto& metrics = adapter_.metrics();
    const auto sum = [](const PerCause& counts) {
      return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
    };
    EXPECT_EQ(metrics.opens, notes.begun);
    EXPECT_EQ(metrics.opened, sum(metrics.ends));
    // Of what did not open, the canister's own closes have no failure.
    EXPECT_LE(metrics.opened + sum(metrics.open_failures), metrics.opens);
    // All places are free, and no more: nothing was given back twice.
    const auto take_all = [&](auto enter) {
      std::vector<OpenLimiter::Place> places;
      for (auto place = enter(); place; place = enter()) places.push_back(std::move(*place));
      EXPECT_EQ(places.size(), kPlaces);
    };
    const auto now = Clock::now();
    for (const auto& name : servers_.destinations()) {
      take_all([&] { return adapter_.limiter().enter_destination(name, now); });
    }
    for (const auto& name : kCanisters) {
      take_all([&] { return adapter_.limiter().enter_canister(name, now); });
    }
    return true;
  });
}

size_t from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::stoul(text) : 0;
}

TEST(AdapterChurn, LeavesNothingBehind) {
  constexpr size_t kRounds = 6;
  constexpr size_t kRoundConnections = 350;
  const size_t rate = from_environment("ICWS_CHURN_RATE");
  const size_t seconds = from_environment("ICWS_CHURN_SECONDS");
  const size_t connections = rate != 0 ? rate * seconds / kRounds : kRoundConnections;
  Churn churn;
  churn.round(kRoundConnections, 0);
  // After the first round at the rate the threads' own caches of memory are full.
  uint64_t warm = 0;
  for (size_t i = 0; i < kRounds; ++i) {
    churn.round(connections, rate);
    if (i == 0) warm = support::allocated_bytes();
  }
  EXPECT_EQ(churn.begun(), kRoundConnections + kRounds * connections);
  EXPECT_LT(support::allocated_bytes(), warm + kGrowthBytesMax);
}

}  // namespace
}  // namespace icws::adapter
