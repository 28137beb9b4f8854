#include "engine/cometbft/state_sync.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_directory.h"
#include "tests/unit/engine_cometbft/abci_chain.h"

namespace icws::engine {
namespace {

using Offer = abci::OfferSnapshotResponse;
using Apply = abci::ApplySnapshotChunkResponse;
using testing::HasSubstr;

// One replica with an empty state, and a test in the place of its node.
class Joiner {
 public:
  explicit Joiner(const AbciChain& chain, AbciConfig config = {}) {
    core_ = std::make_unique<replica::Replica>(replica::Replica::Config{chain.params(), ReplicaIndex(3)},
                                               chain.verifier(), storage_, replica::CanisterSet());
    ReplicaHost::Hooks hooks;
    hooks.now = [] { return LocalTime(Milliseconds(1'000)); };
    hooks.command = [](std::vector<replica::AdapterCommand>) {};
    hooks.sign = [](const Bytes&, BytesView) { return Bytes(64, 's'); };
    host_ = std::make_unique<ReplicaHost>(*core_, *core_, chain.params().chain_id, std::move(hooks));
    application_ = std::make_unique<AbciApplication>(
        *host_, chain.params(), config, [this](const std::string& line) { notices.push_back(line); });
  }

  Offer::Result offer(const abci::Snapshot& snapshot, const Bytes& app_hash) {
    abci::Request request;
    *request.mutable_offer_snapshot()->mutable_snapshot() = snapshot;
    request.mutable_offer_snapshot()->set_app_hash(app_hash);
    return application_->handle(request).offer_snapshot().result();
  }
  Apply apply(uint32_t index, const Bytes& chunk, const std::string& sender = "peer") {
    abci::Request request;
    request.mutable_apply_snapshot_chunk()->set_index(index);
    request.mutable_apply_snapshot_chunk()->set_chunk(chunk);
    request.mutable_apply_snapshot_chunk()->set_sender(sender);
    return application_->handle(request).apply_snapshot_chunk();
  }
  abci::InfoResponse info() {
    abci::Request request;
    request.mutable_info();
    return application_->handle(request).info();
  }
  // An empty block; the height that is retained after it.
  int64_t block() {
    abci::Request request;
    request.mutable_finalize_block()->set_height(info().last_block_height() + 1);
    EXPECT_FALSE(application_->handle(request).has_exception());
    request.mutable_commit();
    return application_->handle(request).commit().retain_height();
  }
  const replica::MemoryStorage& storage() const { return storage_; }

  std::vector<std::string> notices;

 private:
  replica::MemoryStorage storage_;
  std::unique_ptr<replica::Replica> core_;
  std::unique_ptr<ReplicaHost> host_;
  std::unique_ptr<AbciApplication> application_;
};

// A chain of ten blocks, and what its first replica offers: two chunks, for its reports are large.
class StateSyncTest : public testing::Test {
 protected:
  static constexpr uint64_t kHeight = 10;

  StateSyncTest() {
    for (uint64_t i = 0; i < kHeight; ++i) chain_.block();
    store_.on_commit(Height(kHeight));
    store_.wait();
    abci::ListSnapshotsResponse list;
    server_.list(list);
    snapshot_ = list.snapshots(0);
    app_hash_ = chain_.host(0).info().app_hash.view();
  }
  Bytes load(uint32_t index, uint64_t height = kHeight, uint32_t format = replica::kSnapshotFormat) const {
    abci::LoadSnapshotChunkRequest request;
    request.set_height(height);
    request.set_format(format);
    request.set_chunk(index);
    abci::LoadSnapshotChunkResponse response;
    server_.load(request, response);
    return response.chunk();
  }
  // As a liar would: everything fits but the state.
  static abci::Snapshot snapshot_with(const std::vector<Bytes>& chunks, uint64_t height = kHeight) {
    abci::Snapshot out;
    out.set_height(height);
    out.set_format(replica::kSnapshotFormat);
    out.set_chunks(static_cast<uint32_t>(chunks.size()));
    for (const Bytes& chunk : chunks) out.mutable_metadata()->append(sha256(chunk).view());
    out.set_hash(Bytes(sha256(out.metadata()).view()));
    return out;
  }

  AbciChain chain_;
  const support::TemporaryDirectory directory_;
  SnapshotStore store_{{directory_ / "snapshots", 10, chain_.params().hash(), Height(0)},
                       [this] { return std::make_unique<replica::MemoryStorage>(chain_.storage(0)); },
                       [](const std::string&) {}};
  StateSync server_{chain_.host(0), &store_, [](const std::string&) {}};
  abci::Snapshot snapshot_;
  Bytes app_hash_;
};

TEST_F(StateSyncTest, ListsWhatItHas) {
  EXPECT_EQ(snapshot_.height(), kHeight);
  EXPECT_EQ(snapshot_.format(), replica::kSnapshotFormat);
  EXPECT_EQ(snapshot_.chunks(), 1u);
  EXPECT_EQ(snapshot_.metadata(), sha256(load(0)).view());
  EXPECT_EQ(snapshot_.hash(), sha256(snapshot_.metadata()).view());
  EXPECT_EQ(load(1), "");
  EXPECT_EQ(load(0, kHeight + 1), "");
  EXPECT_EQ(load(0, kHeight, replica::kSnapshotFormat + 1), "");
}

TEST_F(StateSyncTest, OffersNothingWithoutAStore) {
  abci::Request request;
  request.mutable_list_snapshots();
  EXPECT_EQ(chain_.ask(1, request).list_snapshots().snapshots_size(), 0);
  request.mutable_load_snapshot_chunk()->set_height(kHeight);
  EXPECT_EQ(chain_.ask(1, request).load_snapshot_chunk().chunk(), "");
}

TEST_F(StateSyncTest, RestoresAndGoesOn) {
  Joiner joiner(chain_);
  ASSERT_EQ(joiner.offer(snapshot_, app_hash_), Offer::RESULT_ACCEPT);
  ASSERT_EQ(joiner.apply(0, load(0)).result(), Apply::RESULT_ACCEPT);
  EXPECT_EQ(joiner.info().last_block_height(), kHeight);
  EXPECT_EQ(joiner.info().last_block_app_hash(), app_hash_);
  EXPECT_THAT(joiner.notices.back(), HasSubstr("restored the snapshot of height 10"));
  joiner.block();
  EXPECT_EQ(joiner.info().last_block_height(), kHeight + 1);
  EXPECT_EQ(joiner.apply(1, "more").result(), Apply::RESULT_ABORT);
}

TEST_F(StateSyncTest, RefusesOffersThatCannotBeGood) {
  Joiner joiner(chain_);
  const auto with = [&](auto change) {
    abci::Snapshot other = snapshot_;
    change(other);
    return joiner.offer(other, app_hash_);
  };
  EXPECT_EQ(with([](auto& s) { s.set_format(2); }), Offer::RESULT_REJECT_FORMAT);
  EXPECT_EQ(with([](auto& s) { s.set_height(0); }), Offer::RESULT_REJECT_SENDER);
  EXPECT_EQ(with([](auto& s) { s.set_chunks(2); }), Offer::RESULT_REJECT_SENDER);
  EXPECT_EQ(with([](auto& s) { s.set_chunks(0); }), Offer::RESULT_REJECT_SENDER);
  EXPECT_EQ(with([](auto& s) { s.mutable_metadata()->append(1, 'x'); }), Offer::RESULT_REJECT_SENDER);
  EXPECT_EQ(with([](auto& s) { s.set_hash("hash"); }), Offer::RESULT_REJECT_SENDER);
  const auto sized = [&](uint64_t chunks) {
    return with([&](auto& s) {
      s.set_chunks(static_cast<uint32_t>(chunks));
      s.set_metadata(Bytes(32 * chunks, 'd'));
      s.set_hash(Bytes(sha256(s.metadata()).view()));
    });
  };
  EXPECT_EQ(sized(kSnapshotChunksMax), Offer::RESULT_ACCEPT);
  EXPECT_EQ(sized(kSnapshotChunksMax + 1), Offer::RESULT_REJECT_SENDER);
  EXPECT_EQ(joiner.offer(snapshot_, "short"), Offer::RESULT_REJECT_SENDER);
  EXPECT_EQ(joiner.apply(0, load(0)).result(), Apply::RESULT_ABORT);
  EXPECT_EQ(joiner.info().last_block_height(), 0);
}

TEST_F(StateSyncTest, AStateThatIsThereIsNotReplaced) {
  Joiner joiner(chain_);
  joiner.block();
  EXPECT_EQ(joiner.offer(snapshot_, app_hash_), Offer::RESULT_REJECT);
  EXPECT_THAT(joiner.notices.back(), HasSubstr("remove its state directory"));
  EXPECT_EQ(joiner.apply(0, load(0)).result(), Apply::RESULT_ABORT);
  EXPECT_EQ(joiner.info().last_block_height(), 1);
}

// A node that dies after the last chunk, before it has written what it knows, asks again.
TEST_F(StateSyncTest, TheStateThatIsThereMayBeOfferedAgain) {
  const Bytes chunk = load(0);
  const std::vector<Bytes> halves{chunk.substr(0, chunk.size() / 2), chunk.substr(chunk.size() / 2)};
  Joiner joiner(chain_);
  for (int life = 0; life < 2; ++life) {
    ASSERT_EQ(joiner.offer(snapshot_with(halves), app_hash_), Offer::RESULT_ACCEPT);
    for (uint32_t i = 0; i < 2; ++i) ASSERT_EQ(joiner.apply(i, halves[i]).result(), Apply::RESULT_ACCEPT);
    EXPECT_EQ(joiner.info().last_block_height(), kHeight);
    EXPECT_EQ(joiner.info().last_block_app_hash(), app_hash_);
  }
  EXPECT_EQ(joiner.offer(snapshot_, Bytes(32, 'h')), Offer::RESULT_REJECT);
  EXPECT_EQ(joiner.offer(snapshot_with(halves, kHeight + 1), app_hash_), Offer::RESULT_REJECT);
  EXPECT_EQ(joiner.apply(0, halves[0]).result(), Apply::RESULT_ABORT);
}

TEST_F(StateSyncTest, AWrongChunkIsFetchedFromSomebodyElse) {
  const Bytes chunk = load(0);
  const std::vector<Bytes> halves{chunk.substr(0, chunk.size() / 2), chunk.substr(chunk.size() / 2)};
  Joiner joiner(chain_);
  ASSERT_EQ(joiner.offer(snapshot_with(halves), app_hash_), Offer::RESULT_ACCEPT);
  ASSERT_EQ(joiner.apply(0, halves[0], "good").result(), Apply::RESULT_ACCEPT);
  for (const Bytes& wrong : {halves[0], Bytes("wrong"), Bytes(), Bytes(kSnapshotChunkBytes + 1, 'x')}) {
    const Apply answer = joiner.apply(1, wrong, "bad");
    EXPECT_EQ(answer.result(), Apply::RESULT_RETRY);
    EXPECT_THAT(answer.refetch_chunks(), testing::ElementsAre(1u));
    EXPECT_THAT(answer.reject_senders(), testing::ElementsAre("bad"));
  }
  // One that comes again changes nothing; one too early is the node's fault.
  EXPECT_EQ(joiner.apply(0, halves[0], "good").result(), Apply::RESULT_ACCEPT);
  ASSERT_EQ(joiner.apply(1, halves[1], "good").result(), Apply::RESULT_ACCEPT);
  EXPECT_EQ(joiner.info().last_block_app_hash(), app_hash_);
}

TEST_F(StateSyncTest, AFalseSnapshotIsRejectedWithItsSendersAndAnotherOneTaken) {
  Bytes chunk = load(0);
  chunk.back() = static_cast<char>(chunk.back() ^ 1);
  const std::vector<Bytes> halves{chunk.substr(0, chunk.size() / 2), chunk.substr(chunk.size() / 2)};
  Joiner joiner(chain_);
  ASSERT_EQ(joiner.offer(snapshot_with(halves), app_hash_), Offer::RESULT_ACCEPT);
  ASSERT_EQ(joiner.apply(0, halves[0], "one").result(), Apply::RESULT_ACCEPT);
  const Apply answer = joiner.apply(1, halves[1], "two");
  EXPECT_EQ(answer.result(), Apply::RESULT_REJECT_SNAPSHOT);
  EXPECT_THAT(answer.reject_senders(), testing::ElementsAre("one", "two"));
  EXPECT_THAT(joiner.notices.back(), HasSubstr("it was offered by one, two"));
  EXPECT_EQ(joiner.info().last_block_height(), 0);
  // Bytes that are none are noticed at once.
  ASSERT_EQ(joiner.offer(snapshot_with({Bytes(100, 'x'), "y"}), app_hash_), Offer::RESULT_ACCEPT);
  EXPECT_EQ(joiner.apply(0, Bytes(100, 'x')).result(), Apply::RESULT_REJECT_SNAPSHOT);
  // Another hash than the light client's.
  ASSERT_EQ(joiner.offer(snapshot_, Bytes(32, 'h')), Offer::RESULT_ACCEPT);
  EXPECT_EQ(joiner.apply(0, load(0)).result(), Apply::RESULT_REJECT_SNAPSHOT);
  ASSERT_EQ(joiner.offer(snapshot_, app_hash_), Offer::RESULT_ACCEPT);
  EXPECT_EQ(joiner.apply(0, load(0)).result(), Apply::RESULT_ACCEPT);
  EXPECT_EQ(joiner.info().last_block_app_hash(), app_hash_);
}

// The node gives up state sync and begins with the first block.
TEST_F(StateSyncTest, ABlockInBetweenDropsWhatWasRestored) {
  const Bytes chunk = load(0);
  const std::vector<Bytes> halves{chunk.substr(0, chunk.size() / 2), chunk.substr(chunk.size() / 2)};
  Joiner joiner(chain_);
  ASSERT_EQ(joiner.offer(snapshot_with(halves), app_hash_), Offer::RESULT_ACCEPT);
  ASSERT_EQ(joiner.apply(0, halves[0]).result(), Apply::RESULT_ACCEPT);
  joiner.block();
  EXPECT_EQ(joiner.apply(1, halves[1]).result(), Apply::RESULT_REJECT_SNAPSHOT);
  Joiner same(chain_);
  same.block();
  EXPECT_EQ(joiner.info().last_block_app_hash(), same.info().last_block_app_hash());
}

TEST_F(StateSyncTest, BlocksAreKeptForThoseWhoRestore) {
  const support::TemporaryDirectory directory;
  const replica::MemoryStorage* storage = nullptr;
  SnapshotStore store(
      {directory / "snapshots", 4, chain_.params().hash(), Height(0)},
      [&] { return std::make_unique<replica::MemoryStorage>(*storage); }, [](const std::string&) {});
  Joiner node(chain_, {2, &store});
  storage = &node.storage();
  Joiner without(chain_, {2, nullptr});
  std::vector<int64_t> retained, retained_without;
  for (int i = 0; i < 13; ++i) {
    retained.push_back(node.block());
    store.wait();
    retained_without.push_back(without.block());
  }
  EXPECT_THAT(retained_without, testing::ElementsAre(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  // From height 4 on there is one; from 12 on, 8 is the oldest.
  EXPECT_THAT(retained, testing::ElementsAre(0, 0, 0, testing::AnyOf(0, 2), 3, 4, 4, 4, 4, 4, 4,
                                             testing::AnyOf(4, 8), 8));
}

}  // namespace
}  // namespace icws::engine
