#include "transcript/entry.h"

namespace icws::transcript {
namespace {

constexpr BytesView kGenesisDomain = "icws/transcript/genesis/1";
constexpr BytesView kEntryDomain = "icws/transcript/entry/1";
constexpr BytesView kNextDomain = "icws/transcript/next/1";

// One byte before each kind of entry.
enum class Tag : uint8_t {
  Opened = 1,
  Message = 2,
  Gap = 3,
  Closed = 4,
  Reading = 5,
  Sent = 6,
  TransformFailure = 7,
  Handover = 8
};

template <class T>
constexpr Tag tag_of() {
  if constexpr (std::is_same_v<T, Opened>) return Tag::Opened;
  if constexpr (std::is_same_v<T, Message>) return Tag::Message;
  if constexpr (std::is_same_v<T, Gap>) return Tag::Gap;
  if constexpr (std::is_same_v<T, Closed>) return Tag::Closed;
  if constexpr (std::is_same_v<T, Reading>) return Tag::Reading;
  if constexpr (std::is_same_v<T, Sent>) return Tag::Sent;
  if constexpr (std::is_same_v<T, TransformFailure>) return Tag::TransformFailure;
  if constexpr (std::is_same_v<T, Handover>) return Tag::Handover;
}

bool in_range(const Opened&) { return true; }
bool in_range(const Message& m) {
  const bool kind = m.kind == ContentKind::Text || m.kind == ContentKind::Binary;
  return kind && m.part >= 1 && m.part <= m.parts;
}
bool in_range(const Gap& gap) { return gap.key_hash.size() == 16 && gap.dropped <= gap.count; }
bool in_range(const Reading&) { return true; }
bool in_range(const Sent& sent) { return sent.first.value > 0 && sent.first <= sent.last; }
bool in_range(const TransformFailure& failure) {
  return failure.fault >= TransformFault::Trapped && failure.fault <= TransformFault::NotUtf8;
}
bool in_range(const Handover& handover) {
  return cause_from(static_cast<uint8_t>(handover.cause)).has_value();
}
bool in_range(const Closed& closed) { return cause_from(static_cast<uint8_t>(closed.cause)).has_value(); }

template <class T>
bool read(ArchiveReader& reader, Entry& entry) {
  T value;
  reader(value);
  if (!reader.finished() || !in_range(value)) return false;
  entry.what = std::move(value);
  return true;
}

}  // namespace

Bytes encode(const Entry& entry) {
  ArchiveWriter writer;
  writer(entry.sequence, entry.epoch, entry.height, entry.time);
  std::visit([&](const auto& what) { writer(tag_of<std::decay_t<decltype(what)>>(), what); }, entry.what);
  return writer.take();
}

std::optional<Entry> decode(BytesView bytes) {
  ArchiveReader reader(bytes);
  Entry entry;
  Tag tag{};
  reader(entry.sequence, entry.epoch, entry.height, entry.time, tag);
  bool ok = false;
  switch (tag) {
    case Tag::Opened:
      ok = read<Opened>(reader, entry);
      break;
    case Tag::Message:
      ok = read<Message>(reader, entry);
      break;
    case Tag::Gap:
      ok = read<Gap>(reader, entry);
      break;
    case Tag::Closed:
      ok = read<Closed>(reader, entry);
      break;
    case Tag::Reading:
      ok = read<Reading>(reader, entry);
      break;
    case Tag::Sent:
      ok = read<Sent>(reader, entry);
      break;
    case Tag::TransformFailure:
      ok = read<TransformFailure>(reader, entry);
      break;
    case Tag::Handover:
      ok = read<Handover>(reader, entry);
      break;
  }
  if (!ok) return std::nullopt;
  return entry;
}

Digest transcript_genesis(ConnectionId connection) {
  Sha256 hasher;
  return hasher.update_sized(kGenesisDomain).update_u64(connection.value).finish();
}

Digest entry_digest(BytesView encoded_entry) {
  thread_local Sha256 hasher;
  return hasher.update_sized(kEntryDomain).update_sized(encoded_entry).finish();
}

Digest transcript_next(const Digest& head, const Digest& entry_digest) {
  thread_local Sha256 hasher;
  return hasher.update_sized(kNextDomain).update(head).update(entry_digest).finish();
}

}  // namespace icws::transcript
