// What happens in one run: everything that is not decided by the code under test.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace icws::sim {

// How a Byzantine replica deviates. One may have several; each acts in some stretches of a run.
enum class Strategy : uint8_t {
  LieContents,    // what its socket brings is changed before it counts
  Flood,          // items that nobody has, heads that nobody reached
  Stale,          // sections of old reports on today's state
  FalseEnd,       // says that its socket ended, failed, or is out
  Equivocate,     // other reports to other proposers
  Order,          // permutes its lists, mostly within a key
  Echo,           // lists what one honest member alone has
  Malformed,      // reports that do not decode, of other chains and heights, too large, badly signed
  Silent,         // no reports
  FalseHeads,     // claims another head, or none, at P+1 and beyond
  FalseOpen,      // another negotiated subprotocol
  FalseSends,     // says that everything was written
  FalseComplete,  // an empty list that claims to be complete
  Forge,          // proposals with other contents, order, number
  Withhold,       // proposals without decisions, or with fewer
  Censor,         // proposals without some members' reports
  Refuse,         // votes against every other proposal, and for every one of a liar
  Replay,         // old payloads
  Premature,      // proposes what one member alone has heard, and more than fits
  Back,           // reports as if its socket had brought what one other member's has
  Few,            // proposes what only f+1 members report
  Greedy,         // proposes more than the block or the inbox takes
  Again           // proposes once more what was decided some blocks ago, on the reports of then
};
inline constexpr uint8_t kStrategies = 23;

struct LiarPlan {
  uint32_t member = 0;
  std::vector<Strategy> strategies;
  // Forges what the other colluding ones forge.
  bool colludes = false;
  bool operator==(const LiarPlan&) const = default;
};

enum class FaultKind : uint8_t {
  Outage,        // the servers of the feeds cut every socket and refuse new ones
  Cut,           // a server cuts the socket of one member
  AdapterCrash,  // an adapter dies with its sockets
  Pause,         // a replica takes no part; its adapter reads on
  Partition,     // the members of `group` are on one side, the others on the other
  Late,          // the reports of `group` reach no proposer in time
  Crash,         // a replica's memory is lost, at a phase of its work
  PowerLoss,     // of all at once
  DiskLoss,      // a crash that loses the state directory as well
  Rotate,        // no fault: the replica set gives a member another key
  Leave          // no fault: a member leaves the replica set
};
inline constexpr uint8_t kFaultKinds = 11;

// Where in a block's work a replica dies.
enum class CrashPhase : uint8_t { Now, AfterVote, AfterFinalize, AfterCommit };

struct FaultPlan {
  FaultKind kind = FaultKind::Crash;
  Milliseconds at{0};
  Milliseconds length{0};
  uint32_t member = 0;
  CrashPhase phase = CrashPhase::Now;
  // Bit i: member i.
  uint64_t group = 0;
  bool operator==(const FaultPlan&) const = default;
};

enum class ServerKind : uint8_t {
  Feed,      // keys whose order is one on every socket, mixed differently on each
  Jitter,    // a feed that swaps messages within a key as well, and repeats contents
  Capture,   // four recorded connections, perturbed
  Sequence,  // the same for every client, from the first on, then a clean close
  Echo,      // gives back what it gets
  Values,    // the time, which is another on every socket
  Orders     // takes what is sent and says nothing
};
inline constexpr uint8_t kServerKinds = 7;
// Who writes what the canister sends.
enum class WritersPlan : uint8_t { All, Some, Single };

struct ConnectionPlan {
  ServerKind kind = ServerKind::Feed;
  bool reconnect = true;
  // Of each message, not to reach one socket, per thousand.
  uint32_t loss = 0;
  // Milliseconds between messages, on average.
  uint32_t gap = 40;
  uint32_t keys = 5;
  // Milliseconds that one socket's keys are behind each other.
  uint32_t spread = 30;
  // Bytes that each message is longer.
  uint32_t padding = 0;
  // So many messages at once, now and then.
  uint32_t burst = 1;
  // The first so many members are told other things, from a message in the middle on.
  uint32_t lied_to = 0;
  // One slow socket: so many milliseconds behind the others.
  uint32_t lag = 0;
  // The server says nothing to the first so many members, and lets them not in.
  uint32_t shut_out = 0;
  // A sequence: every so many messages is a large one; 0: none.
  uint32_t large_every = 0;
  // Values: the server says nothing for this stretch of the run.
  Milliseconds pause_at{0};
  Milliseconds pause_for{0};
  WritersPlan writers = WritersPlan::All;
  // A slow canister drops the oldest messages of this feed.
  bool drop_oldest = false;
  bool operator==(const ConnectionPlan&) const = default;
  // Says something that is agreed by content.
  bool feed() const { return kind <= ServerKind::Capture; }
  bool ordered() const { return kind == ServerKind::Sequence || kind == ServerKind::Echo; }
};

// A bug put in on purpose: the checkers must find it.
enum class Planted : uint8_t { None, LoseLocalRecords, SkipOneBlock };

struct Plan {
  uint64_t seed = 1;
  uint32_t replicas = 4;
  Milliseconds duration{8'000};
  Milliseconds block_interval{50};
  // Of each report, per thousand, not to reach its proposer.
  uint32_t report_loss = 20;
  // Limits, small enough to be reached; 0: the default.
  uint32_t section_items = 0;
  uint32_t inbox_bytes = 0;
  uint32_t delivery_bytes = 0;
  uint32_t block_content_bytes = 0;
  uint32_t report_bytes = 0;
  // Timers of the subnet that some situations need otherwise.
  Milliseconds stall{5'000};
  Milliseconds reconnect_first{300};
  std::vector<ConnectionPlan> connections;
  std::vector<LiarPlan> liars;
  std::vector<FaultPlan> faults;
  Planted planted = Planted::None;
  bool operator==(const Plan&) const = default;
  // Members may give up what all of them saw: where lists are cut, what seems to find no quorum, and liars
  // and lags as long as what a list spans make that wrong (docs/agreement.md).
  bool may_give_up() const;
  // The server lets so few in that a connection cannot open.
  bool shuts_out(const ConnectionPlan& connection) const;
};

// What a caller fixes; the seed chooses the rest.
struct Options {
  uint64_t seed = 1;
  std::optional<uint32_t> replicas;
  std::optional<Milliseconds> duration;
  bool liars = true;
  bool faults = true;
  bool losses = true;
  Planted planted = Planted::None;
};

Plan make_plan(const Options& options);

// A plan as lines of text, and back: a scenario file.
std::string to_text(const Plan& plan);
std::expected<Plan, std::string> parse_plan(const std::string& text);

std::string to_string(Strategy strategy);
std::string to_string(Planted planted);

}  // namespace icws::sim
