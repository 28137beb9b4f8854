// A subnet of one or more replicas under a test's hand: blocks on request, adapters in memory, time that
// only a test moves.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agreement/report_codec.h"
#include "replica/management.h"
#include "replica/replica.h"
#include "tests/unit/replica/probe_canister.h"
#include "tests/unit/replica/test_adapter.h"

namespace icws::replica {

// Every genesis member's key, where a test does not say otherwise.
inline const Bytes kTestKey(32, 'k');

// A keyed hash in place of Ed25519; who knows a public key can sign with it.
class HashVerifier final : public ReportVerifier {
 public:
  static SignedReport sign(ReplicaIndex member, Height height, Bytes report, BytesView public_key = kTestKey);
  bool verify(const SignedReport& report, const Bytes& public_key) const override;
  static Bytes sign_batch(ReplicaIndex member, BytesView message, BytesView public_key = kTestKey);
  bool verify_batch(const agreement::ReplicaKey& owner, BytesView message,
                    BytesView signature) const override {
    return signature == sign_batch(owner.index, message, owner.public_key);
  }
};

// Parameters of `replicas` members named by a test.
ClusterParams test_params(uint32_t replicas);
// ws://echo.test/, mode and nothing else.
OpenArguments test_open(Mode mode);

// What: see above. After every block the app hashes are compared. Thread-safety: none.
class Harness {
 public:
  explicit Harness(ClusterParams params = test_params(4)) : Harness(params, params.replica_keys.size()) {}
  // More nodes than genesis keys: the others come in by changes of the replica set.
  Harness(ClusterParams params, size_t nodes);
  explicit Harness(uint32_t replicas) : Harness(test_params(replicas)) {}

  // --- blocks ---
  struct Round {
    size_t proposer = 0;
    Milliseconds after{100};
    std::vector<Bytes> transactions = {};
    // Whose reports of this height get lost.
    std::set<size_t> silent = {};
  };
  // One block on all replicas that are up.
  BlockResult block(Round round);
  void blocks(size_t count, Milliseconds after = Milliseconds(100));
  // Blocks until `done`, at most 200.
  void until(const std::function<bool()>& done);
  // What the owners of mode delegated want in the next block, but for those `silent`.
  std::vector<Bytes> batches(const std::set<size_t>& silent = {});
  // The next block as `proposer` would make it.
  Block propose(Round round);
  std::expected<void, Rejection> judge(const Block& block, size_t by = 1);
  // Everything of a round but the proposal.
  BlockResult execute(Block block, const std::set<size_t>& silent = {});

  // --- canister ---
  // Runs `what` in a user call of the probe, in a block of its own.
  TransactionResult call(std::function<Bytes(CanisterContext&)> what);
  ConnectionId open(const OpenArguments& arguments);
  // The transaction that `call` would submit.
  Bytes transaction(std::function<Bytes(CanisterContext&)> what);
  void send(ConnectionId id, const Bytes& text);

  // --- servers ---
  void opens(size_t replica, ConnectionId id);
  void sees(size_t replica, ConnectionId id, const Bytes& text);
  void closes(size_t replica, ConnectionId id, bool clean = true, uint16_t code = 1000);
  void all_open(ConnectionId id);
  void all_see(ConnectionId id, const Bytes& text);
  void all_close(ConnectionId id, bool clean = true);
  // Opens, and runs blocks until the canister knows.
  ConnectionId opened(const OpenArguments& arguments);

  // --- faults ---
  void crash(size_t replica);
  // From storage; replays what it missed and attaches to its adapter.
  void start(size_t replica);
  // With an empty directory.
  void wipe(size_t replica) { nodes_.at(replica).storage = std::make_unique<MemoryStorage>(); }
  // A new object on the same storage, nothing else.
  std::unique_ptr<Replica> make(size_t replica);
  // Of the management canister.
  TransactionResult manage(std::string_view method, const ManagementArguments& arguments);
  std::optional<CanisterRecord> canister(const std::string& id = "probe", size_t i = 0);
  void replay(size_t replica);
  // With an empty directory and a snapshot of another replica's state, which stands at `at`; its adapter is
  // there before the snapshot.
  void restore(size_t replica, const Bytes& snapshot, const ApplicationInfo& at);
  // Of the chain.
  const Block& block_at(Height height) const { return chain_.at(height.value - 1); }

  // --- looking ---
  size_t size() const { return nodes_.size(); }
  bool up(size_t replica) const { return nodes_.at(replica).replica != nullptr; }
  Replica& replica(size_t i) { return *nodes_.at(i).replica; }
  TestAdapter& adapter(size_t i) { return *nodes_.at(i).adapter; }
  MemoryStorage& storage(size_t i) { return *nodes_.at(i).storage; }
  SocketKey socket(size_t i, ConnectionId id) const { return nodes_.at(i).adapter->newest(id); }
  ConnectionView view(ConnectionId id, size_t i = 0);
  std::string log(size_t i = 0);
  // How often `text` stands in the log.
  size_t count(const std::string& text, size_t i = 0);
  // The section of a connection in a replica's newest report.
  std::optional<agreement::Section> section(size_t i, ConnectionId id) const;
  const SignedReport* report(size_t i) const;
  const ClusterParams& params() const { return params_; }
  Hooks& hooks() { return *hooks_; }
  LocalTime local_now() const { return LocalTime(now_); }

 private:
  struct Node {
    std::unique_ptr<MemoryStorage> storage = std::make_unique<MemoryStorage>();
    std::unique_ptr<TestAdapter> adapter = std::make_unique<TestAdapter>();
    std::unique_ptr<Replica> replica;
  };
  void attach(size_t i);
  void flush(size_t i);
  // That the replica set of a height gives to node i; any, if it is no member.
  Bytes key_of(size_t i, Height height);

  const ClusterParams params_;
  HashVerifier verifier_;
  std::shared_ptr<Hooks> hooks_ = std::make_shared<Hooks>();
  std::vector<Node> nodes_;
  std::vector<Block> chain_;
  std::vector<SignedReport> reports_;
  Milliseconds now_{1'000'000};
  uint64_t calls_ = 0;
};

}  // namespace icws::replica
