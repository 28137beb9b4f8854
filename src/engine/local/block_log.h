// The orderer's memory: every decided block, in an append-only file.
//
// File: "icws block log 3\n", then records. A record is its payload's length (4 bytes, little endian), the
// first 4 bytes of SHA-256(the record's offset in the file, 8 bytes little endian, and the length's bytes),
// the first 8 bytes of the payload's SHA-256, and the payload: first the chain id, then one
// icws.engine.v1.LoggedBlock per height from 1 on. A crash can leave a torn record at the end; it is cut off
// at the next start, which is right, because a block is shown to replicas only after its record is on disk. A
// broken record with a whole one behind it is damage, and the file is refused.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "replica/application.h"

namespace icws::engine {

struct LoggedBlock {
  replica::Block block;
  // The state before this block, as a quorum of replicas computed it.
  Digest previous_app_hash;
  // The replica set of this height, ascending: who accepted it.
  std::vector<ReplicaIndex> members;
};

// What: see above. Thread-safety: all methods from any thread. Ownership: owns the open file, and locks it
// against a second process.
// Errors: construction throws std::runtime_error if the file cannot be opened, is in use, belongs to another
// chain, or is damaged before its last record; append and read throw it on a failed disk, after which the
// orderer must end.
class BlockLog {
 public:
  BlockLog(const std::filesystem::path& file, const std::string& chain_id);
  ~BlockLog();
  BlockLog(const BlockLog&) = delete;
  BlockLog& operator=(const BlockLog&) = delete;

  // The last block's height; 0 when empty.
  Height head() const;
  // On disk when it returns. Precondition: the block is the one after head().
  void append(const LoggedBlock& block);
  // Empty outside [1, head()].
  std::optional<LoggedBlock> read(Height height) const;
  // Bytes that were cut off at the start because the last record was torn.
  uint64_t torn_bytes() const { return torn_bytes_; }

 private:
  struct Place {
    uint64_t offset;
    uint32_t size;
  };
  void scan(const std::string& chain_id);
  void write_record(const Bytes& payload);

  mutable std::mutex mutex_;
  std::string name_;
  int file_ = -1;
  uint64_t end_ = 0;
  uint64_t torn_bytes_ = 0;
  // Of each block's payload, by height - 1.
  std::vector<Place> places_;
};

}  // namespace icws::engine
