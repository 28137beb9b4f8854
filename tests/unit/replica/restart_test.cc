// Replicas that die and come back, with the adapter that stayed.
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

class Restart : public testing::TestWithParam<Mode> {
 protected:
  void crash_all() {
    for (size_t i = 0; i < subnet.size(); ++i) subnet.crash(i);
  }
  void start_all() {
    for (size_t i = 0; i < subnet.size(); ++i) subnet.start(i);
  }
  Harness subnet;
};

TEST_P(Restart, OfAllReplicasLosesNothingAndDoublesNothing) {
  const ConnectionId id = subnet.opened(test_open(GetParam()));
  for (int i = 0; i < 10; ++i) subnet.all_see(id, "a" + std::to_string(i));
  subnet.blocks(3);
  for (int i = 0; i < 10; ++i) subnet.all_see(id, "b" + std::to_string(i));
  subnet.blocks(1);
  crash_all();
  for (int i = 0; i < 10; ++i) subnet.all_see(id, "c" + std::to_string(i));
  start_all();
  subnet.until([&] { return subnet.view(id).messages >= 30; });
  subnet.blocks(20);
  for (const std::string text : {"a", "b", "c"}) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(subnet.count(text + std::to_string(i) + "\n"), 1u) << text << i;
  }
  EXPECT_EQ(subnet.view(id).messages, 30u);
}

// Attack S7 with a power cut: the sockets have ended, their last messages are not agreed yet.
TEST_P(Restart, AfterTheSocketsEndedStillGivesTheirLastMessages) {
  const ConnectionId id = subnet.opened(test_open(GetParam()));
  subnet.blocks(3);
  for (int i = 0; i < 10; ++i) subnet.all_see(id, "last" + std::to_string(i));
  subnet.all_close(id);
  // One block knows that they have ended, and nothing is agreed.
  subnet.block({.silent = {0, 1, 2, 3}});
  ASSERT_EQ(subnet.view(id).messages, 0u);
  crash_all();
  start_all();
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  EXPECT_EQ(subnet.view(id).messages, 10u);
  EXPECT_EQ(subnet.count("1000 SERVER"), 1u) << subnet.log();
}

TEST_P(Restart, AfterABrokenConnectionStillGivesItsLastMessages) {
  const ConnectionId id = subnet.opened(test_open(GetParam()));
  subnet.blocks(3);
  for (int i = 0; i < 10; ++i) subnet.all_see(id, "last" + std::to_string(i));
  subnet.all_close(id, false);
  subnet.block({.silent = {0, 1, 2, 3}});
  crash_all();
  start_all();
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  EXPECT_EQ(subnet.view(id).messages, 10u);
}

INSTANTIATE_TEST_SUITE_P(Modes, Restart, testing::Values(Mode::Ordered, Mode::Feed),
                         [](const auto& info) { return info.param == Mode::Ordered ? "Ordered" : "Feed"; });

}  // namespace
}  // namespace icws::replica
