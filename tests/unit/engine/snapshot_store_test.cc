#include "engine/host/snapshot_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <latch>

#include "tests/support/temporary_directory.h"

namespace icws::engine {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A storage of some records, 3 MiB each, and a store over it.
class SnapshotStoreTest : public testing::Test {
 protected:
  SnapshotStoreTest() { change("a/1", 3 * 1024 * 1024); }

  void change(const Bytes& key, size_t bytes) {
    replica::WriteBatch batch;
    batch.put(key, Bytes(bytes, 'v'));
    storage_.apply(batch);
  }
  std::unique_ptr<SnapshotStore> make(Height height = Height(0), uint64_t interval = 10) {
    return std::make_unique<SnapshotStore>(
        SnapshotStore::Config{directory_ / "snapshots", interval, params_, height},
        [this] { return std::make_unique<replica::MemoryStorage>(storage_); },
        [this](const std::string& line) {
          const std::lock_guard lock(mutex_);
          notices_.push_back(line);
        });
  }
  static void take(SnapshotStore& store, uint64_t height) {
    store.on_commit(Height(height));
    store.wait();
  }
  static std::vector<uint64_t> heights(const SnapshotStore& store) {
    std::vector<uint64_t> out;
    for (const StoredSnapshot& one : store.list()) out.push_back(one.height.value);
    return out;
  }
  static Bytes whole(const SnapshotStore& store, Height height) {
    Bytes out;
    for (uint32_t i = 0; i < 10; ++i) out += store.chunk(height, i);
    return out;
  }
  Bytes expected() const {
    Bytes out;
    EXPECT_TRUE(replica::write_snapshot(storage_, [&](BytesView piece) { return out += piece, true; }));
    return out;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(directory_ / "snapshots"))
      out.push_back(entry.path().filename());
    std::ranges::sort(out);
    return out;
  }
  std::string last_notice() {
    const std::lock_guard lock(mutex_);
    return notices_.empty() ? "" : notices_.back();
  }

  const support::TemporaryDirectory directory_;
  Digest params_ = sha256("subnet");
  replica::MemoryStorage storage_;
  std::mutex mutex_;
  std::vector<std::string> notices_;
};

TEST_F(SnapshotStoreTest, TakesOneAtEachIntervalAndKeepsTheNewest) {
  auto store = make();
  EXPECT_EQ(store->oldest_needed(), Height(0));
  take(*store, 9);
  take(*store, 11);
  EXPECT_TRUE(heights(*store).empty());
  take(*store, 10);
  change("a/2", 3 * 1024 * 1024);
  take(*store, 20);
  EXPECT_EQ(heights(*store), (std::vector<uint64_t>{10, 20}));
  EXPECT_EQ(store->oldest_needed(), Height(10));
  take(*store, 30);
  EXPECT_EQ(heights(*store), (std::vector<uint64_t>{20, 30}));
  EXPECT_EQ(files(), (std::vector<fs::path>{"20", "30"}));
  EXPECT_EQ(whole(*store, Height(30)), expected());
  EXPECT_THAT(last_notice(), HasSubstr("snapshot of height 30: 6291"));
}

// A large state takes longer to fetch than the interval.
TEST_F(SnapshotStoreTest, OneThatIsBeingFetchedStaysForAWhile) {
  auto store = make();
  uint64_t height = 10;
  for (; height <= 20; height += 10) take(*store, height);
  for (uint32_t i = 0; i < kSnapshotsSparedMax; ++i, height += 10) {
    EXPECT_NE(store->chunk(Height(10), 0), "");
    take(*store, height);
    EXPECT_EQ(heights(*store), (std::vector<uint64_t>{10, height}));
    EXPECT_EQ(store->oldest_needed(), Height(10));
  }
  EXPECT_EQ(files().size(), 2u);
  EXPECT_NE(store->chunk(Height(10), 0), "");
  take(*store, height);
  EXPECT_EQ(heights(*store), (std::vector<uint64_t>{height - 10, height}));
  // Nobody has read from it since the one before was taken.
  EXPECT_NE(store->chunk(Height(height - 10), 0), "");
  take(*store, height + 10);
  take(*store, height + 20);
  EXPECT_EQ(heights(*store), (std::vector<uint64_t>{height + 10, height + 20}));
}

TEST_F(SnapshotStoreTest, CutsChunksWithTheirDigests) {
  change("a/2", 3 * 1024 * 1024);
  auto store = make();
  take(*store, 10);
  const StoredSnapshot snapshot = store->list().at(0);
  ASSERT_EQ(snapshot.chunks.size(), 2u);
  EXPECT_EQ(store->chunk(Height(10), 0).size(), kSnapshotChunkBytes);
  for (uint32_t i = 0; i < 2; ++i) EXPECT_EQ(sha256(store->chunk(Height(10), i)), snapshot.chunks[i]);
  EXPECT_EQ(store->chunk(Height(10), 2), "");
  EXPECT_EQ(store->chunk(Height(20), 0), "");
}

