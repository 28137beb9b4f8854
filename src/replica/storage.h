// Where a replica keeps what must survive it. One atomic batch a commit; nothing else is ever written.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace icws::replica {

// In order; a later write of the same key wins. No value: the key is removed.
struct WriteBatch {
  std::vector<std::pair<Bytes, std::optional<Bytes>>> writes;
  void put(Bytes key, Bytes value) { writes.emplace_back(std::move(key), std::move(value)); }
  void remove(Bytes key) { writes.emplace_back(std::move(key), std::nullopt); }
};

// What can be read: a storage as it is, or as it was at one moment. Thread-safety: reads from several
// threads. Errors: std::runtime_error.
class StorageReader {
 public:
  virtual ~StorageReader() = default;
  virtual std::optional<Bytes> get(BytesView key) const = 0;
  // Keys with `prefix` and not before `from`, in byte order, until `visit` returns false.
  virtual void scan(BytesView prefix, BytesView from,
                    const std::function<bool(BytesView key, BytesView value)>& visit) const = 0;
};

// Thread-safety: reads from several threads, apply from one. Errors: std::runtime_error, after which the
// process must end (a replica that cannot persist must not go on).
class Storage : public StorageReader {
 public:
  // All or nothing, and on disk when it returns.
  virtual void apply(const WriteBatch& batch) = 0;
};

// For tests and the simulator: survives a Replica object, not the process.
class MemoryStorage final : public Storage {
 public:
  std::optional<Bytes> get(BytesView key) const override;
  void scan(BytesView prefix, BytesView from,
            const std::function<bool(BytesView, BytesView)>& visit) const override;
  void apply(const WriteBatch& batch) override;

 private:
  std::map<Bytes, Bytes, std::less<>> entries_;
};

}  // namespace icws::replica
