#include "replica/invariants.h"

#include <gtest/gtest.h>

namespace icws::replica {
namespace {

class Invariants : public testing::Test {
 protected:
  Invariants() {
    before_.global.last_connection = ConnectionId(1);
    before_.members = Membership(agreement::genesis_replicas({Bytes(32, 'k')}));
    ConnectionSlot slot;
    slot.record.id = ConnectionId(1);
    slot.record.agreement.committee = {ReplicaIndex(0)};
    slot.record.agreement.down_since.resize(1);
    slot.record.last_entry = EntrySequence(3);
    slot.record.delivered = EntrySequence(3);
    before_.connections.add(slot);
    after_ = before_;
    after_.global.height = Height(1);
  }
  ConnectionSlot& slot() { return after_.connections.change(ConnectionId(1)); }
  size_t faults() const { return check_invariants(before_, after_, params_).size(); }

  ClusterParams params_;
  State before_, after_;
};

TEST_F(Invariants, HoldForABlockThatDoesNothing) { EXPECT_EQ(faults(), 0u); }

TEST_F(Invariants, FindATranscriptThatShrinks) {
  slot().record.last_entry = slot().record.delivered = EntrySequence(2);
  EXPECT_GT(faults(), 0u);
}

TEST_F(Invariants, FindAnEntryThatIsInNoInbox) {
  slot().record.last_entry = EntrySequence(4);
  EXPECT_EQ(faults(), 1u);
}

TEST_F(Invariants, FindAnInboxThatIsCountedWrongly) {
  slot().record.last_entry = EntrySequence(4);
  slot().inbox.push_back(InboxEntry{{EntrySequence(4), {}, {}, {}, transcript::Opened{}}, 70});
  EXPECT_EQ(faults(), 1u);
  slot().record.inbox_bytes = 70;
  EXPECT_EQ(faults(), 0u);
}

TEST_F(Invariants, FindAnotherHeadAtAnAgreedPosition) {
  slot().record.agreement.ordered.head = sha256("other");
  EXPECT_EQ(faults(), 1u);
}

TEST_F(Invariants, FindSettledItemsThatAreKeptTooLong) {
  after_.global.height = Height(100);
  before_.global.height = Height(99);
  slot().record.agreement.feed.settled.push_back({Height(94), {{{}, 1}}});
  EXPECT_EQ(faults(), 1u);
  slot().record.agreement.feed.settled.back().height = Height(95);
  EXPECT_EQ(faults(), 0u);
  // What has ended is not stepped any more.
  slot().record.agreement.feed.settled.back().height = Height(10);
  slot().record.phase = RecordPhase::Waiting;
  EXPECT_EQ(faults(), 0u);
}

TEST_F(Invariants, FindTimeThatJumps) {
  after_.global.now += Milliseconds(1'001);
  EXPECT_EQ(faults(), 1u);
}

TEST_F(Invariants, FindAConnectionThatComesBack) {
  before_.connections.erase(ConnectionId(1));
  EXPECT_EQ(faults(), 1u);
}

}  // namespace
}  // namespace icws::replica
