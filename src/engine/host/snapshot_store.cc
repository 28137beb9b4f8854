#include "engine/host/snapshot_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/archive.h"

namespace icws::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStateFile = "state";
// Written last: a directory without it is torn.
constexpr const char* kIndexFile = "index";
constexpr const char* kTorn = ".new";

struct Index {
  uint32_t format = replica::kSnapshotFormat;
  Digest params;
  uint64_t bytes = 0;
  std::vector<Digest> chunks;
  static void fields(auto& archive, auto& self) {
    archive(self.format, self.params, self.bytes, self.chunks);
  }
};

[[noreturn]] void fail(const fs::path& path, const char* what) {
  throw std::runtime_error(path.string() + ": cannot " + what + ": " + std::strerror(errno));
}

void sync_directory(const fs::path& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail(path, "open");
  const int result = ::fsync(directory);
  ::close(directory);
  if (result != 0) fail(path, "sync");
}

// A file that is written once from the front, and on disk after sync().
class NewFile {
 public:
  explicit NewFile(fs::path path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (file_ < 0) fail(path_, "create");
  }
  ~NewFile() { ::close(file_); }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(BytesView bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::write(file_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail(path_, "write");
      bytes.remove_prefix(static_cast<size_t>(put));
    }
  }
  void sync() {
    if (::fdatasync(file_) != 0) fail(path_, "sync");
  }

 private:
  const fs::path path_;
  const int file_;
};

// Cuts a snapshot into chunks.
class ChunkWriter {
 public:
  explicit ChunkWriter(const fs::path& path) : file_(path) {}

  void add(BytesView piece) {
    while (!piece.empty()) {
      const size_t room = kSnapshotChunkBytes - chunk_.size();
      const BytesView part = piece.substr(0, room);
      chunk_ += part;
      piece.remove_prefix(part.size());
      if (chunk_.size() == kSnapshotChunkBytes) flush();
    }
  }
  // The digests and the number of bytes.
  Index finish() {
    if (!chunk_.empty()) flush();
    return std::move(index_);
  }

 private:
  // Synced one by one: one large sync would hold up those of the blocks.
  void flush() {
    file_.write(chunk_);
    file_.sync();
    index_.chunks.push_back(sha256(chunk_));
    index_.bytes += chunk_.size();
    chunk_.clear();
  }

  NewFile file_;
  Bytes chunk_;
  Index index_;
};

std::optional<Index> read_index(const fs::path& directory) {
  std::ifstream in(directory / kIndexFile, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in) return std::nullopt;
  auto index = archive_decode<Index>(bytes.str());
  std::error_code error;
  const auto size = fs::file_size(directory / kStateFile, error);
  if (!index || error || index->bytes != size || index->bytes == 0) return std::nullopt;
  const uint64_t chunks = (size + kSnapshotChunkBytes - 1) / kSnapshotChunkBytes;
  return index->chunks.size() == chunks ? index : std::nullopt;
}

std::optional<Height> height_of(const std::string& name) {
  uint64_t height = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), height);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return Height(height);
}

void remove_quietly(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
}

}  // namespace

SnapshotStore::SnapshotStore(Config config, View view, Notice notice)
    : config_(std::move(config)), view_(std::move(view)), notice_(std::move(notice)) {
  std::error_code error;
  fs::create_directories(config_.directory, error);
  if (error) throw std::runtime_error("cannot make " + config_.directory.string() + ": " + error.message());
  load();
  if (config_.interval > 0) thread_ = std::thread([this] { run(); });
}

SnapshotStore::~SnapshotStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

fs::path SnapshotStore::path_of(Height height) const {
  return config_.directory / std::to_string(height.value);
}

void SnapshotStore::load() {
  std::vector<fs::path> unfit;
  for (const auto& entry : fs::directory_iterator(config_.directory)) {
    const auto height = height_of(entry.path().stem().string());
    // Nobody else's files.
    if (!height) continue;
    auto index = entry.path().has_extension() ? std::nullopt : read_index(entry.path());
    if (index && index->format == replica::kSnapshotFormat && index->params == config_.params &&
        *height <= config_.height) {
      snapshots_.push_back({{*height, std::move(index->chunks)}});
    } else {
      unfit.push_back(entry.path());
    }
  }
  std::ranges::sort(snapshots_, {}, [](const Kept& one) { return one.snapshot.height; });
  for (const fs::path& path : unfit) remove_quietly(path);
}

