#include "replica/socket_sends.h"

#include <algorithm>
#include <utility>

namespace icws::replica {

void SocketSends::Record::gather(const Outbox& outbox) {
  auto send = outbox.messages.begin();
  for (const Range& range : std::exchange(queued, {})) {
    for (; send != outbox.messages.end() && send->sequence < range.first.next(range.count); ++send) {
      if (send->sequence >= range.first) copies.push_back(*send);
    }
  }
}

SocketSends::SocketSends(Record saved)
    : last_number_(saved.last_number),
      told_(saved.last_number),
      confirmed_(saved.confirmed),
      unsure_turn_(saved.unsure_turn),
      unconfirmed_(std::move(saved.copies)) {}

bool SocketSends::mine(const Connection& record, const Outbox& outbox, const QueuedSend& send,
                       uint32_t self) const {
  if (record.arguments.writers == Writers::All) return true;
  const agreement::Writer* writer = record.sends.assigned(self);
  if (writer != nullptr && writer->turn != unsure_turn_ && send.sequence >= writer->first) return true;
  // See agreement::step_sends: no earlier than when it is the oldest.
  return send.everyone && send.sequence == outbox.messages.front().sequence;
}

void SocketSends::drop_untold(const Connection& record, uint32_t self) {
  const agreement::Writer* writer = record.sends.assigned(self);
  std::deque<QueuedSend> kept;
  uint64_t number = first_number();
  for (QueuedSend& send : unconfirmed_) {
    const bool needed = writer != nullptr && send.sequence > record.freed_send;
    if (number++ <= told_ || needed || send.everyone) kept.push_back(std::move(send));
  }
  last_number_ -= unconfirmed_.size() - kept.size();
  unconfirmed_ = std::move(kept);
}

void SocketSends::take(const Connection& record, const Outbox& outbox, uint32_t self) {
  if (record.arguments.writers != Writers::All) drop_untold(record, self);
  for (const QueuedSend& send : outbox.messages) {
    const SendSequence newest = unconfirmed_.empty() ? confirmed_ : unconfirmed_.back().sequence;
    if (send.sequence <= newest || !mine(record, outbox, send, self)) continue;
    unconfirmed_.push_back(send);
    ++last_number_;
  }
}

void SocketSends::confirm(uint64_t number) {
  if (number > last_number_) return;
  while (!unconfirmed_.empty() && first_number() <= number) {
    confirmed_ = unconfirmed_.front().sequence;
    unconfirmed_.pop_front();
  }
}

void SocketSends::adopt(const Connection& record, uint64_t accepted, bool ordered, uint32_t self) {
  const uint64_t script = record.arguments.script.size();
  if (accepted <= script) return;
  unconfirmed_.clear();
  told_ = accepted;
  const SendSequence first = record.epoch_first_send, freed = record.freed_send;
  // An ordered socket has sent everything since the epoch began, or is out soon.
  if (ordered && first.value + (accepted - script) > freed.value) {
    last_number_ = script + (freed.next().value - first.value);
    confirmed_ = freed;
    return;
  }
  last_number_ = accepted;
  if (record.arguments.writers == Writers::All) {
    confirmed_ = record.last_send;
    return;
  }
  // A writer must not claim what it cannot know: another takes over.
  confirmed_ = freed;
  const agreement::Writer* writer = record.sends.assigned(self);
  unsure_turn_ = writer == nullptr ? 0 : writer->turn;
}

std::vector<SendCommand> SocketSends::after(const SocketKey& key, const std::vector<OutgoingMessage>& script,
                                            uint64_t accepted) {
  std::vector<SendCommand> out;
  for (uint64_t i = accepted; i < script.size(); ++i) {
    out.push_back(SendCommand{key, i + 1, script[i].kind, script[i].content});
  }
  uint64_t number = first_number();
  for (const QueuedSend& send : unconfirmed_) {
    if (number > accepted) out.push_back(SendCommand{key, number, send.kind, send.content});
    ++number;
  }
  told_ = std::max(told_, last_number_);
  return out;
}

uint64_t SocketSends::bytes() const {
  uint64_t bytes = 0;
  for (const QueuedSend& send : unconfirmed_) bytes += send.content.size() + kSendOverheadBytes;
  return bytes;
}

SocketSends::Record SocketSends::save(SendSequence freed) const {
  Record out{last_number_, confirmed_, unsure_turn_, {}, {}};
  for (const QueuedSend& send : unconfirmed_) {
    if (send.sequence <= freed) {
      out.copies.push_back(send);
    } else if (!out.queued.empty() &&
               send.sequence == out.queued.back().first.next(out.queued.back().count)) {
      ++out.queued.back().count;
    } else {
      out.queued.push_back(Range{send.sequence, 1});
    }
  }
  return out;
}

}  // namespace icws::replica
