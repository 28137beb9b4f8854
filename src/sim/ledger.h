// What the sockets of all members have brought: the truth that the checkers compare with.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "replica/adapter_port.h"

namespace icws::sim {

// What: every message of every socket, over all lives of the adapters, by what the transform leaves of it.
// Members that lie or lose their disks are faulty and do not count. Thread-safety: none.
class Ledger {
 public:
  explicit Ledger(uint32_t members) : members_(members) {}

  // It leaves the replica set some time: it does not count, but what it reported until then was true.
  void set_leaves(uint32_t member) { faulty_.insert(member), leaves_.insert(member); }
  // Not even that.
  void set_faulty(uint32_t member) { faulty_.insert(member), leaves_.erase(member); }
  bool faulty(uint32_t member) const { return faulty_.contains(member); }
  uint32_t faulty_count() const { return static_cast<uint32_t>(faulty_.size()); }

  void saw(uint32_t member, const replica::SocketKey& key, const std::string& text, Milliseconds now);
  void opened(uint32_t member, const replica::SocketKey& key);
  void closed(uint32_t member, transcript::Cause cause);

  // How many honest members have seen it, and how often all together.
  uint32_t members_with(ConnectionId connection, const std::string& text) const;
  uint64_t copies(ConnectionId connection, const std::string& text) const;
  // Every honest member that has seen `later` has seen `earlier` before it, those that leave among them.
  bool all_before(ConnectionId connection, const std::string& earlier, const std::string& later) const;
  // When the first honest member saw it; none: none has.
  std::optional<Milliseconds> first_seen(ConnectionId connection, const std::string& text) const;
  // When the last of all honest members saw it first; none: not all have.
  std::optional<Milliseconds> seen_by_all(ConnectionId connection, const std::string& text) const;
  // Some honest member's socket has ended so.
  bool ended_with(transcript::Cause cause) const { return causes_.contains(cause); }
  // `content` went to a socket's server, as far as its adapter knows.
  void wrote(uint32_t member, ConnectionId connection, const std::string& content);
  // A faulty member may have written what it likes.
  bool has_written(uint32_t member, ConnectionId connection, const std::string& content) const;
  // How many honest members have written it.
  uint32_t members_that_wrote(ConnectionId connection, const std::string& content) const;
  bool is_open(uint32_t member, ConnectionId connection, Epoch epoch) const;
  // What any member has seen, liars too.
  std::vector<std::string> seen_by_anyone(ConnectionId connection) const;
  // What some honest member has seen, or one before it left.
  std::vector<std::string> seen_by_any(ConnectionId connection) const;
  // How many honest members' first sockets of the epoch brought `texts`, or began like them.
  uint32_t members_with_prefix(ConnectionId connection, Epoch epoch,
                               const std::vector<std::string>& texts) const;
  // What one socket brought.
  const std::vector<std::string>* socket(uint32_t member, const replica::SocketKey& key) const;

 private:
  struct Seen {
    uint32_t copies = 0;
    uint64_t first = 0;  // order of arrival at this member
    Milliseconds first_at{0};
  };
  // Neither lies nor has lost its disk; it may leave.
  bool tells_the_truth(uint32_t member) const { return !faulty(member) || leaves_.contains(member); }

  uint32_t members_;
  std::set<uint32_t> faulty_;
  // Among the faulty ones, those that are honest.
  std::set<uint32_t> leaves_;
  uint64_t arrivals_ = 0;
  // By connection and text, then by member.
  std::map<ConnectionId, std::unordered_map<std::string, std::map<uint32_t, Seen>>> seen_;
  std::map<std::pair<uint32_t, replica::SocketKey>, std::vector<std::string>> sockets_;
  std::map<std::pair<ConnectionId, Epoch>, std::set<uint32_t>> open_;
  std::set<transcript::Cause> causes_;
  std::map<std::pair<ConnectionId, std::string>, std::set<uint32_t>> wrote_;
};

}  // namespace icws::sim
