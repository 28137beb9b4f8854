// Sockets that are closed at once, before they have taken their first step.
#include "adapter/connection_table.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

namespace icws::adapter {
namespace {

// One open a second: what is beyond the burst would wait for minutes.
AdapterConfig slow() {
  AdapterConfig out;
  out.opens_per_second_max = 1;
  out.open_wait = Milliseconds(600'000);
  out.open_timeout = Milliseconds(600'000);
  return out;
}

struct Scene {
  // Coroutines refer to connections.
  ~Scene() {
    table.stop();
    table.abort_all();
    io.restart();
    io.run();
  }

  replica::SocketKey open() {
    replica::OpenCommand command;
    command.key = {ConnectionId(++opened), Epoch(1), Attempt(1)};
    command.url = "ws://127.0.0.1:80/";
    command.message_bytes_max = 1;
    EXPECT_TRUE(table.open(command));
    return command.key;
  }
  // Enough for what has something to do; none of what waits for its turn.
  bool ends() {
    io.restart();
    io.run_for(std::chrono::seconds(3));
    return table.idle();
  }

  const AdapterConfig config = slow();
  boost::asio::io_context io;
  Metrics metrics;
  Log log{LogLevel::kError};
  Egress egress{io.get_executor(), config, metrics};
  EventHub hub{HubLimits{}};
  MaskKeys mask_keys;
  Bytes read_buffer = Bytes(kReadBytes, '\0');
  Keeper keeper{io.get_executor(), keeper_period(config)};
  ConnectionTable table{io.get_executor(),
                        {config, egress, hub, mask_keys, read_buffer, keeper, metrics, log}};
  uint64_t opened = 0;
};

constexpr int kSockets = 20;

TEST(ConnectionTable, DoesNotWaitForTheTurnOfWhatIsClosed) {
  Scene scene;
  for (int i = 0; i < kSockets; ++i) EXPECT_TRUE(scene.table.close(scene.open(), 1000, ""));
  EXPECT_TRUE(scene.ends());
}

TEST(ConnectionTable, StopsWithoutWaitingForAnybodysTurn) {
  Scene scene;
  for (int i = 0; i < kSockets; ++i) scene.open();
  scene.table.stop();
  EXPECT_TRUE(scene.ends());
}

// The same, once they wait.
TEST(ConnectionTable, EndsWhatWaitsForItsTurn) {
  Scene scene;
  std::vector<replica::SocketKey> keys;
  for (int i = 0; i < kSockets; ++i) keys.push_back(scene.open());
  scene.io.poll();
  EXPECT_FALSE(scene.table.idle());
  for (const auto& key : keys) EXPECT_TRUE(scene.table.close(key, 1000, ""));
  EXPECT_TRUE(scene.ends());
}

}  // namespace
}  // namespace icws::adapter
