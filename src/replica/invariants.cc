#include "replica/invariants.h"

#include <algorithm>

namespace icws::replica {
namespace {

class Check {
 public:
  Check(const ClusterParams& params, std::vector<std::string>& out) : params_(params), out_(out) {}

  void global(const Global& before, const Global& after) {
    where_ = "global";
    require(after.height == before.height.next(), "heights count by one");
    require(after.now >= before.now && after.now - before.now <= Milliseconds(1'000),
            "agreement time advances by at most a second");
    require(after.block_time >= before.block_time, "block time never goes back");
    require(after.last_connection >= before.last_connection, "connection ids are never given twice");
    require(after.params == before.params || before.height.value == 0, "parameters do not change");
  }

  void members(const Membership& before, const Membership& after, Height height) {
    where_ = "replica sets";
    require(after.at(height).active_from <= height, "some set speaks at this height");
    const ReplicaSet* last = nullptr;
    for (const ReplicaSet& set : after.sets()) {
      require(last == nullptr || (set.version == last->version + 1 && set.active_from > last->active_from),
              "each set follows the one before");
      require(
          std::ranges::all_of(set.members, [&](const auto& member) { return member.index < set.next_index; }),
          "indices come from the counter");
      last = &set;
    }
    const ReplicaSet &old = before.newest(), &now = after.newest();
    require(now.version >= old.version && now.version <= old.version + 1, "one change at a time");
    require(now.version != old.version || now == old, "a set that was decided stays as it is");
    require(now.version == old.version || now.active_from.value >= height.value + kSetChangeBlocksMin,
            "reports of this height and the next are those of the set that knew it");
  }

  void committee(const Connection& record, const ReplicaSet& next) {
    if (record.phase != RecordPhase::Active || record.agreement.phase == agreement::Phase::Ended) return;
    const auto gone = std::ranges::count_if(
        record.agreement.committee, [&](ReplicaIndex member) { return next.find(member) == nullptr; });
    require(record.arguments.mode == Mode::Delegated ||
                !record.agreement.quorum().has_honest(static_cast<uint32_t>(gone)),
            "an epoch has lost at most f members");
  }

  void slot(const ConnectionSlot& slot, const Global& global) {
    where_ = "connection " + std::to_string(slot.record.id.value);
    const Connection& record = slot.record;
    require(record.id <= global.last_connection, "ids come from the counter");
    require(record.delivered <= record.last_entry, "nothing is delivered that is not agreed");
    uint64_t bytes = 0;
    EntrySequence next = record.delivered.next();
    for (const InboxEntry& entry : slot.inbox) {
      require(entry.entry.sequence == next, "the inbox is what follows the delivered entries");
      next = next.next();
      bytes += entry.bytes;
    }
    require(next == record.last_entry.next(), "the inbox ends with the last entry");
    require(bytes == record.inbox_bytes, "an inbox's bytes are its entries'");
    require(bytes <= params_.inbox_bytes_max, "an inbox keeps its limit");
    outbox(slot);
    agreement_of(record, global);
  }

  void change(const Connection& before, const Connection& after) {
    where_ = "connection " + std::to_string(after.id.value);
    require(after.last_entry >= before.last_entry, "transcripts only grow");
    require(after.last_entry != before.last_entry || after.head == before.head,
            "a transcript's head changes with its entries");
    require(after.delivered >= before.delivered, "no entry is delivered twice");
    require(after.messages >= before.messages && after.gap_messages >= before.gap_messages,
            "counts only grow");
    require(after.last_send >= before.last_send && after.freed_send >= before.freed_send, "sends only grow");
    require(after.parameters() == before.parameters(), "arguments are pinned");
    require(before.phase != RecordPhase::Closed || after.phase == RecordPhase::Closed,
            "what is closed stays so");
    const agreement::ConnectionState &old = before.agreement, &now = after.agreement;
    require(now.epoch >= old.epoch, "epochs only count up");
    if (now.epoch != old.epoch) return;
    require(now.committee == old.committee, "an epoch's committee is fixed");
    require(now.phase >= old.phase, "an epoch opens once and ends once");
    require(now.ordered.position >= old.ordered.position, "positions only grow");
    require(now.ordered.position != old.ordered.position || now.ordered.head == old.ordered.head,
            "what was agreed at a position is never another");
  }

 private:
  void outbox(const ConnectionSlot& slot) {
    const Connection& record = slot.record;
    uint64_t bytes = 0;
    SendSequence last = record.freed_send;
    for (const QueuedSend& send : slot.outbox.messages) {
      require(send.sequence > last, "the outbox follows what is freed, in order");
      last = send.sequence;
      bytes += send.content.size() + kSendOverheadBytes;
    }
    require(last <= record.last_send, "nothing is sent that was not given a number");
    require(bytes == slot.outbox.bytes, "an outbox's bytes are its messages'");
    require(bytes <= params_.outbox_bytes_max, "an outbox keeps its limit");
  }

  void agreement_of(const Connection& record, const Global& global) {
    const agreement::ConnectionState& state = record.agreement;
    require(std::ranges::is_sorted(state.committee), "committees are ascending");
    require(state.down_since.size() == state.committee.size(), "one note for each member");
    Height last(0);
    const bool stepped = record.phase == RecordPhase::Active && state.phase != agreement::Phase::Ended;
    for (const agreement::SettledBlock& block : state.feed.settled) {
      require(block.height > last && block.height <= global.height, "settled blocks ascend");
      // What has ended is not stepped any more.
      require(!stepped || block.height.value + params_.agreement.blocks_in_force + 2 > global.height.value,
              "settled items are kept for W + 2 blocks");
      last = block.height;
      for (const auto& content : block.contents) require(content.count > 0, "something was settled");
    }
    for (const auto& [item, since] : state.feed.decidable_since)
      require(item.copy > 0 && since <= global.now, "items are decidable since a time that was");
    for (const auto& [key, count] : state.feed.gaps)
      require(count.missing > 0 && count.dropped <= count.missing, "gaps count something");
  }

  void require(bool holds, const char* what) {
    if (!holds) out_.push_back(where_ + ": not so: " + what);
  }

  const ClusterParams& params_;
  std::vector<std::string>& out_;
  std::string where_;
};

}  // namespace

std::vector<std::string> check_invariants(const State& previous, const State& current,
                                          const ClusterParams& params) {
  std::vector<std::string> out;
  Check check(params, out);
  check.global(previous.global, current.global);
  check.members(previous.members, current.members, current.global.height);
  for (const auto& [id, slot] : current.connections) {
    check.slot(slot, current.global);
    check.committee(slot.record, current.members.at(current.global.height.next()));
    const auto before = previous.connections.find(id);
    if (before != previous.connections.end()) {
      check.change(before->second.record, slot.record);
    } else if (id <= previous.global.last_connection) {
      out.push_back("connection " + std::to_string(id.value) + ": not so: who is forgotten stays so");
    }
  }
  return out;
}

}  // namespace icws::replica
