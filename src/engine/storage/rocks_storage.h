// A replica's state on disk.
#pragma once

#include <filesystem>
#include <memory>

#include "replica/storage.h"

namespace rocksdb {
class DB;
}

namespace icws::engine {

// What: replica::Storage over RocksDB. Every batch is one WriteBatch with sync: it is whole and on disk when
// apply returns, or it is not there at all after a crash. Thread-safety: reads from several threads, apply
// from one. Ownership: owns the database, which one process at a time can open. Errors: std::runtime_error
// from every method, with RocksDB's words; after one from apply the process must end.
class RocksStorage final : public replica::Storage {
 public:
  // Creates the directory where it is missing.
  explicit RocksStorage(const std::filesystem::path& directory);
  ~RocksStorage() override;

  std::optional<Bytes> get(BytesView key) const override;
  void scan(BytesView prefix, BytesView from,
            const std::function<bool(BytesView key, BytesView value)>& visit) const override;
  void apply(const replica::WriteBatch& batch) override;
  // What the last apply left, for as long as it lives, which must be less than this; to be read from any one
  // thread. What is overwritten meanwhile takes room on the disk until then.
  std::unique_ptr<replica::StorageReader> view() const;

 private:
  std::unique_ptr<rocksdb::DB> database_;
};

}  // namespace icws::engine