void SnapshotStore::on_commit(Height height) {
  if (config_.interval == 0 || height.value % config_.interval != 0) return;
  {
    const std::lock_guard lock(mutex_);
    if (!busy_ && !order_) {
      order_ = Order{height, view_()};
      changed_.notify_all();
      return;
    }
  }
  notice_("no snapshot of height " + std::to_string(height.value) +
          ": the one before it is still being written; take them less often (--snapshot-interval)");
}

void SnapshotStore::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || order_; });
    if (stopping_) return;
    const std::optional<Order> order = std::exchange(order_, std::nullopt);
    busy_ = true;
    lock.unlock();
    try {
      take(*order);
    } catch (const std::exception& error) {
      remove_quietly(path_of(order->height).string() + kTorn);
      notice_("no snapshot of height " + std::to_string(order->height.value) + ": " + error.what() +
              "; blocks go on, and the next one is tried in time");
    }
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void SnapshotStore::take(const Order& order) {
  const auto began = std::chrono::steady_clock::now();
  const fs::path path = path_of(order.height);
  const fs::path torn = path.string() + kTorn;
  fs::remove_all(torn);
  fs::create_directory(torn);
  ChunkWriter writer(torn / kStateFile);
  const auto written = replica::write_snapshot(*order.view, [&](BytesView piece) {
    writer.add(piece);
    const std::lock_guard lock(mutex_);
    return !stopping_;
  });
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return remove_quietly(torn);
  }
  if (!written) throw std::runtime_error(written.error().message);
  Index index = writer.finish();
  index.params = config_.params;
  NewFile index_file(torn / kIndexFile);
  index_file.write(archive_encode(index));
  index_file.sync();
  sync_directory(torn);
  fs::remove_all(path);
  fs::rename(torn, path);
  sync_directory(config_.directory);
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  notice_("snapshot of height " + std::to_string(order.height.value) + ": " + std::to_string(index.bytes) +
          " bytes in " + std::to_string(index.chunks.size()) + " chunks, " + std::to_string(took.count()) +
          " ms");
  keep({order.height, std::move(index.chunks)});
}

void SnapshotStore::keep(StoredSnapshot snapshot) {
  std::vector<Height> old;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(snapshots_, [&](const Kept& one) { return one.snapshot.height == snapshot.height; });
    snapshots_.push_back({std::move(snapshot)});
    while (snapshots_.size() > kSnapshotsKept) old.push_back(drop_one());
    for (Kept& one : snapshots_) one.read = false;
  }
  // Whoever reads one of them has its file open, or finds nothing.
  for (const Height height : old) remove_quietly(path_of(height));
}

Height SnapshotStore::drop_one() {
  Kept& oldest = snapshots_.front();
  const bool spare = oldest.read && oldest.spared < kSnapshotsSparedMax;
  if (spare) ++oldest.spared;
  const auto victim = snapshots_.begin() + (spare ? 1 : 0);
  const Height out = victim->snapshot.height;
  snapshots_.erase(victim);
  return out;
}

const SnapshotStore::Kept* SnapshotStore::find(Height height) const {
  const auto found =
      std::ranges::find_if(snapshots_, [&](const Kept& one) { return one.snapshot.height == height; });
  return found == snapshots_.end() ? nullptr : &*found;
}

std::vector<StoredSnapshot> SnapshotStore::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<StoredSnapshot> out;
  for (const Kept& one : snapshots_) out.push_back(one.snapshot);
  return out;
}

std::optional<Height> SnapshotStore::oldest_needed() const {
  if (config_.interval == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return snapshots_.empty() ? Height(0) : snapshots_.front().snapshot.height;
}

Bytes SnapshotStore::chunk(Height height, uint32_t index) const {
  Digest expected;
  {
    const std::lock_guard lock(mutex_);
    const Kept* const found = find(height);
    if (found == nullptr || index >= found->snapshot.chunks.size()) return {};
    expected = found->snapshot.chunks[index];
    found->read = true;
  }
  std::ifstream in(path_of(height) / kStateFile, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(index * kSnapshotChunkBytes));
  Bytes out(kSnapshotChunkBytes, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<size_t>(in.gcount()));
  if (sha256(out) == expected) return out;
  // Removed in the meantime, or the disk gives other bytes: a peer would take this replica for a liar.
  return {};
}

void SnapshotStore::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_ && !order_; });
}

}  // namespace icws::engine
