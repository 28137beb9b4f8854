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

}  // namespace
}  // namespace icws::adapter_client
