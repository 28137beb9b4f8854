// Certificates of a real subnet: exported by icwsctl from a replica, checked by icwsctl with the subnet's
// end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "proof/verify.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"
#include "tools/cluster_file.h"

namespace icws {
namespace {

using proof::Certificate;
using testing::HasSubstr;

struct Result {
  int status = -1;
  std::string output;
  std::string errors;
};

Result control(std::vector<std::string> arguments) {
  support::ChildOptions options;
  options.program = support::built_program("icwsctl");
  options.arguments = std::move(arguments);
  support::ChildProcess child(std::move(options));
  const auto exit = child.wait_exit();
  return {exit ? exit->status.value_or(-1) : -1, child.output(), child.errors()};
}

Bytes read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What: a subnet with one connection of `kMessages` echoes, and a folder for certificates.
class SubnetCertificate : public testing::Test {
 protected:
  static constexpr size_t kMessages = 6;

  void SetUp() override {
    id_ = subnet_.open_echo_everywhere(server_.url());
    send(kMessages);
  }
  // Waits until all replicas have agreed on it.
  void send(size_t count) {
    for (size_t i = 0; i < count; ++i) subnet_.send_echo(id_, "message " + std::to_string(++sent_));
    ASSERT_TRUE(subnet_.wait_for(id_, [&](const auto& view) { return view.entries() == sent_ + 1; }));
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  std::string cluster() const { return subnet_.layout().cluster_file().string(); }

  Result export_range(uint64_t from, uint64_t to, const std::string& name, size_t replica = 0) const {
    return control({"--directory", subnet_.layout().directory.string(), "--replica", std::to_string(replica),
                    "transcript", "export", "--connection", std::to_string(id_), "--from",
                    std::to_string(from), "--to", std::to_string(to), "--output", file(name)});
  }
  Result verify(const std::string& name) const {
    return control({"transcript", "verify", file(name), "--cluster", cluster()});
  }
  proof::Trusted trusted() const {
    const auto parsed = tools::parse_cluster(read_file(cluster()));
    if (!parsed) throw std::runtime_error("cluster file: " + parsed.error().front());
    return {parsed->chain_id, agreement::genesis_replicas(parsed->replica_keys)};
  }
  // A certificate that is changed like this is refused, with this fault and these words.
  void expect_refused(const Certificate& good, const std::function<void(Certificate&)>& change,
                      const std::string& fault, const std::string& where) const {
    Certificate bad = good;
    change(bad);
    support::write_file(file("bad"), proof::encode_certificate(bad));
    const Result result = verify("bad");
    EXPECT_EQ(result.status, 1) << fault;
    EXPECT_THAT(result.errors, HasSubstr("NOT VERIFIED: " + fault + ": "));
    EXPECT_THAT(result.errors, HasSubstr(where));
  }
  void end_subnet() {
    subnet_.process().kill(SIGTERM);
    ASSERT_TRUE(subnet_.process().wait_exit());
  }

  support::EchoServer server_;
  support::Subnet subnet_;
  support::TemporaryDirectory folder_;
  uint64_t id_ = 0;
  size_t sent_ = 0;
};

TEST_F(SubnetCertificate, AnyReplicasExportHoldsOffline) {
  for (size_t replica = 0; replica < support::Subnet::kReplicas; ++replica) {
    const Result exported = export_range(2, 5, "range-" + std::to_string(replica), replica);
    ASSERT_EQ(exported.status, 0) << exported.errors;
  }
  // It goes on, and what is exported then is longer; the older ones hold all the same.
  send(2);
  const Result newest = export_range(1, 0, "all");
  ASSERT_EQ(newest.status, 0) << newest.errors;
  const proof::Trusted known = trusted();
  end_subnet();

  for (size_t replica = 0; replica < support::Subnet::kReplicas; ++replica) {
    const Result result = verify("range-" + std::to_string(replica));
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_THAT(result.output, HasSubstr("2 to 5 of 7"));
  }
  EXPECT_THAT(verify("all").output, HasSubstr("1 to 9 of 9"));
  std::string keys;
  for (const agreement::ReplicaKey& member : known.replicas.members)
    keys += (keys.empty() ? "" : ",") + to_hex(member.public_key);
  EXPECT_EQ(
      control({"transcript", "verify", file("all"), "--chain-id", known.chain_id, "--keys", keys}).status, 0);

  const auto verified = proof::verify(*proof::decode_certificate(read_file(file("range-3"))), known);
  ASSERT_TRUE(verified) << verified.error().message;
  ASSERT_EQ(verified->entries.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const auto* message = std::get_if<transcript::Message>(&verified->entries[i].what);
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(message->content, "message " + std::to_string(i + 1));
  }
}

TEST_F(SubnetCertificate, WhatIsChangedIsNamed) {
  ASSERT_EQ(export_range(3, 6, "good").status, 0);
  end_subnet();
  const Bytes bytes = read_file(file("good"));
  const auto decoded = proof::decode_certificate(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  const Certificate& good = *decoded;
  ASSERT_EQ(verify("good").status, 0);

  const auto flip = [](Bytes& target) { target.back() = static_cast<char>(target.back() ^ 1); };
  expect_refused(good, [&](Certificate& c) { flip(c.entries[1]); }, "CHANGED_ENTRY", "entry 4");
  expect_refused(
      good, [](Certificate& c) { c.entries.erase(c.entries.begin() + 2); }, "MISSING_ENTRY",
      "entry 5 is missing");
  expect_refused(
      good, [](Certificate& c) { std::swap(c.entries[0], c.entries[1]); }, "MISSING_ENTRY", "entry 3");
  expect_refused(good, [](Certificate& c) { c.links.pop_back(); }, "WRONG_HEAD", "links");
  expect_refused(good, [](Certificate& c) { c.head.bytes[0] ^= 1; }, "WRONG_HEAD", "links");
  expect_refused(good, [](Certificate& c) { c.proof.steps.clear(); }, "WRONG_PROOF", "app hash");
  expect_refused(
      good, [&](Certificate& c) { flip(c.reports[0].signature); }, "WRONG_SIGNATURE",
      "replica " + std::to_string(good.reports[0].member.value));
  expect_refused(good, [](Certificate& c) { c.reports.resize(1); }, "TOO_FEW_REPORTS", "it takes 2");
  expect_refused(good, [](Certificate& c) { c.chain_id += "x"; }, "WRONG_CHAIN", "chain");

  support::write_file(file("cut"), bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(verify("cut").errors, HasSubstr("NOT VERIFIED: MALFORMED: "));
  // Every byte of the file counts.
  const proof::Trusted known = trusted();
  for (size_t at = 0; at < bytes.size(); ++at) {
    Bytes bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    const auto changed = proof::decode_certificate(bad);
    EXPECT_FALSE(changed && proof::verify(*changed, known)) << "byte " << at;
  }
}

TEST_F(SubnetCertificate, SaysWhatItCannotExport) {
  const Result beyond = export_range(2, 99, "none");
  EXPECT_EQ(beyond.status, 2);
  EXPECT_THAT(beyond.errors, HasSubstr("7 entries, not 99"));
  EXPECT_FALSE(std::filesystem::exists(file("none")));
  EXPECT_EQ(control({"transcript", "verify", file("none"), "--cluster", cluster()}).status, 2);
  EXPECT_EQ(control({"transcript", "verify", cluster()}).status, 2);
}

// Three of four go on, and what they prove holds for one that comes back, too.
TEST_F(SubnetCertificate, HoldsWithAReplicaDownAndAfterItsReturn) {
  const pid_t before = subnet_.replica_pid(3);
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  const Result during = export_range(1, 0, "during");
  ASSERT_EQ(during.status, 0) << during.errors;
  ASSERT_NE(subnet_.replica_pid(3, before), 0);
  ASSERT_TRUE(subnet_.wait_for_height(subnet_.height(0) + 2));
  const Result returned = export_range(1, 0, "returned", 3);
  ASSERT_EQ(returned.status, 0) << returned.errors;
  EXPECT_EQ(verify("during").status, 0);
  EXPECT_EQ(verify("returned").status, 0);
}

}  // namespace
}  // namespace icws
