// Changes of the replica set of a real subnet, by icwsctl's commands alone, while messages flow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "proof/certificate.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/test_certificates.h"
#include "tests/support/waiting.h"

namespace icws {
namespace {

using testing::HasSubstr;

constexpr Milliseconds kLook{5'000};

using Result = support::ToolResult;

Bytes read_file(const std::filesystem::path& name) {
  std::ifstream in(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class SubnetMembership : public testing::Test {
 protected:
  Result control(std::vector<std::string> arguments, bool offline = false) const {
    return offline ? support::run_tool("icwsctl", std::move(arguments))
                   : subnet_.control(std::move(arguments));
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }

  // Proposes and signs a change; `what`: of `replicas propose`.
  void prepare(std::vector<std::string> what, const std::vector<std::string>& keys) const {
    what.insert(what.begin(), {"replicas", "propose", file("change"), "--blocks-ahead", "200"});
    const Result proposed = control(what);
    ASSERT_EQ(proposed.status, 0) << proposed.errors;
    std::string list;
    for (const std::string& key : keys) list += (list.empty() ? "" : ",") + key;
    const Result with = control({"replicas", "sign", file("change"), "--key", list});
    ASSERT_EQ(with.status, 0) << with.errors;
  }
  Result submit() const { return control({"replicas", "submit", file("change")}); }
  // Messages flow until each of `replicas` has this version of the set.
  void flow_until(uint64_t version, const std::vector<size_t>& replicas) {
    const bool there = support::poll([&] {
      send();
      return std::ranges::all_of(replicas, [&](size_t i) {
        const auto status = subnet_.replica(i).status(kLook);
        return status && status->replica_set_version() == version;
      });
    });
    ASSERT_TRUE(there);
    for (int i = 0; i < 3; ++i) send();
  }
  void send() { subnet_.send_echo(id_, "message " + std::to_string(sent_++)); }
  std::string key(size_t i) const { return subnet_.layout().key_file(i).string(); }
  bool member(size_t i) {
    const auto status = subnet_.replica(i).status(kLook);
    return status && status->member();
  }
  std::string log(size_t i) const { return read_file(subnet_.layout().replica_log(i)); }
  void expect_all_messages(const std::vector<size_t>& replicas) {
    for (const size_t i : replicas) {
      const auto messages = subnet_.messages(i, id_, sent_);
      ASSERT_EQ(messages.size(), sent_) << "replica " << i;
      for (size_t m = 0; m < sent_; ++m) EXPECT_EQ(messages[m], "message " + std::to_string(m));
    }
    EXPECT_EQ(subnet_.heads(id_, replicas).size(), 1u);
  }

  support::EchoServer server_;
  support::Subnet subnet_;
  support::TemporaryDirectory folder_;
  uint64_t id_ = 0;
  size_t sent_ = 0;
};

TEST_F(SubnetMembership, AKeyIsRotatedWhileMessagesFlow) {
  id_ = subnet_.open_echo_everywhere(server_.url());
  const Result made = control({"replicas", "new-key", key(2)}, true);
  ASSERT_EQ(made.status, 0) << made.errors;
  const std::string fresh = made.output.substr(0, 64);
  prepare({"--rotate", "2=" + fresh}, {key(0), key(1), key(3)});
  const Result submitted = submit();
  ASSERT_EQ(submitted.status, 0) << submitted.errors;
  EXPECT_THAT(submitted.output, HasSubstr("active from height"));
  flow_until(1, {0, 1, 2, 3});
  EXPECT_THAT(control({"replicas", "list"}).output, HasSubstr(fresh));
  EXPECT_TRUE(support::poll([&] { return log(2).find("key.next") != std::string::npos; })) << log(2);
  // It is heard with the new key: three of four decide, and these three are not it alone.
  ASSERT_EQ(::kill(subnet_.replica_pid(3), SIGSTOP), 0);
  for (int i = 0; i < 3; ++i) send();
  expect_all_messages({0, 1, 2});
  ASSERT_EQ(::kill(subnet_.replica_pid(3), SIGCONT), 0);
  expect_all_messages({0, 1, 2, 3});
  // Once more the same change: refused.
  const Result again = submit();
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.errors, HasSubstr("rejected"));
}

TEST_F(SubnetMembership, ReplicasLeaveOneByOneAndCertificatesFollow) {
  id_ = subnet_.open_echo_everywhere(server_.url(), ", \"reconnect\": true");
  prepare({"--remove", "3"}, {key(0), key(1)});
  const Result too_few = submit();
  EXPECT_EQ(too_few.status, 1);
  EXPECT_THAT(too_few.errors, HasSubstr("2 signatures, a quorum is 3"));
  prepare({"--remove", "3"}, {key(0), key(1), key(2)});
  ASSERT_EQ(submit().status, 0);
  flow_until(1, {0, 1, 2, 3});
  EXPECT_FALSE(member(3));
  EXPECT_TRUE(support::poll([&] { return log(3).find("has left the replica set") != std::string::npos; }));
  EXPECT_TRUE(subnet_.wait_for(id_, [](const auto& view) { return view.socket() == "none"; }, {3}));
  // One of four may fail: the epoch goes on, and the process of the one that left can end.
  EXPECT_TRUE(subnet_.wait_for(id_, [](const auto& view) { return view.epoch() == 1; }));
  expect_all_messages({0, 1, 2, 3});

  // A second one is more than that committee can do without: the gap is visible.
  prepare({"--remove", "2"}, {key(0), key(1), key(2)});
  ASSERT_EQ(submit().status, 0);
  EXPECT_TRUE(subnet_.wait_for(
      id_, [](const auto& view) { return view.epoch() == 2 && view.state() == "open"; }, {0, 1}));
  send();
  ASSERT_TRUE(subnet_.wait_for(id_, [&](const auto& view) { return view.messages() == sent_; }, {0, 1}));
  bool told = false;
  for (const auto& entry : subnet_.transcript(0, id_))
    told = told ||
           (entry.has_closed() && entry.closed().cause() == "MEMBERSHIP" && entry.closed().reconnecting());
  EXPECT_TRUE(told);

  // The genesis keys alone check what two of four replicas prove now.
  const std::string cluster = subnet_.layout().cluster_file().string();
  const Result exported =
      control({"transcript", "export", "--connection", std::to_string(id_), "--output", file("certificate")});
  ASSERT_EQ(exported.status, 0) << exported.errors;
  const Result verified = control({"transcript", "verify", file("certificate"), "--cluster", cluster}, true);
  EXPECT_EQ(verified.status, 0) << verified.errors;
  EXPECT_THAT(verified.output, HasSubstr("version 2"));
  const auto good = proof::decode_certificate(read_file(file("certificate")));
  ASSERT_TRUE(good);
  ASSERT_EQ(good->changes.size(), 2u);
  const auto refused = [&](const proof::Certificate& bad) {
    support::write_file(file("bad"), proof::encode_certificate(bad));
    return control({"transcript", "verify", file("bad"), "--cluster", cluster}, true).errors;
  };
  proof::Certificate bad = *good;
  bad.changes.pop_back();
  EXPECT_THAT(refused(bad), HasSubstr("SET_CHANGE: change 2 of the replica set is missing"));
  bad = *good;
  std::swap(bad.changes[0], bad.changes[1]);
  EXPECT_THAT(refused(bad), HasSubstr("SET_CHANGE: change 2 of the replica set stands in the place of 1"));
  bad = *good;
  bad.changes[1].change.members.pop_back();
  EXPECT_THAT(refused(bad), HasSubstr("SET_CHANGE: change 2"));
}

}  // namespace
}  // namespace icws
