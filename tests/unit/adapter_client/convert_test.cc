#include "adapter_client/convert.h"

#include <gtest/gtest.h>

namespace icws::adapter_client {
namespace {

TEST(Convert, CarriesWhetherToCompress) {
  replica::OpenCommand command;
  EXPECT_FALSE(request_of(command).compression());
  command.compression = true;
  EXPECT_TRUE(request_of(command).compression());
}

TEST(Convert, CarriesWhomAnOpenIsFor) {
  replica::OpenCommand command;
  command.key = {ConnectionId(7), Epoch(2), Attempt(3)};
  command.url = "wss://example.com/";
  command.message_bytes_max = 9;
  command.canister = "\x01\xff canister";
  command.proxies = {"socks5h://[2600::1]:1080", "http://proxy.example:3128"};
  const auto request = request_of(command);
  EXPECT_EQ(request.key().attempt(), 3U);
  EXPECT_EQ(request.url(), command.url);
  EXPECT_EQ(request.message_bytes_max(), 9U);
  EXPECT_EQ(request.canister_id(), command.canister);
  EXPECT_EQ(std::vector<std::string>(request.proxies().begin(), request.proxies().end()), command.proxies);
}

adapter::v1::Hello hello_part(uint64_t instance, uint64_t first, size_t count) {
  adapter::v1::Hello out;
  out.set_instance(instance);
  for (size_t i = 0; i < count; ++i) {
    auto& socket = *out.add_sockets();
    socket.mutable_key()->set_connection_id(first + i);
    socket.set_acknowledged_event(first + i + 1);
  }
  return out;
}

TEST(Convert, PutsThePartsOfHelloTogether) {
  std::optional<replica::AdapterUp> up;
  ASSERT_TRUE(take_part(hello_part(7, 1, 2), up));
  ASSERT_TRUE(take_part(hello_part(7, 3, 1), up));
  EXPECT_EQ(up->instance, 7U);
  ASSERT_EQ(up->sockets.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(up->sockets[i].key.connection, ConnectionId(i + 1));
    EXPECT_EQ(up->sockets[i].acknowledged, EventSequence(i + 2));
  }
  EXPECT_FALSE(take_part(hello_part(8, 4, 1), up));
}

TEST(Convert, TakesAsManySocketsAsThereCanBe) {
  std::optional<replica::AdapterUp> up;
  ASSERT_TRUE(take_part(hello_part(7, 1, 199'999), up));
  EXPECT_FALSE(take_part(hello_part(7, 200'000, 2), up));
  EXPECT_TRUE(take_part(hello_part(7, 200'000, 1), up));
  EXPECT_FALSE(take_part(hello_part(7, 200'001, 1), up));
}

}  // namespace
}  // namespace icws::adapter_client
