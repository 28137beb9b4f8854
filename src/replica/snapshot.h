// The replicated state as one sequence of bytes, and back into an empty storage under a trusted app hash.
//
// The bytes follow from the state alone, so that all replicas write the same ones: a first line, then every
// replicated record in the order of its key (docs/formats.md). Leaves are bound by the app hash, transcripts
// by the heads in it, so that any byte that is another one, missing or too many is found.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/merkle_map.h"
#include "replica/cluster_params.h"
#include "replica/storage.h"
#include "transcript/head.h"

namespace icws::replica {

// Counts up with every change of what state or snapshot look like.
inline constexpr uint32_t kSnapshotFormat = 1;
// Beyond these a state has no snapshot, and is filled from blocks.
struct SnapshotLimits {
  // 3,000 transcripts of 100,000 entries of 200 bytes.
  uint64_t bytes = 64ULL * 1024 * 1024 * 1024;
  // Of the app hash. Whoever restores keeps up to 250 bytes of each in memory before he knows whether any of
  // them is right: half a GiB at most. 3,000 connections with 600 queued sends each have so many.
  uint64_t leaves = 2'000'000;
  // The largest key has 31.
  uint64_t key_bytes = 64;
  // The largest values are what canisters save.
  uint64_t value_bytes = 64 * 1024 * 1024;
};

// Why bytes are no snapshot of the state that was asked for, or a state has none.
struct SnapshotFault {
  enum class Kind : uint8_t {
    Malformed = 1,  // not the format, not in canonical encoding, torn
    Order,          // keys do not ascend
    Foreign,        // a key that no replicated record has
    Oversize,       // over one of the limits above
    WrongParams,    // of a subnet with other parameters, or of another height
    Transcript,     // entries that do not lead to their transcript's head, or not those that replicas keep
    AppHash,        // everything together is another state
  };
  Kind kind;
  // A sentence for a person.
  std::string message;
};

// The state in `storage` after the last commit, in pieces; `sink` returns false to stop early, which is no
// fault. Costs the memory of the largest record. Errors: a state over the limits above.
std::expected<void, SnapshotFault> write_snapshot(const StorageReader& storage,
                                                  const std::function<bool(BytesView piece)>& sink,
                                                  const SnapshotLimits& limits = {});

// What: checks a snapshot while it comes in. Memory: the leaves of SnapshotLimits, one record, and one piece.
// Thread-safety: none. After a fault: useless.
class SnapshotCheck {
 public:
  struct Expected {
    Height height;
    // Trusted.
    Digest app_hash;
    Digest params;
    uint32_t transcript_entries_kept = 0;
  };
  using Take = std::function<void(BytesView key, BytesView value)>;
  explicit SnapshotCheck(const Expected& expected, const SnapshotLimits& limits = {});

  // The next bytes; `take` gets each whole record.
  std::expected<void, SnapshotFault> add(BytesView bytes, const Take& take);
  // Nothing follows. Only now anything of it is known to be right.
  std::expected<void, SnapshotFault> finish();

 private:
  using Verdict = std::expected<void, SnapshotFault>;

  Verdict record(BytesView key, BytesView value);
  Verdict leaf(BytesView key, BytesView value);
  Verdict entry(BytesView key, BytesView value);

  const Expected expected_;
  const SnapshotLimits limits_;
  uint64_t bytes_ = 0;
  // Of a record that has not come whole.
  Bytes rest_;
  bool began_ = false;
  bool global_seen_ = false;
  Bytes last_key_;
  MerkleMap tree_;
  // Of transcripts with entries that have not all come.
  std::map<ConnectionId, transcript::TranscriptHead> heads_;
  // The transcript that entries come of.
  struct Chain {
    ConnectionId connection;
    EntrySequence next;
    Digest head;
  };
  std::optional<Chain> chain_;
};

// What: fills a storage with a snapshot while it is checked. Until it is finished, the storage holds a mark
// by which clear_unfinished_restore() knows that it is none of a state: so memory does not grow with the
// snapshot, and a crash leaves nothing or all of it. Thread-safety: none. Lifetime: `storage` must outlive
// it. Errors: those of the storage pass through.
class SnapshotRestore {
 public:
  // Empties the storage.
  SnapshotRestore(Storage& storage, const SnapshotCheck::Expected& expected);
  // Empties it again, unless finished. Does not throw: what cannot be removed now is removed at the next
  // start.
  ~SnapshotRestore();
  SnapshotRestore(const SnapshotRestore&) = delete;
  SnapshotRestore& operator=(const SnapshotRestore&) = delete;

  std::expected<void, SnapshotFault> add(BytesView bytes);
  // The storage then holds what a replica would that has executed every block.
  std::expected<void, SnapshotFault> finish();

 private:
  void flush();

  Storage& storage_;
  const Digest app_hash_;
  SnapshotCheck check_;
  WriteBatch batch_;
  uint64_t batch_bytes_ = 0;
  bool finished_ = false;
};

// Empties a storage in which a restore has not come to its end.
void clear_unfinished_restore(Storage& storage);

}  // namespace icws::replica
