#include "replica/journal.h"

#include "replica/keys.h"
#include "replica/proving.h"

namespace icws::replica {

// As agreement::inbox_bytes counts.
uint64_t inbox_bytes(const transcript::Entry& entry) {
  if (const auto* reading = std::get_if<transcript::Reading>(&entry.what)) {
    return agreement::inbox_bytes(*reading);
  }
  const auto* message = std::get_if<transcript::Message>(&entry.what);
  return agreement::kEntryOverheadBytes +
         (message == nullptr ? 0 : message->content.size() + message->key.size());
}

void Journal::write(ConnectionSlot& slot, transcript::Entry entry) {
  Connection& record = slot.record;
  entry.sequence = record.last_entry.next();
  entry.epoch = record.agreement.epoch;
  entry.height = height_;
  entry.time = time_;
  const Bytes bytes = transcript::encode(entry);
  written_.emplace_back(keys::transcript(record.id, entry.sequence), stored_entry(record.head, bytes));
  record.last_entry = entry.sequence;
  record.head = transcript::transcript_next(record.head, transcript::entry_digest(bytes));
  if (const auto* message = std::get_if<transcript::Message>(&entry.what)) {
    record.messages += message->part == 1;
    record.agreed_bytes += message->content.size();
  } else if (const auto* gap = std::get_if<transcript::Gap>(&entry.what)) {
    record.gap_messages += gap->count;
  }
  const uint64_t size = inbox_bytes(entry);
  record.inbox_bytes += size;
  slot.inbox.push_back(InboxEntry{std::move(entry), size});
}

}  // namespace icws::replica
