// The parts of Hello: how many, how large.
#include "adapter/hello.h"

#include <gtest/gtest.h>

#include "adapter/config_table.h"
#include "icws/adapter/v1/adapter.pb.h"

namespace icws::adapter {
namespace {

replica::SocketStatus largest_status() {
  replica::SocketStatus out;
  out.key = {ConnectionId(UINT64_MAX), Epoch(UINT32_MAX), Attempt(UINT32_MAX)};
  out.acknowledged = EventSequence(UINT64_MAX);
  out.position = Position(UINT64_MAX);
  out.head = sha256("head");
  out.accepted_send = UINT64_MAX;
  return out;
}

std::vector<v1::Hello> parts_of(size_t sockets) {
  std::vector<v1::Hello> out;
  for (const auto& bytes : serialize_hello(UINT64_MAX, {sockets, largest_status()})) {
    v1::EventsResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    EXPECT_LT(bytes.size(), 4U * 1024 * 1024);
    EXPECT_EQ(response.hello().instance(), UINT64_MAX);
    out.push_back(response.hello());
  }
  return out;
}

TEST(Hello, HasALargestEntry) {
  const auto without = serialize_hello(1, {}).front().size();
  EXPECT_EQ(serialize_hello(1, {1, largest_status()}).front().size(), without + kSocketStatusBytesMax);
}

TEST(Hello, HasPartsAtTheEdge) {
  ASSERT_EQ(parts_of(0).size(), 1U);
  EXPECT_FALSE(parts_of(0)[0].more());
  ASSERT_EQ(parts_of(kHelloSocketsMax).size(), 1U);
  EXPECT_FALSE(parts_of(kHelloSocketsMax)[0].more());
  const auto two = parts_of(kHelloSocketsMax + 1);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_TRUE(two[0].more());
  EXPECT_EQ(two[0].sockets_size(), static_cast<int>(kHelloSocketsMax));
  EXPECT_FALSE(two[1].more());
  EXPECT_EQ(two[1].sockets_size(), 1);
}

TEST(Hello, HoldsAsManySocketsAsThereMayBe) {
  const auto sockets = find_setting("sockets_max")->max;
  size_t seen = 0;
  for (const auto& part : parts_of(sockets)) seen += static_cast<size_t>(part.sockets_size());
  EXPECT_EQ(seen, sockets);
}

}  // namespace
}  // namespace icws::adapter
