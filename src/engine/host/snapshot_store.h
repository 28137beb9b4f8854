// Snapshots of the state on this replica's disk: taken while blocks go on, kept for peers that begin with
// one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "replica/snapshot.h"
#include "replica/storage.h"

namespace icws::engine {

// Bytes of each chunk but the last: what a peer sends at once. CometBFT's messages have 16 MB at most.
inline constexpr uint64_t kSnapshotChunkBytes = 4 * 1024 * 1024;
inline constexpr uint64_t kSnapshotChunksMax = replica::SnapshotLimits().bytes / kSnapshotChunkBytes;
// With two, a peer has a whole interval left to fetch the one that it began with.
inline constexpr size_t kSnapshotsKept = 2;
// For so many newer ones the older one is kept as long as it is being fetched: a large state takes longer
// than an interval. Not for ever, since blocks after it are kept, too, and a peer may read as slowly as it
// likes.
inline constexpr uint32_t kSnapshotsSparedMax = 10;

struct StoredSnapshot {
  Height height;
  // SHA-256 of each.
  std::vector<Digest> chunks;
};

// What: every `interval` blocks writes a snapshot into `directory`/HEIGHT, on a thread of its own; keeps the
// newest, and the one before it or an older one that is being fetched; lists and reads those that are whole.
// A snapshot is a courtesy: what goes wrong with one is told, its remains are removed, and the replica goes
// on. Thread-safety: all methods from any thread, on_commit from one. Ownership: owns its thread; the
// destructor abandons what is being written. Errors: construction throws std::runtime_error if the directory
// cannot be made.
class SnapshotStore {
 public:
  struct Config {
    std::filesystem::path directory;
    // Blocks; 0: none is taken.
    uint64_t interval = 0;
    // ClusterParams::hash(). Snapshots of another subnet are removed.
    Digest params;
    // Where the state stands. Later snapshots are removed: no state vouches for them any more.
    Height height;
  };
  // The storage as the last commit left it.
  using View = std::function<std::unique_ptr<replica::StorageReader>()>;
  // One line for the operator.
  using Notice = std::function<void(const std::string& line)>;
  // Finds those of an earlier process; removes torn ones.
  SnapshotStore(Config config, View view, Notice notice);
  ~SnapshotStore();
  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  // The block was committed, and the next one is not yet. Takes a view and returns.
  void on_commit(Height height);
  // Ascending by height.
  std::vector<StoredSnapshot> list() const;
  // Empty: it is not there, not any more, or damaged.
  Bytes chunk(Height height, uint32_t index) const;
  // The first height after which a block may be needed by somebody who has restored one of these; 0 while
  // there shall be some and are none. Empty: none are taken.
  std::optional<Height> oldest_needed() const;
  // Until nothing is being written.
  void wait() const;

 private:
  struct Kept {
    StoredSnapshot snapshot;
    // Since the newest one was taken.
    mutable bool read = false;
    // How many newer ones have gone before it.
    uint32_t spared = 0;
  };
  struct Order {
    Height height;
    std::unique_ptr<replica::StorageReader> view;
  };

  void load();
  void run();
  void take(const Order& order);
  void keep(StoredSnapshot snapshot);
  // That gives way. Precondition: there are more than are kept.
  Height drop_one();
  const Kept* find(Height height) const;
  std::filesystem::path path_of(Height height) const;

  const Config config_;
  const View view_;
  const Notice notice_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // Ascending by height.
  std::vector<Kept> snapshots_;
  std::optional<Order> order_;
  bool busy_ = false;
  bool stopping_ = false;
  // The last, so that everything is there when it begins.
  std::thread thread_;
};

}  // namespace icws::engine
