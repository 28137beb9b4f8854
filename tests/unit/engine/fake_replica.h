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
  explicit FakeReplica(uint32_t index) : index_(index) {}

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
  Digest execute(const replica::Block& block) {
    Sha256 hash;
    hash.update(hash_).update_u64(block.height.value).update_sized(block.payload);
    for (const Bytes& transaction : block.transactions) {
      hash.update_sized(transaction);
      std::erase(pending_, transaction);
    }
    if (fault_ == Fault::Corrupt) hash.update_sized("corrupt");
    blocks_.push_back(block);
    hash_ = hash.finish();
    return hash_;
  }

  const uint32_t index_;
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

  Answer<replica::ApplicationInfo> info(Milliseconds) override {
    return alive<replica::ApplicationInfo>(
        [&] { return replica::ApplicationInfo{Height(replica_.blocks_.size()), replica_.hash_}; });
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
  Answer<Digest> finalize_and_commit(const replica::Block& block, Milliseconds) override {
    return alive<Digest>([&]() -> Answer<Digest> {
      if (block.height.value != replica_.blocks_.size() + 1)
        return std::unexpected(LinkFailure{"not the next"});
      const Digest hash = replica_.execute(block);
      if (replica_.fault_ != FakeReplica::Fault::DiesExecuting) return hash;
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
