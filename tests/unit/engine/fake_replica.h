// Replicas in memory, behind the orderer's link: each can be made to fail in the ways that matter.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "engine/local/replica_link.h"

namespace icws::engine {

// What: a replica whose app hash is the hash of everything that it executed. Thread-safety: all methods from
// any thread. It outlives the links to it, as a process's state directory does.
class FakeReplica {
  template <class F>
  auto locked(F f) const {
    const std::lock_guard lock(mutex_);
    return f();
  }

 public:
  enum class Fault : uint8_t {
    None,
    Dead,           // answers nothing
    DiesExecuting,  // executes the next block, but its answer is lost; then it is dead
    Rejects,        // accepts no proposal
    Corrupt,        // computes other app hashes
    HoldsPrepare,   // gives no proposal when it is the proposer
  };
  FakeReplica(uint32_t index, uint32_t genesis_members) : index_(index), genesis_members_(genesis_members) {}

  void set_fault(Fault fault) {
    locked([&] { fault_ = fault; });
  }
  void submit(Bytes transaction) {
    locked([&] { pending_.push_back(std::move(transaction)); });
  }
  Height height() const {
    return locked([&] { return Height(blocks_.size()); });
  }
  Digest app_hash() const {
    return locked([&] { return hash_; });
  }
  std::vector<replica::Block> blocks() const {
    return locked([&] { return blocks_; });
  }
  // How many reports it was handed, each time it was the proposer.
  std::vector<size_t> reports_seen() const {
    return locked([&] { return reports_seen_; });
  }
  // The agreed app hashes that it was told of.
  std::vector<Digest> told() const {
    return locked([&] { return told_; });
  }
  size_t proposals_made() const {
    return locked([&] { return proposals_made_; });
  }

  std::unique_ptr<ReplicaLink> link();

 private:
  friend class FakeLink;
  // A transaction "members 0,1,3" names the set that takes over two blocks later.
  Standpoint standpoint() const {
    Standpoint out{Height(blocks_.size()), hash_, {}};
    for (const replica::Block& block : blocks_) {
      if (block.height.value + 2 > blocks_.size() + 1) continue;
      for (const Bytes& transaction : block.transactions) {
        if (!transaction.starts_with("members ")) continue;
        out.next_members.clear();
        for (const char c : transaction.substr(8)) {
          if (c != ',') out.next_members.emplace_back(static_cast<uint32_t>(c - '0'));
        }
      }
    }
    if (!out.next_members.empty()) return out;
    for (uint32_t i = 0; i < genesis_members_; ++i) out.next_members.emplace_back(i);
    return out;
  }
  void execute(const replica::Block& block) {
    Sha256 hash;
    hash.update(hash_).update_u64(block.height.value).update_sized(block.payload);
    for (const Bytes& transaction : block.transactions) {
      hash.update_sized(transaction);
      std::erase(pending_, transaction);
    }
    if (fault_ == Fault::Corrupt) hash.update_sized("corrupt");
    blocks_.push_back(block);
    hash_ = hash.finish();
  }

  const uint32_t index_;
  const uint32_t genesis_members_;
  mutable std::mutex mutex_;
  Fault fault_ = Fault::None;
  Digest hash_{};
  std::vector<replica::Block> blocks_;
  std::vector<Bytes> pending_;
  std::vector<size_t> reports_seen_;
  size_t proposals_made_ = 0;
  std::vector<Digest> told_;
};

class FakeLink final : public ReplicaLink {
 public:
  explicit FakeLink(FakeReplica& replica) : replica_(replica) {}

  Answer<Standpoint> info(Milliseconds) override {
    return alive<Standpoint>([&] { return replica_.standpoint(); });
  }
  Answer<Proposal> prepare_proposal(const replica::ProposalRequest& request, Milliseconds) override {
    return alive<Proposal>([&]() -> Answer<Proposal> {
      if (replica_.fault_ == FakeReplica::Fault::HoldsPrepare) return std::unexpected(LinkFailure{"held"});
      replica_.reports_seen_.push_back(request.reports.size());
      ++replica_.proposals_made_;
      return Proposal{"payload of " + std::to_string(request.height.value), {}};
    });
  }
  Answer<std::expected<void, replica::Rejection>> process_proposal(const replica::Block&,
                                                                   Milliseconds) override {
    using Verdict = std::expected<void, replica::Rejection>;
    return alive<Verdict>([&]() -> Answer<Verdict> {
      Verdict verdict;
      if (replica_.fault_ == FakeReplica::Fault::Rejects) {
        verdict =
            std::unexpected(replica::Rejection{replica::RejectionKind::WrongContent, "not what was seen"});
      }
      return verdict;
    });
  }
  Answer<replica::SignedReport> extend_vote(Height height, Milliseconds) override {
    return alive<replica::SignedReport>(
        [&] { return replica::SignedReport{ReplicaIndex(replica_.index_), height, "report", "signature"}; });
  }
  Answer<Standpoint> finalize_and_commit(const replica::Block& block, Milliseconds) override {
    return alive<Standpoint>([&]() -> Answer<Standpoint> {
      if (block.height.value != replica_.blocks_.size() + 1)
        return std::unexpected(LinkFailure{"not the next"});
      replica_.execute(block);
      if (replica_.fault_ != FakeReplica::Fault::DiesExecuting) return replica_.standpoint();
      replica_.fault_ = FakeReplica::Fault::Dead;
      return std::unexpected(LinkFailure{"died"});
    });
  }
  Answer<void> agreed_hash(Height, const Digest& hash, Milliseconds) override {
    const std::lock_guard lock(replica_.mutex_);
    replica_.told_.push_back(hash);
    return {};
  }
  Answer<std::vector<Bytes>> pending_transactions(uint64_t, Milliseconds) override {
    return alive<std::vector<Bytes>>([&] { return replica_.pending_; });
  }

 private:
  template <class T, class F>
  Answer<T> alive(F f) {
    const std::lock_guard lock(replica_.mutex_);
    if (replica_.fault_ == FakeReplica::Fault::Dead) return std::unexpected(LinkFailure{"dead"});
    return f();
  }

  FakeReplica& replica_;
};

inline std::unique_ptr<ReplicaLink> FakeReplica::link() { return std::make_unique<FakeLink>(*this); }

}  // namespace icws::engine
