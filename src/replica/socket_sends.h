// What one replica writes to one socket: the script, then its share of the canister's messages, each
// numbered.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "replica/adapter_port.h"
#include "replica/state.h"

namespace icws::replica {

// What: messages that this replica's adapter has not confirmed, with their numbers on the socket. A number is
// never given to another message once the adapter may have heard of it: the adapter takes each number once.
// With writers `All` that is every message; else those that the state assigns to this member, and nothing is
// kept by the others. Thread-safety: none. Ownership: a value. Errors: none; what the adapter says wrongly is
// ignored.
class SocketSends {
 public:
  struct Range {
    SendSequence first;
    uint64_t count = 0;
    static void fields(auto& archive, auto& self) { archive(self.first, self.count); }
  };
  // `queued` are in the state's outbox, `copies` are not any more.
  struct Record {
    uint64_t last_number = 0;
    SendSequence confirmed;
    uint32_t unsure_turn = 0;
    std::vector<Range> queued;
    std::deque<QueuedSend> copies;
    // Copies what is queued, before a block can free it. `outbox`: as it was saved with this record.
    void gather(const Outbox& outbox);
    static void fields(auto& archive, auto& self) {
      archive(self.last_number, self.confirmed, self.unsure_turn, self.queued, self.copies);
    }
  };

  // Of a new socket, which has the script to send and then what comes after `confirmed`.
  SocketSends(uint64_t script, SendSequence confirmed) : last_number_(script), confirmed_(confirmed) {}
  // After a restart; `saved` is gathered.
  explicit SocketSends(Record saved);

  // Takes what is this replica's to write. Also of blocks that it only catches up with, so that a slow member
  // still sends what the others have written meanwhile (writers `All`). `self`: its place in the committee.
  void take(const Connection& record, const Outbox& outbox, uint32_t self);
  // The adapter has written everything up to `number`.
  void confirm(uint64_t number);
  // The socket has ended.
  void forget() { unconfirmed_.clear(); }
  // A socket that the adapter kept for a replica that lost its own state: it has accepted numbers up to
  // `accepted`. Of `ordered` ones it is known what they were; else better none of them by this replica than
  // one twice.
  void adopt(const Connection& record, uint64_t accepted, bool ordered, uint32_t self);

  // What the adapter has not been told, or has forgotten: script and messages after the first `accepted`
  // numbers.
  std::vector<SendCommand> after(const SocketKey& key, const std::vector<OutgoingMessage>& script,
                                 uint64_t accepted);
  // Everything that is this replica's to write is written up to here.
  SendSequence confirmed() const { return confirmed_; }
  uint64_t bytes() const;
  Record save(SendSequence freed) const;

 private:
  // The number of the first unconfirmed message.
  uint64_t first_number() const { return last_number_ + 1 - unconfirmed_.size(); }
  bool mine(const Connection& record, const Outbox& outbox, const QueuedSend& send, uint32_t self) const;
  // What others have taken over, or written, and the adapter has not heard of.
  void drop_untold(const Connection& record, uint32_t self);

  // Of the newest message, or of the script's last.
  uint64_t last_number_;
  // Numbers that the adapter may have heard of.
  uint64_t told_ = 0;
  SendSequence confirmed_;
  // An assignment under which this replica cannot know what it has written already. 0: none.
  uint32_t unsure_turn_ = 0;
  std::deque<QueuedSend> unconfirmed_;
};

}  // namespace icws::replica
