#include "engine/storage/rocks_storage.h"

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <stdexcept>

namespace icws::engine {
namespace {

[[noreturn]] void fail(const std::string& what, const rocksdb::Status& status) {
  throw std::runtime_error("state directory: cannot " + what + ": " + status.ToString());
}

rocksdb::Slice slice(BytesView bytes) { return {bytes.data(), bytes.size()}; }

// For several replicas on one developer's machine: little memory, few files and few threads each.
rocksdb::Options options() {
  rocksdb::Options out;
  out.create_if_missing = true;
  out.write_buffer_size = 8 * 1024 * 1024;
  out.max_write_buffer_number = 2;
  out.max_background_jobs = 2;
  out.max_open_files = 64;
  out.max_total_wal_size = 32 * 1024 * 1024;
  out.keep_log_file_num = 2;
  out.max_log_file_size = 1024 * 1024;
  out.stats_dump_period_sec = 0;
  // A state that lost a committed block silently would contradict what this replica signed: refuse to open
  // it. A torn last record is no such thing, it was never committed.
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  out.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(8 * 1024 * 1024);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

std::optional<Bytes> read(rocksdb::DB& database, const rocksdb::ReadOptions& options, BytesView key) {
  Bytes value;
  const auto status = database.Get(options, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) fail("read", status);
  return value;
}

void read_range(rocksdb::DB& database, const rocksdb::ReadOptions& options, BytesView prefix, BytesView from,
                const std::function<bool(BytesView, BytesView)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> place(database.NewIterator(options));
  for (place->Seek(slice(std::max(prefix, from))); place->Valid(); place->Next()) {
    if (!place->key().starts_with(slice(prefix))) break;
    if (!visit(place->key().ToStringView(), place->value().ToStringView())) break;
  }
  if (!place->status().ok()) fail("read", place->status());
}

class View final : public replica::StorageReader {
 public:
  explicit View(rocksdb::DB& database) : database_(database), snapshot_(database.GetSnapshot()) {
    options_.snapshot = snapshot_;
    // All of it once: what blocks need stays in the cache.
    options_.fill_cache = false;
  }
  ~View() override { database_.ReleaseSnapshot(snapshot_); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  std::optional<Bytes> get(BytesView key) const override { return read(database_, options_, key); }
  void scan(BytesView prefix, BytesView from,
            const std::function<bool(BytesView, BytesView)>& visit) const override {
    read_range(database_, options_, prefix, from, visit);
  }

 private:
  rocksdb::DB& database_;
  const rocksdb::Snapshot* const snapshot_;
  rocksdb::ReadOptions options_;
};

}  // namespace

RocksStorage::RocksStorage(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  rocksdb::DB* database = nullptr;
  const auto status = rocksdb::DB::Open(options(), directory.string(), &database);
  if (!status.ok()) fail("open " + directory.string(), status);
  database_.reset(database);
}

RocksStorage::~RocksStorage() = default;

std::optional<Bytes> RocksStorage::get(BytesView key) const {
  return read(*database_, rocksdb::ReadOptions(), key);
}

void RocksStorage::scan(BytesView prefix, BytesView from,
                        const std::function<bool(BytesView, BytesView)>& visit) const {
  read_range(*database_, rocksdb::ReadOptions(), prefix, from, visit);
}

std::unique_ptr<replica::StorageReader> RocksStorage::view() const {
  return std::make_unique<View>(*database_);
}

void RocksStorage::apply(const replica::WriteBatch& batch) {
  rocksdb::WriteBatch writes;
  for (const auto& [key, value] : batch.writes) {
    const auto status = value ? writes.Put(slice(key), slice(*value)) : writes.Delete(slice(key));
    if (!status.ok()) fail("write", status);
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = database_->Write(options, &writes);
  if (!status.ok()) fail("write", status);
}

}  // namespace icws::engine
