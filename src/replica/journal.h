// Appends agreed entries to transcripts and inboxes while a block is executed.
#pragma once

#include <utility>
#include <vector>

#include "replica/state.h"

namespace icws::replica {

// What: one block's new entries. Thread-safety: none. Lives for one finalize_block.
class Journal {
 public:
  Journal(Height height, BlockTime time) : height_(height), time_(time) {}

  // Adds the next entry of the connection: sequence, head, counters and inbox follow from it.
  template <class What>
  void append(ConnectionSlot& slot, What what) {
    transcript::Entry entry;
    entry.what = std::move(what);
    write(slot, std::move(entry));
  }

  Height height() const { return height_; }
  BlockTime time() const { return time_; }
  // Storage keys and stored_entry() of each.
  const std::vector<std::pair<Bytes, Bytes>>& written() const { return written_; }

 private:
  void write(ConnectionSlot& slot, transcript::Entry entry);

  Height height_;
  BlockTime time_;
  std::vector<std::pair<Bytes, Bytes>> written_;
};

// Bytes that an entry takes in the inbox.
uint64_t inbox_bytes(const transcript::Entry& entry);

}  // namespace icws::replica
