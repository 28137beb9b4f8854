// What needs no name server. (Over real ones: tests/integration/adapter/adapter_dns_test.cc.)
#include "adapter/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "tests/support/process_figures.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using testing::ElementsAre;

// A server that is none: a question would get no answer.
DnsSettings no_server() {
  DnsSettings out;
  out.servers = {"127.0.0.1:9"};
  return out;
}

class Resolve : public testing::Test {
 protected:
  void look_up(const std::string& host) {
    answers.clear();
    const auto under_way = resolver.start(host, "lane", [this](Family family, Addresses addresses) {
      EXPECT_TRUE(answers.emplace(family, std::move(addresses)).second);
    });
    EXPECT_TRUE(answers.empty());
    while (answers.size() < 2) io.run_one();
    EXPECT_EQ(resolver.look_ups(), 0U);
    io.restart();
  }

  asio::io_context io{1};
  Metrics metrics;
  AresResolver resolver{io.get_executor(), no_server(), metrics};
  std::map<Family, Addresses> answers;
};

TEST_F(Resolve, KnowsThisMachine) {
  look_up("localhost");
  EXPECT_THAT(*answers.at(Family::kV4), ElementsAre(asio::ip::make_address("127.0.0.1")));
  EXPECT_THAT(*answers.at(Family::kV6), ElementsAre(asio::ip::make_address("::1")));
}

// A canister can ask for it as often as its rate of opens lets it.
TEST_F(Resolve, LosesNoMemoryWithThisMachinesName) {
  for (int i = 0; i < 100; ++i) look_up("localhost");
  const auto before = support::allocated_bytes();
  for (int i = 0; i < 2'000; ++i) look_up("localhost");
  EXPECT_LT(support::allocated_bytes(), before + 10'000);
}

}  // namespace
}  // namespace icws::adapter