// The state as it was at its height, whatever is written meanwhile.
TEST_F(SnapshotStoreTest, IsOfItsHeight) {
  auto store = make();
  const Bytes before = expected();
  store->on_commit(Height(10));
  change("a/1", 5);
  store->wait();
  EXPECT_EQ(whole(*store, Height(10)), before);
}

TEST_F(SnapshotStoreTest, FindsWholeOnesAgainAndRemovesTheRest) {
  make()->wait();
  {
    auto store = make();
    take(*store, 10);
    take(*store, 20);
  }
  const fs::path at = directory_ / "snapshots";
  fs::create_directories(at / "30.new");
  fs::create_directories(at / "5");
  std::ofstream(at / "5/state") << "torn";
  std::ofstream(at / "notes.txt") << "of the operator";
  auto store = make(Height(25));
  EXPECT_EQ(heights(*store), (std::vector<uint64_t>{10, 20}));
  EXPECT_EQ(whole(*store, Height(20)), expected());
  EXPECT_EQ(files(), (std::vector<fs::path>{"10", "20", "notes.txt"}));
  // One that the state does not vouch for, one that has lost bytes, and those of another subnet.
  store = make(Height(19));
  EXPECT_EQ(heights(*store), std::vector<uint64_t>{10});
  fs::resize_file(at / "10/state", 100);
  store = make(Height(25));
  EXPECT_TRUE(heights(*store).empty());
  take(*store, 20);
  params_ = sha256("another");
  store = make(Height(25));
  EXPECT_TRUE(heights(*store).empty());
  EXPECT_EQ(files(), std::vector<fs::path>{"notes.txt"});
}

TEST_F(SnapshotStoreTest, GivesNoDamagedChunk) {
  auto store = make();
  take(*store, 10);
  {
    std::fstream file(directory_ / "snapshots/10/state", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1'000);
    file << "damage";
  }
  EXPECT_EQ(store->chunk(Height(10), 0), "");
  // Nor one that is not there any more.
  fs::remove_all(directory_ / "snapshots/10");
  EXPECT_EQ(store->chunk(Height(10), 0), "");
}

// The disk is full: the operator hears of it, nothing torn stays, and the next one is tried.
TEST_F(SnapshotStoreTest, AFullDiskCostsOnlyTheSnapshot) {
  auto store = make();
  take(*store, 10);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1024 * 1024, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  take(*store, 20);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(last_notice(), HasSubstr("no snapshot of height 20"));
  EXPECT_EQ(heights(*store), std::vector<uint64_t>{10});
  EXPECT_EQ(files(), std::vector<fs::path>{"10"});
  take(*store, 30);
  EXPECT_EQ(heights(*store), (std::vector<uint64_t>{10, 30}));
}

TEST_F(SnapshotStoreTest, WithoutAnIntervalItOnlyHasWhatIsThere) {
  {
    auto store = make();
    take(*store, 10);
  }
  auto store = make(Height(10), 0);
  store->on_commit(Height(20));
  store->wait();
  EXPECT_EQ(heights(*store), std::vector<uint64_t>{10});
  EXPECT_EQ(store->oldest_needed(), std::nullopt);
}

// A state that takes a test's permission to be read.
class SlowStorage final : public replica::StorageReader {
 public:
  SlowStorage(std::latch& reached, std::latch& go_on) : reached_(reached), go_on_(go_on) {}
  std::optional<Bytes> get(BytesView) const override { return std::nullopt; }
  void scan(BytesView prefix, BytesView,
            const std::function<bool(BytesView, BytesView)>& visit) const override {
    if (prefix != "a/") return;
    visit("a/1", "value");
    reached_.count_down();
    go_on_.wait();
    visit("a/2", "value");
  }

 private:
  std::latch& reached_;
  std::latch& go_on_;
};

TEST_F(SnapshotStoreTest, OneAtATimeAndTheEndWaitsForNone) {
  std::latch reached(1), go_on(1);
  auto store = std::make_unique<SnapshotStore>(
      SnapshotStore::Config{directory_ / "snapshots", 10, params_, Height(0)},
      [&] { return std::make_unique<SlowStorage>(reached, go_on); },
      [&](const std::string& line) { notices_.push_back(line); });
  store->on_commit(Height(10));
  reached.wait();
  store->on_commit(Height(20));
  EXPECT_THAT(last_notice(), HasSubstr("no snapshot of height 20: the one before it is still being written"));
  std::thread end([&] { store.reset(); });
  go_on.count_down();
  end.join();
  // Whole or not at all.
  const auto left = files();
  EXPECT_TRUE(left.empty() || left == std::vector<fs::path>{"10"});
}

}  // namespace
}  // namespace icws::engine
