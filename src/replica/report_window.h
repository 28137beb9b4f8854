// The reports of the last W blocks, and which sections of them are in force.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <span>
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
    std::shared_ptr<const agreement::Report> report;
  };
  Height height;  // of the block
  std::vector<StoredReport> stored;
  std::vector<Member> members;
  // Connections of which some section is not quiet, ascending.
  std::vector<ConnectionId> busy;
  // Fills `busy` from `members`.
  void find_busy();
};

// What: one block's sections by connection. Thread-safety: const. Lifetime: the reports' sections must live.
class SectionIndex {
 public:
  struct Line {
    ReplicaIndex member;
    Height report;
    const agreement::Section* section;
  };
  SectionIndex() = default;
  explicit SectionIndex(const std::vector<BlockReports::Member>& members);
  // In the order of `members`.
  std::span<const Line> of(ConnectionId connection) const;

 private:
  struct Row {
    ConnectionId connection;
    size_t begin = 0, end = 0;
  };
  std::vector<Row> rows_;
  std::vector<Line> lines_;
};

// What: the blocks in force, oldest first. Thread-safety: none. A value.
class ReportWindow {
 public:
  explicit ReportWindow(uint32_t blocks_in_force) : blocks_in_force_(blocks_in_force) {}

  void push(BlockReports block);
  void pop_newest() {
    blocks_.pop_back();
    indices_.pop_back();
  }
  // For the block at `height`, by member of `committee`: the newest section of `epoch` that is in force.
  agreement::View view(ConnectionId connection, Epoch epoch, const std::vector<ReplicaIndex>& committee,
                       Height height) const;
  // The newest stored report of a member that says something on the connection's epoch, or null: evidence.
  const StoredReport* carrying(ReplicaIndex member, ConnectionId connection, Epoch epoch) const;
  // Connections of which some section that may be in force at `height` is not quiet.
  std::set<ConnectionId> busy(Height height) const;
  const std::deque<BlockReports>& blocks() const { return blocks_; }
  // Replaces the members' reports of each block, where storage gave only their bytes.
  void decode(const std::function<void(BlockReports&)>& decode);
  // Blocks before this height are not in force any more when `height` is decided.
  Height oldest_in_force(Height height) const;
  void prune(Height height);

 private:
  uint32_t blocks_in_force_;
  std::deque<BlockReports> blocks_;
  // Of each block.
  std::deque<SectionIndex> indices_;
};

}  // namespace icws::replica
