// A subnet on four CometBFT nodes as a test's subject.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"

namespace icws::support {

// What: skips the test where there is no cometbft program. Thread-safety: none.
class CometTest : public testing::Test {
 protected:
  void SetUp() override;
  // Starts the subnet and opens a connection of the echo canister to `server_`.
  void begin(std::vector<std::string> flags = {}, const std::string& more = {});
  // The server's own messages, the same for all clients.
  void push(size_t count);
  // Everything pushed is in these replicas' transcripts, in order, once, under one head.
  void expect_all_on(const std::vector<size_t>& replicas = {0, 1, 2, 3});
  // App hashes of one height that all of `replicas` have reached are equal.
  void expect_one_app_hash(const std::vector<size_t>& replicas = {0, 1, 2, 3});

  EchoServer server_;
  std::unique_ptr<Subnet> subnet_;
  uint64_t id_ = 0;
  std::vector<std::string> pushed_;
};

}  // namespace icws::support
