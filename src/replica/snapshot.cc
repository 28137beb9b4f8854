#include "replica/snapshot.h"

#include <algorithm>
#include <exception>

#include "base/varint.h"
#include "replica/keys.h"
#include "replica/proving.h"
#include "replica/state.h"
#include "transcript/entry.h"

namespace icws::replica {
namespace {

using Kind = SnapshotFault::Kind;

constexpr BytesView kFirstLine = "icws.snapshot.1\n";
static_assert(kSnapshotFormat == 1);
// Of one write while restoring: large enough that syncing costs little, small enough to be held beside the
// rest.
constexpr uint64_t kBatchBytes = 4 * 1024 * 1024;
constexpr size_t kWipeBatch = 10'000;

std::unexpected<SnapshotFault> fault(Kind kind, std::string message) {
  return std::unexpected(SnapshotFault{kind, std::move(message)});
}

bool is_leaf(BytesView key) {
  static const std::vector<Bytes> kPrefixes = keys::leaf_prefixes();
  return std::ranges::any_of(kPrefixes, [&](const Bytes& prefix) { return key.starts_with(prefix); });
}

// Takes a length and as many bytes from the front.
enum class Took : uint8_t { Whole, Torn, Malformed, Oversize };
Took take_sized(BytesView& in, uint64_t size_max, BytesView& out) {
  uint64_t size = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    const auto byte = static_cast<uint8_t>(in[i]);
    size |= uint64_t{byte & 0x7fu} << (7 * i);
    if (size > size_max) return Took::Oversize;
    if (byte >= 0x80) {
      // No limit above needs more.
      if (i == 4) return Took::Malformed;
      continue;
    }
    // Not minimal.
    if (byte == 0 && i > 0) return Took::Malformed;
    if (in.size() - i - 1 < size) return Took::Torn;
    out = in.substr(i + 1, size);
    in.remove_prefix(i + 1 + size);
    return Took::Whole;
  }
  return Took::Torn;
}

uint64_t number_at(BytesView key, size_t at) {
  uint64_t value = 0;
  for (const char c : key.substr(at, 8)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

std::string name_of(ConnectionId id) { return "the transcript of connection " + std::to_string(id.value); }

void remove_all(Storage& storage) {
  Bytes from;
  for (bool more = true; more;) {
    WriteBatch batch;
    const Bytes start = from;
    storage.scan({}, start, [&](BytesView key, BytesView) {
      if (key != keys::kRestoring) batch.remove(Bytes(key));
      from = key;
      return batch.writes.size() < kWipeBatch;
    });
    more = batch.writes.size() == kWipeBatch;
    if (!batch.writes.empty()) storage.apply(batch);
  }
}

}  // namespace

std::expected<void, SnapshotFault> write_snapshot(const StorageReader& storage,
                                                  const std::function<bool(BytesView)>& sink,
                                                  const SnapshotLimits& limits) {
  std::vector<Bytes> prefixes = keys::leaf_prefixes();
  prefixes.push_back(keys::kTranscriptsPrefix);
  std::ranges::sort(prefixes);
  uint64_t bytes = kFirstLine.size();
  uint64_t leaves = 0;
  std::optional<SnapshotFault> wrong;
  bool going = sink(kFirstLine);
  Bytes piece;
  const auto record = [&](BytesView key, BytesView value) {
    piece.clear();
    append_varint(piece, key.size());
    piece += key;
    append_varint(piece, value.size());
    piece += value;
    bytes += piece.size();
    leaves += is_leaf(key);
    if (key.size() > limits.key_bytes || value.size() > limits.value_bytes || bytes > limits.bytes ||
        leaves > limits.leaves) {
      wrong = SnapshotFault{Kind::Oversize, "the state is larger than a snapshot can be"};
      return false;
    }
    return going = sink(piece);
  };
  for (const Bytes& prefix : prefixes) {
    if (going && !wrong) storage.scan(prefix, {}, record);
  }
  if (wrong) return std::unexpected(std::move(*wrong));
  return {};
}

SnapshotCheck::SnapshotCheck(const Expected& expected, const SnapshotLimits& limits)
    : expected_(expected), limits_(limits) {}

std::expected<void, SnapshotFault> SnapshotCheck::add(BytesView bytes, const Take& take) {
  bytes_ += bytes.size();
  if (bytes_ > limits_.bytes) return fault(Kind::Oversize, "the snapshot is over the limit");
  rest_ += bytes;
  BytesView left = rest_;
  if (!began_) {
    if (left.size() < kFirstLine.size()) return {};
    if (!left.starts_with(kFirstLine)) return fault(Kind::Malformed, "these bytes are no snapshot");
    left.remove_prefix(kFirstLine.size());
    began_ = true;
  }
  while (!left.empty()) {
    BytesView next = left, key, value;
    Took took = take_sized(next, limits_.key_bytes, key);
    if (took == Took::Whole) took = take_sized(next, limits_.value_bytes, value);
    if (took == Took::Torn) break;
    if (took == Took::Malformed) return fault(Kind::Malformed, "a length is not in canonical encoding");
    if (took == Took::Oversize) return fault(Kind::Oversize, "a record is over the limit");
    if (auto good = record(key, value); !good) return good;
    take(key, value);
    left = next;
  }
  rest_.erase(0, rest_.size() - left.size());
  return {};
}

SnapshotCheck::Verdict SnapshotCheck::record(BytesView key, BytesView value) {
  if (key <= last_key_) return fault(Kind::Order, "the key " + to_hex(key) + " is out of order");
  last_key_ = key;
  if (is_leaf(key)) return leaf(key, value);
  if (key.starts_with(keys::kTranscriptsPrefix)) return entry(key, value);
  return fault(Kind::Foreign, "the key " + to_hex(key) + " is none of a replicated record");
}

SnapshotCheck::Verdict SnapshotCheck::leaf(BytesView key, BytesView value) {
  if (tree_.size() == limits_.leaves) return fault(Kind::Oversize, "too many records");
  tree_.set(key, value);
  if (key == keys::kGlobal) {
    const auto global = archive_decode<Global>(value);
    if (!global) return fault(Kind::Malformed, "the block header does not decode");
    if (global->params != expected_.params)
      return fault(Kind::WrongParams, "it is of a subnet with other parameters");
    if (global->height != expected_.height) {
      return fault(Kind::WrongParams, "it is of height " + std::to_string(global->height.value) + ", not " +
                                          std::to_string(expected_.height.value));
    }
    global_seen_ = true;
  }
  if (key.starts_with(keys::kHeadPrefix)) {
    const auto head = archive_decode<transcript::TranscriptHead>(value);
    if (!head || key != keys::head(head->connection))
      return fault(Kind::Malformed, "a transcript's head does not decode");
    if (head->last_entry.value > 0 && expected_.transcript_entries_kept > 0)
      heads_.emplace(head->connection, *head);
  }
  return {};
}

SnapshotCheck::Verdict SnapshotCheck::entry(BytesView key, BytesView value) {
  // Entries come after all leaves that they hang on: in byte order "d/" is before "t/".
  static_assert(BytesView("d/") < BytesView("t/"));
  const size_t id_at = keys::kTranscriptsPrefix.size();
  const size_t sequence_at = id_at + 8 + 1;
  const ConnectionId id(number_at(key, id_at));
  if (key.size() != sequence_at + 8 ||
      key != keys::transcript(id, EntrySequence(number_at(key, sequence_at)))) {
    return fault(Kind::Foreign, "the key " + to_hex(key) + " is none of an entry");
  }
  const EntrySequence sequence(number_at(key, sequence_at));
  const auto head = heads_.find(id);
  if (head == heads_.end()) return fault(Kind::Transcript, name_of(id) + " has more entries than are kept");
  const auto previous = Digest::from(value.substr(0, std::min<size_t>(value.size(), sizeof(Digest))));
  if (!previous) return fault(Kind::Malformed, "an entry is too short");
  if (!chain_ || chain_->connection != id) {
    if (chain_) return fault(Kind::Transcript, name_of(chain_->connection) + " does not reach its end");
    const uint64_t last = head->second.last_entry.value;
    const uint64_t kept = expected_.transcript_entries_kept;
    chain_ = Chain{id, EntrySequence(last > kept ? last - kept + 1 : 1), *previous};
  }
  if (sequence != chain_->next || *previous != chain_->head) {
    return fault(Kind::Transcript, "entry " + std::to_string(sequence.value) + " of " + name_of(id) +
                                       " does not follow the one before it");
  }
  chain_->head = transcript::transcript_next(*previous, transcript::entry_digest(encoded_entry(value)));
  if (sequence < head->second.last_entry) {
    chain_->next = sequence.next();
    return {};
  }
  if (chain_->head != head->second.head)
    return fault(Kind::Transcript, name_of(id) + " does not lead to its head");
  heads_.erase(head);
  chain_.reset();
  return {};
}

std::expected<void, SnapshotFault> SnapshotCheck::finish() {
  if (!began_ || !rest_.empty()) return fault(Kind::Malformed, "it ends within a record");
  if (!heads_.empty()) return fault(Kind::Transcript, name_of(heads_.begin()->first) + " lacks entries");
  if (!global_seen_ || tree_.root() != expected_.app_hash)
    return fault(Kind::AppHash, "its app hash is not the agreed one");
  return {};
}

SnapshotRestore::SnapshotRestore(Storage& storage, const SnapshotCheck::Expected& expected)
    : storage_(storage), app_hash_(expected.app_hash), check_(expected) {
  WriteBatch mark;
  mark.put(keys::kRestoring, "1");
  storage_.apply(mark);
  remove_all(storage_);
}

SnapshotRestore::~SnapshotRestore() {
  if (finished_) return;
  try {
    clear_unfinished_restore(storage_);
  } catch (const std::exception&) {
    // The mark is still there.
  }
}

std::expected<void, SnapshotFault> SnapshotRestore::add(BytesView bytes) {
  auto good = check_.add(bytes, [&](BytesView key, BytesView value) {
    batch_.put(Bytes(key), Bytes(value));
    batch_bytes_ += key.size() + value.size();
    if (batch_bytes_ >= kBatchBytes) flush();
  });
  if (good) flush();
  return good;
}

void SnapshotRestore::flush() {
  if (!batch_.writes.empty()) storage_.apply(std::exchange(batch_, {}));
  batch_bytes_ = 0;
}

std::expected<void, SnapshotFault> SnapshotRestore::finish() {
  auto good = check_.finish();
  if (!good) return good;
  WriteBatch last;
  last.put(keys::kStateHash, Bytes(app_hash_.view()));
  last.remove(keys::kRestoring);
  storage_.apply(last);
  finished_ = true;
  return {};
}

void clear_unfinished_restore(Storage& storage) {
  if (!storage.get(keys::kRestoring)) return;
  remove_all(storage);
  WriteBatch unmark;
  unmark.remove(keys::kRestoring);
  storage.apply(unmark);
}

}  // namespace icws::replica
