// The reports of the last W blocks, and which sections of them are in force.
#pragma once

#include <deque>
#include <set>
#include <vector>

#include "agreement/section.h"
#include "base/archive.h"
#include "base/bytes.h"
#include "base/ids.h"

namespace icws::replica {

// A report as a block carried it.
struct StoredReport {
  ReplicaIndex member;
  Height height;
  Bytes report;
  Bytes signature;
  static void fields(auto& archive, auto& self) {
    archive(self.member, self.height, self.report, self.signature);
  }
};

// One block's reports that count: signed, and made on this chain's state.
struct BlockReports {
  struct Member {
    ReplicaIndex member;
    agreement::Report report;
  };
  Height height;  // of the block
  std::vector<StoredReport> stored;
  std::vector<Member> members;
  // Connections of which some section is not quiet, ascending.
  std::vector<ConnectionId> busy;
  // Fills `busy` from `members`.
  void find_busy();
};

// What: the blocks in force, oldest first. Thread-safety: none. A value.
class ReportWindow {
 public:
  explicit ReportWindow(uint32_t blocks_in_force) : blocks_in_force_(blocks_in_force) {}

  void push(BlockReports block);
  void pop_newest() { blocks_.pop_back(); }
  // For the block at `height`, by member of `committee`: the newest section of `epoch` that is in force.
  agreement::View view(ConnectionId connection, Epoch epoch, const std::vector<ReplicaIndex>& committee,
                       Height height) const;
  // The newest stored report of a member that says something on the connection's epoch, or null: evidence.
  const StoredReport* carrying(ReplicaIndex member, ConnectionId connection, Epoch epoch) const;
  // Connections of which some section that may be in force at `height` is not quiet.
  std::set<ConnectionId> busy(Height height) const;
  std::deque<BlockReports>& blocks() { return blocks_; }
  // Blocks before this height are not in force any more when `height` is decided.
  Height oldest_in_force(Height height) const;
  void prune(Height height);

 private:
  uint32_t blocks_in_force_;
  std::deque<BlockReports> blocks_;
};

}  // namespace icws::replica
