#include "replica/state.h"

namespace icws::replica {
namespace {

bool rests(const ConnectionSlot& slot) {
  if (slot.record.phase == RecordPhase::Closed) return true;
  return slot.record.phase == RecordPhase::Active && slot.outbox.messages.empty() &&
         agreement::at_rest(slot.record.agreement);
}

void put(std::set<ConnectionId>& set, ConnectionId id, bool in) {
  if (in) {
    set.insert(id);
  } else {
    set.erase(id);
  }
}

}  // namespace

bool RecentTransactions::add(Height height, const Digest& transaction) {
  if (!known_.insert(transaction).second) return false;
  if (blocks_.empty() || blocks_.back().height != height) blocks_.push_back(Block{height, {}});
  blocks_.back().transactions.push_back(transaction);
  return true;
}

std::vector<Height> RecentTransactions::forget_before(Height oldest) {
  std::vector<Height> out;
  while (!blocks_.empty() && blocks_.front().height < oldest) {
    for (const Digest& transaction : blocks_.front().transactions) known_.erase(transaction);
    out.push_back(blocks_.front().height);
    blocks_.pop_front();
  }
  return out;
}

ConnectionSlot& ConnectionTable::add(ConnectionSlot slot) {
  const ConnectionId id = slot.record.id;
  note(id);
  return slots_.emplace(id, std::move(slot)).first->second;
}

void ConnectionTable::erase(ConnectionId id) {
  slots_.erase(id);
  changed_.erase(id);
  unindexed_.insert(id);
}

void ConnectionTable::index() {
  for (const ConnectionId id : std::exchange(unindexed_, {})) {
    const auto slot = slots_.find(id);
    const bool there = slot != slots_.end();
    put(restless_, id, there && !rests(slot->second));
    put(undelivered_, id, there && !slot->second.inbox.empty());
  }
}

}  // namespace icws::replica
