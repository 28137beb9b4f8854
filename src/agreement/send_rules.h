// Who writes what a canister sends, and when it counts as written. Design section 4, "Sends".
//
// With `Some` and `Single` a few members write for all. They are assigned by turns that every replica derives
// from the sections in force, and they stay assigned, so that what follows each other goes out on one socket
// in that order. One that reports no progress for `write_timeout`, or whose socket has ended, is replaced.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agreement/params.h"
#include "agreement/quorum.h"
#include "agreement/section.h"
#include "base/ids.h"
#include "base/time.h"

namespace icws::agreement {

// The numbers are in archives.
enum class Writers : uint8_t {
  All = 1,    // every member; written once a quorum has
  Some = 2,   // f+1 members, among them an honest one
  Single = 3  // one member, which may lie
};

// How many members write. 0: all of them.
uint32_t writers_needed(Writers policy, Quorum quorum);

// A member's assignment: it writes everything from `first` on.
struct Writer {
  // In the committee.
  uint32_t place = 0;
  // Counts the epoch's assignments from 1.
  uint32_t turn = 0;
  SendSequence first;
  // It has written `first` up to here; before `first`: nothing.
  SendSequence written;
  // Since when it has had something to write and reported no progress; empty: it has nothing to write.
  std::optional<AgreedTime> waiting_since;
  // Another has taken over. What it has written still counts.
  bool replaced = false;
  static void fields(auto& archive, auto& self) {
    archive(self.place, self.turn, self.first, self.written, self.waiting_since, self.replaced);
  }
};

// The replicated part, of one epoch. Bounded: a member is in it at most once. Stays empty with `All`.
struct SendState {
  std::vector<Writer> writers;
  uint32_t turns = 0;
  static void fields(auto& archive, auto& self) { archive(self.writers, self.turns); }
  // The member's assignment, or null.
  const Writer* assigned(uint32_t place) const;
};

// What is queued, as far as the rules need it. Messages up to `freed` are written, `last` is the newest one.
struct SendQueue {
  SendSequence freed;
  SendSequence last;
  // The first message in the queue that every member writes whatever the policy: a script that is sent again.
  std::optional<SendSequence> everyone;
};

struct SendContext {
  ConnectionId connection;
  Epoch epoch;
  Writers policy = Writers::All;
  Quorum quorum{1};
  AgreedTime now;
  // Members are assigned, and replaced. False while the connection opens or waits.
  bool assigning = true;
};

// What the sections in force show to be written.
struct WrittenSends {
  // `SendQueue::freed` if nothing new is.
  SendSequence up_to;
  // Members that report to have written all of it, by place, ascending.
  std::vector<uint32_t> writers;
};

// Brings `state` up to date with a block's sections. Pure; the same on every replica.
WrittenSends step_sends(SendState& state, const View& view, const SendQueue& queue,
                        const SendContext& context, const AgreementParams& params);

}  // namespace icws::agreement
