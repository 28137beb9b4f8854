#include "replica/reconciler.h"

#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

TEST(Reconciler, ReportsAFeedWithALargeBacklog) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  const ConnectionId id = subnet.opened(arguments);
  for (int i = 0; i < 1'000; ++i) subnet.all_see(id, "message " + std::to_string(i));
  subnet.blocks(1);
  ASSERT_TRUE(subnet.section(0, id).has_value());
  EXPECT_GT(subnet.section(0, id)->items.size(), 600u);
  EXPECT_LE(subnet.report(0)->report.size(), subnet.params().report_bytes_max);
  subnet.until([&] { return subnet.view(id).messages == 1'000; });
}

TEST(Reconciler, TellsTheAdapterWhoseSocketItIs) {
  Harness subnet;
  subnet.opened(test_open(Mode::Ordered));
  const auto opens = subnet.adapter(0).all<OpenCommand>();
  ASSERT_FALSE(opens.empty());
  EXPECT_EQ(opens[0].canister, "probe");
}

TEST(Reconciler, TellsTheAdapterWhetherToCompress) {
  for (const bool compression : {false, true}) {
    Harness subnet;
    OpenArguments arguments = test_open(Mode::Ordered);
    arguments.compression = compression;
    subnet.opened(arguments);
    const auto opens = subnet.adapter(0).all<OpenCommand>();
    ASSERT_FALSE(opens.empty());
    EXPECT_EQ(opens[0].compression, compression);
  }
}

// Attack L9.
TEST(Reconciler, NoSectionStarvesWithThreeThousandConnections) {
  ClusterParams params = test_params(1);
  params.connections_per_canister_max = 3'000;
  Harness subnet(params);
  std::vector<ConnectionId> ids;
  subnet.call([&](CanisterContext& context) {
    for (int i = 0; i < 3'000; ++i) {
      OpenArguments arguments = test_open(i % 2 == 0 ? Mode::Feed : Mode::Ordered);
      arguments.open_timeout = Milliseconds(300'000);
      ids.push_back(context.ws_open(arguments).value());
    }
    return Bytes();
  });
  ASSERT_EQ(ids.size(), 3'000u);
  for (const ConnectionId id : ids) subnet.all_open(id);
  subnet.blocks(40);
  size_t open = 0;
  for (const ConnectionView& view : subnet.replica(0).connections()) open += view.state == "open";
  EXPECT_EQ(open, 3'000u);
  EXPECT_LE(subnet.report(0)->report.size(), subnet.params().report_bytes_max);
}

// Attack L9: every replica starts at the same connection.
TEST(Reconciler, ReplicasTakeTheSameTurns) {
  ClusterParams params = test_params(4);
  params.report_bytes_max = 2'048;
  Harness subnet(params);
  std::vector<ConnectionId> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(subnet.open(test_open(Mode::Ordered)));
  for (const ConnectionId id : ids) {
    subnet.all_open(id);
    for (int i = 0; i < 20; ++i) subnet.all_see(id, "x" + std::to_string(i));
  }
  subnet.until([&] {
    for (const ConnectionId id : ids) {
      if (subnet.view(id).messages != 20) return false;
    }
    return true;
  });
}

}  // namespace
}  // namespace icws::replica
