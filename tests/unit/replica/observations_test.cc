// Mode observations from the canister's call to its readings, through whole replicas.
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

OpenArguments observing(Deliver deliver, uint32_t min_responses = 3) {
  OpenArguments out = test_open(Mode::Observations);
  out.transform.json = true;
  out.transform.key_pointers = {"/s"};
  out.transform.value_pointer = "/p";
  out.observations = {deliver, min_responses, Milliseconds(1'000), Milliseconds(5'000)};
  return out;
}

Bytes price(const std::string& value) { return R"({"s":"BTC","p":")" + value + R"("})"; }

class ObservationsMode : public testing::Test {
 protected:
  ObservationsMode() {
    subnet.hooks().data = [this](CanisterContext&, const DataCall& call) {
      for (const DataEntry& entry : call.entries) newest = entry;
    };
  }
  Harness subnet;
  DataEntry newest;
};

TEST_F(ObservationsMode, GivesTheCanisterTheMedian) {
  const ConnectionId id = subnet.opened(observing(Deliver::Median));
  for (size_t i = 0; i < 4; ++i) subnet.sees(i, id, price("10" + std::to_string(i) + ".50"));
  subnet.blocks(12);
  EXPECT_EQ(newest.kind, DataEntry::Kind::Reading);
  EXPECT_EQ(newest.content, "101.5");
  EXPECT_EQ(newest.key, R"(["BTC"])");
  EXPECT_EQ(newest.responses, 4u);
  EXPECT_EQ(newest.members, 4u);
  EXPECT_TRUE(newest.values.empty());
}

TEST_F(ObservationsMode, GivesTheCanisterAllValuesWithTheirMembers) {
  const ConnectionId id = subnet.opened(observing(Deliver::All, 2));
  for (size_t i = 1; i < 3; ++i) subnet.sees(i, id, price("10" + std::to_string(i) + ".50"));
  subnet.blocks(12);
  ASSERT_EQ(newest.values.size(), 2u);
  EXPECT_EQ(newest.values[0].member, 1u);
  EXPECT_EQ(newest.values[0].value, R"("101.50")");
  EXPECT_EQ(newest.values[1].value, R"("102.50")");
  EXPECT_TRUE(newest.content.empty());
}

TEST_F(ObservationsMode, AcknowledgesEverythingAndCountsWhatIsNoValue) {
  const ConnectionId id = subnet.opened(observing(Deliver::Median));
  for (int i = 0; i < 20; ++i) subnet.all_see(id, price(std::to_string(i)));
  subnet.all_see(id, R"({"s":"BTC","p":"none"})");
  subnet.all_see(id, R"({"s":"BTC"})");
  subnet.all_see(id, "no JSON");
  subnet.blocks(2);
  EXPECT_TRUE(subnet.adapter(0).socket(subnet.socket(0, id)).events.empty());
  EXPECT_EQ(subnet.replica(0).metrics().events_dropped, 1u);
  subnet.blocks(10);
  EXPECT_EQ(newest.content, "19");
}

// What the adapter repeats after a restart has no known age: such a replica answers when it has something
// new.
TEST_F(ObservationsMode, ARestartedReplicaHasNoValueUntilANewOneComes) {
  const ConnectionId id = subnet.opened(observing(Deliver::All, 2));
  subnet.all_see(id, price("1"));
  subnet.blocks(1);
  subnet.crash(0);
  subnet.sees(0, id, price("2"));
  subnet.blocks(5);
  subnet.start(0);
  subnet.blocks(25);
  EXPECT_EQ(newest.responses, 3u);
  subnet.sees(0, id, price("3"));
  subnet.blocks(12);
  EXPECT_EQ(newest.responses, 4u);
}

TEST_F(ObservationsMode, ADeadSocketsValueDoesNotCountAndTheMemberComesBack) {
  const ConnectionId id = subnet.opened(observing(Deliver::All, 2));
  subnet.all_see(id, price("1"));
  subnet.blocks(12);
  EXPECT_EQ(newest.responses, 4u);
  subnet.closes(0, id, false);
  subnet.blocks(12);
  EXPECT_EQ(newest.responses, 3u);
  subnet.opens(0, id);
  subnet.sees(0, id, price("2"));
  subnet.blocks(12);
  EXPECT_EQ(newest.responses, 4u);
  EXPECT_EQ(subnet.view(id).state, "open");
}

TEST_F(ObservationsMode, AllReplicasRestartFromStorageAndGoOn) {
  const ConnectionId id = subnet.opened(observing(Deliver::Median));
  subnet.all_see(id, price("1"));
  subnet.blocks(12);
  for (size_t i = 0; i < 4; ++i) subnet.crash(i);
  for (size_t i = 0; i < 4; ++i) subnet.start(i);
  const uint64_t before = subnet.view(id).entries.value;
  subnet.blocks(25);
  EXPECT_EQ(subnet.view(id).entries.value, before) << "a value was made up";
  subnet.all_see(id, price("2"));
  subnet.blocks(12);
  EXPECT_EQ(newest.content, "2");
}

}  // namespace
}  // namespace icws::replica
