#include "replica/divergence.h"

#include "replica/keys.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

// Blocks on four replicas of which the last goes astray at height 1.
class Divergence : public testing::Test {
 protected:
  Divergence() {
    // The hook runs once on each replica, and on the last one it does something else.
    const Bytes transaction = subnet_.transaction([this](CanisterContext& context) {
      if (++runs_ == 4) context.ws_open(test_open(Mode::Feed)).value();
      return Bytes();
    });
    step({transaction});
    agreed_ = subnet_.replica(0).info().app_hash;
    other_ = subnet_.replica(3).info().app_hash;
  }

  // One block on all of `members`, with reports from these.
  void step(std::vector<Bytes> transactions = {}, std::vector<size_t> members = {0, 1, 2, 3}) {
    Block block{Height(++height_), BlockTime(Milliseconds(1'000 * height_)), {}, std::move(transactions)};
    block.payload =
        subnet_.replica(0).prepare_proposal({block.height, block.time, reports_, block.transactions});
    reports_.clear();
    for (const size_t i : members) {
      const ReplicaIndex member(static_cast<uint32_t>(i));
      reports_.push_back(HashVerifier::sign(member, block.height,
                                            subnet_.replica(i).extend_vote(block.height, LocalTime{})));
    }
    for (const size_t i : members) {
      subnet_.replica(i).finalize_block(block);
      subnet_.replica(i).commit(LocalTime{});
    }
  }
  // What the replica says when it stops; empty if it goes on.
  template <class Action>
  static std::string stops(const Action& action) {
    try {
      action();
    } catch (const StateDiverged& stopped) {
      return stopped.what();
    }
    return {};
  }

  Harness subnet_;
  std::vector<SignedReport> reports_;
  Digest agreed_, other_;
  uint64_t height_ = 0;
  int runs_ = 0;
};

TEST_F(Divergence, AReplicaStopsWhenAQuorumOfReportsNamesAnotherHash) {
  ASSERT_NE(agreed_, other_);
  step();
  const std::string text = stops([&] { step(); });
  EXPECT_THAT(text, testing::HasSubstr("after height 1"));
  EXPECT_THAT(text, testing::HasSubstr(agreed_.hex() + " on a quorum"));
  EXPECT_THAT(text, testing::HasSubstr(other_.hex() + " here"));
  EXPECT_THAT(text, testing::HasSubstr("c/1="));
  // The others have done their block.
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(subnet_.replica(i).info().height, Height(3)) << i;
  EXPECT_EQ(subnet_.replica(3).info().height, Height(2));
  // For good.
  EXPECT_EQ(stops([&] { subnet_.make(3); }), text);
}

TEST_F(Divergence, FewerThanAQuorumStopNobody) {
  step({}, {0, 1, 3});
  EXPECT_EQ(stops([&] { step({}, {0, 1, 3}); }), "");
}

TEST_F(Divergence, AnEngineThatKnowsTheAgreedHashStopsItAtOnce) {
  EXPECT_EQ(stops([&] { subnet_.replica(0).on_agreed_hash(Height(1), agreed_); }), "");
  // Of a height that is not there nothing is known.
  EXPECT_EQ(stops([&] { subnet_.replica(3).on_agreed_hash(Height(9), agreed_); }), "");
  EXPECT_THAT(stops([&] { subnet_.replica(3).on_agreed_hash(Height(1), agreed_); }),
              testing::HasSubstr("after height 1"));
}

TEST(Keys, AreReadable) {
  EXPECT_EQ(keys::readable(keys::connection(ConnectionId(300))), "c/300");
  EXPECT_EQ(keys::readable(keys::canister("echo")), "k/echo");
  EXPECT_EQ(keys::readable(keys::kGlobal), "g");
  EXPECT_EQ(keys::readable(Bytes("k/\x01")), to_hex("k/\x01"));
}

}  // namespace
}  // namespace icws::replica
