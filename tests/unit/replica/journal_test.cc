#include "replica/journal.h"

#include <gtest/gtest.h>

#include "replica/keys.h"
#include "replica/proving.h"

namespace icws::replica {
namespace {

using transcript::Message;

ConnectionSlot slot_of(uint64_t id) {
  ConnectionSlot slot;
  slot.record.id = ConnectionId(id);
  slot.record.agreement.epoch = Epoch(3);
  slot.record.head = transcript::transcript_genesis(ConnectionId(id));
  return slot;
}

TEST(Journal, ChainsEntriesAndCountsThem) {
  ConnectionSlot slot = slot_of(5);
  Journal journal(Height(9), BlockTime(Milliseconds(77)));
  journal.append(slot, transcript::Opened{});
  journal.append(slot, Message{transcript::ContentKind::Text, "hello", "key"});
  journal.append(slot, transcript::Gap{Bytes(16, 'g'), 4});
  EXPECT_EQ(slot.record.last_entry, EntrySequence(3));
  EXPECT_EQ(slot.record.messages, 1u);
  EXPECT_EQ(slot.record.gap_messages, 4u);
  EXPECT_EQ(slot.record.agreed_bytes, 5u);
  Digest head = transcript::transcript_genesis(ConnectionId(5));
  uint64_t sequence = 0;
  for (const auto& [key, stored] : journal.written()) {
    EXPECT_EQ(stored.substr(0, 32), head.view());
    const BytesView bytes = encoded_entry(stored);
    head = transcript::transcript_next(head, transcript::entry_digest(bytes));
    EXPECT_EQ(key, keys::transcript(ConnectionId(5), EntrySequence(++sequence)));
    const auto entry = transcript::decode(bytes);
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->sequence, EntrySequence(sequence));
    EXPECT_EQ(entry->epoch, Epoch(3));
    EXPECT_EQ(entry->height, Height(9));
    EXPECT_EQ(entry->time, BlockTime(Milliseconds(77)));
  }
  EXPECT_EQ(slot.record.head, head);
}

TEST(Journal, TheInboxCountsContentKeyAndAFixedPart) {
  ConnectionSlot slot = slot_of(1);
  Journal journal(Height(1), BlockTime());
  journal.append(slot, Message{transcript::ContentKind::Binary, Bytes(100, 'x'), "key"});
  journal.append(slot, transcript::Gap{Bytes(16, 'g'), 1});
  ASSERT_EQ(slot.inbox.size(), 2u);
  EXPECT_EQ(slot.inbox[0].bytes, 167u);
  EXPECT_EQ(slot.inbox[1].bytes, 64u);
  EXPECT_EQ(slot.record.inbox_bytes, 231u);
}

}  // namespace
}  // namespace icws::replica
