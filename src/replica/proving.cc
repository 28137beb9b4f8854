#include "replica/proving.h"

#include "replica/keys.h"

namespace icws::replica {
namespace {

constexpr size_t kDigestBytes = 32;
// Beside entries, links and changes of the replica set: proofs, sets and reports.
constexpr size_t kReservedBytes = 4 * 1024 * 1024;

// Empty: the range is one of the transcript.
std::string range_fault(const Connection& record, EntrySequence first, EntrySequence last) {
  const std::string name = "connection " + std::to_string(record.id.value);
  if (record.last_entry.value == 0) return name + " has no entries yet";
  if (first.value == 0 || first > last) return "the first entry must be from 1 to the last one";
  if (last > record.last_entry)
    return name + " has " + std::to_string(record.last_entry.value) + " entries, not " +
           std::to_string(last.value);
  return {};
}

}  // namespace

Bytes stored_entry(const Digest& previous, BytesView encoded_entry) {
  Bytes out(previous.view());
  return out += encoded_entry;
}

BytesView encoded_entry(BytesView stored) {
  return stored.size() < kDigestBytes ? BytesView() : stored.substr(kDigestBytes);
}

std::expected<proof::Certificate, CannotProve> gather_entries(const Storage& storage,
                                                              const Connection& record, EntrySequence first,
                                                              EntrySequence last, size_t changes_bytes) {
  if (last.value == 0) last = record.last_entry;
  if (std::string what = range_fault(record, first, last); !what.empty())
    return std::unexpected(CannotProve{std::move(what)});
  proof::Certificate out;
  out.connection = record.id;
  out.from = first;
  out.head = record.head;
  size_t bytes = kReservedBytes + changes_bytes;
  EntrySequence next = first;
  bool kept = true;
  const auto take = [&](BytesView key, BytesView value) {
    kept = key == keys::transcript(record.id, next) && value.size() > kDigestBytes;
    if (!kept) return false;
    if (next == first) out.previous = *Digest::from(value.substr(0, kDigestBytes));
    const BytesView entry = encoded_entry(value);
    out.links.push_back(transcript::entry_digest(entry));
    bytes += kDigestBytes;
    if (next <= last) {
      out.entries.emplace_back(entry);
      bytes += entry.size() + 8;
    }
    next = next.next();
    return bytes <= proof::kCertificateBytesMax;
  };
  storage.scan(keys::transcript_prefix(record.id), keys::transcript(record.id, first), take);
  if (bytes > proof::kCertificateBytesMax)
    return std::unexpected(
        CannotProve{"these entries do not fit into one certificate; ask for fewer or newer ones"});
  if (!kept || next != record.last_entry.next())
    return std::unexpected(
        CannotProve{"entry " + std::to_string(first.value) + " is not kept any more; ask for newer ones"});
  return out;
}

}  // namespace icws::replica
