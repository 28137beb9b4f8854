#include "engine/local/block_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "engine/local/block_message.h"

namespace icws::engine {
namespace {

constexpr std::string_view kMagic = "icws block log 3\n";
constexpr size_t kLengthBytes = 4;
constexpr size_t kLengthCheckBytes = 4;
constexpr size_t kPayloadCheckBytes = 8;
constexpr size_t kRecordHeaderBytes = kLengthBytes + kLengthCheckBytes + kPayloadCheckBytes;
// Far above the largest block (contents, reports and transactions are capped at a few MiB each).
constexpr uint32_t kRecordBytesMax = 64 * 1024 * 1024;

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw std::runtime_error("block log " + name + ": " + what);
}
[[noreturn]] void fail_errno(const std::string& name, const std::string& what) {
  fail(name, what + ": " + std::strerror(errno));
}

Bytes little_endian(uint64_t value, size_t size) {
  Bytes out;
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return out;
}

// The first part of a record's header: what can be judged without the payload.
Bytes length_part(uint64_t offset, uint32_t length) {
  const Bytes bytes = little_endian(length, kLengthBytes);
  return bytes + Bytes(sha256(little_endian(offset, 8) + bytes).view().substr(0, kLengthCheckBytes));
}

Bytes record_header(uint64_t offset, BytesView payload) {
  return length_part(offset, static_cast<uint32_t>(payload.size())) +
         Bytes(sha256(payload).view().substr(0, kPayloadCheckBytes));
}

// Nothing unless `header` is one of a record at this offset.
std::optional<uint32_t> length_of(uint64_t offset, BytesView header) {
  if (header.size() < kRecordHeaderBytes) return std::nullopt;
  uint32_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint8_t>(header[i]);
  if (length > kRecordBytesMax) return std::nullopt;
  const Bytes wanted = length_part(offset, length);
  return header.starts_with(wanted) ? std::optional(length) : std::nullopt;
}

// Fewer bytes than asked for only at the end of the file.
Bytes read_at(int file, const std::string& name, uint64_t offset, size_t size) {
  Bytes out(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(file, out.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(name, "cannot read");
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  out.resize(have);
  return out;
}

void write_all(int file, const std::string& name, BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_errno(name, "cannot write");
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

uint64_t size_of(int file, const std::string& name) {
  struct stat status{};
  if (::fstat(file, &status) != 0) fail_errno(name, "cannot stat");
  return static_cast<uint64_t>(status.st_size);
}

// Whether a whole record lies behind `offset`. Only what was written last can be torn: with a record behind
// it, a broken one is damage.
bool record_behind(int file, const std::string& name, uint64_t offset, uint64_t size) {
  const Bytes tail = read_at(file, name, offset, size - offset);
  for (size_t at = 1; at + kRecordHeaderBytes <= tail.size(); ++at) {
    const BytesView here = BytesView(tail).substr(at);
    const auto length = length_of(offset + at, here);
    if (!length || *length > here.size() - kRecordHeaderBytes) continue;
    const BytesView payload = here.substr(kRecordHeaderBytes, *length);
    if (here.starts_with(record_header(offset + at, payload))) return true;
  }
  return false;
}

}  // namespace

BlockLog::BlockLog(const std::filesystem::path& file, const std::string& chain_id) : name_(file.string()) {
  file_ = ::open(name_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file_ < 0) fail_errno(name_, "cannot open");
  try {
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) fail(name_, "is in use by another process");
    scan(chain_id);
  } catch (...) {
    ::close(file_);
    throw;
  }
}

BlockLog::~BlockLog() { ::close(file_); }

// Walks the records, cuts a torn last one off, and begins a new file where there is none.
void BlockLog::scan(const std::string& chain_id) {
  const uint64_t size = size_of(file_, name_);
  const Bytes magic = read_at(file_, name_, 0, kMagic.size());
  if (magic != kMagic.substr(0, magic.size())) fail(name_, "is not a block log");
  bool named = false;
  end_ = magic.size() == kMagic.size() ? kMagic.size() : 0;
  while (end_ >= kMagic.size()) {
    const Bytes header = read_at(file_, name_, end_, kRecordHeaderBytes);
    const auto length = length_of(end_, header);
    if (!length || *length > size - end_ - kRecordHeaderBytes) break;
    const Bytes payload = read_at(file_, name_, end_ + kRecordHeaderBytes, *length);
    if (record_header(end_, payload) != header) break;
    if (!named && payload != chain_id) fail(name_, "belongs to the chain " + payload);
    if (named) {
      const auto block = decode_logged_block(payload);
      if (!block || block->block.height.value != places_.size() + 1)
        fail(name_, "holds a record out of place");
      places_.push_back({end_ + kRecordHeaderBytes, *length});
    }
    named = true;
    end_ += kRecordHeaderBytes + *length;
  }
  torn_bytes_ = size - end_;
  // At most one record is written before it is known to be on disk.
  const bool too_long = torn_bytes_ > kRecordHeaderBytes + kRecordBytesMax;
  if (too_long || record_behind(file_, name_, end_, size)) {
    fail(name_,
         "is damaged at byte " + std::to_string(end_) + ", and more follows; restore the file from a copy");
  }
  if (torn_bytes_ > 0 && ::ftruncate(file_, static_cast<off_t>(end_)) != 0)
    fail_errno(name_, "cannot truncate");
  if (!named) {
    if (::ftruncate(file_, 0) != 0) fail_errno(name_, "cannot truncate");
    end_ = kMagic.size();
    write_all(file_, name_, kMagic);
    write_record(chain_id);
  }
}

void BlockLog::write_record(const Bytes& payload) {
  if (payload.size() > kRecordBytesMax) fail(name_, "the record is too large");
  write_all(file_, name_, record_header(end_, payload) + payload);
  if (::fdatasync(file_) != 0) fail_errno(name_, "cannot sync");
  end_ += kRecordHeaderBytes + payload.size();
}

Height BlockLog::head() const {
  const std::lock_guard lock(mutex_);
  return Height(places_.size());
}

void BlockLog::append(const LoggedBlock& block) {
  const Bytes payload = encode_logged_block(block);
  const std::lock_guard lock(mutex_);
  if (block.block.height.value != places_.size() + 1) fail(name_, "blocks must be appended in order");
  const Place place{end_ + kRecordHeaderBytes, static_cast<uint32_t>(payload.size())};
  write_record(payload);
  places_.push_back(place);
}

std::optional<LoggedBlock> BlockLog::read(Height height) const {
  Place place{};
  {
    const std::lock_guard lock(mutex_);
    if (height.value == 0 || height.value > places_.size()) return std::nullopt;
    place = places_[height.value - 1];
  }
  const Bytes payload = read_at(file_, name_, place.offset, place.size);
  auto block = decode_logged_block(payload);
  if (!block || block->block.height != height) fail(name_, "a record has changed on disk");
  return block;
}

}  // namespace icws::engine
