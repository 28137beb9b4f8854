#include "replica/persistence.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "replica/keys.h"
#include "replica/proving.h"

namespace icws::replica {
namespace {

// A report of height h is used at h+1 and names the hash after h-1.
constexpr size_t kAppHashesKept = 8;
// Blocks whose changes can be named, and how many of each. Reports tell of another hash two blocks later.
constexpr size_t kChangesKept = 4;
constexpr uint64_t kChangesShown = 16;

[[noreturn]] void broken(const std::string& what) {
  throw std::runtime_error("the state directory is damaged (" + what +
                           "): remove it, and the replica recovers from the engine's blocks");
}

uint64_t number_of(BytesView bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// The entries that were agreed but not delivered when the process ended.
void load_inbox(const Storage& storage, ConnectionSlot& slot) {
  const Connection& record = slot.record;
  const Bytes prefix = keys::transcript_prefix(record.id);
  storage.scan(prefix, keys::transcript(record.id, record.delivered.next()), [&](BytesView, BytesView value) {
    auto entry = transcript::decode(encoded_entry(value));
    if (!entry) broken("a transcript entry");
    const uint64_t bytes = inbox_bytes(*entry);
    slot.inbox.push_back(InboxEntry{std::move(*entry), bytes});
    return true;
  });
  uint64_t bytes = 0;
  for (const InboxEntry& one : slot.inbox) bytes += one.bytes;
  const uint64_t missing = record.last_entry.value - record.delivered.value - slot.inbox.size();
  if (missing != 0 || bytes != record.inbox_bytes) broken("a transcript entry is missing");
}

// A value of type T at `key`, which must be there.
template <class T>
T required(const Storage& storage, const Bytes& key, const std::string& what) {
  const auto bytes = storage.get(key);
  auto value = bytes ? archive_decode<T>(*bytes) : std::nullopt;
  if (!value) broken(what);
  return std::move(*value);
}

}  // namespace

std::optional<Digest> AppHashes::after(Height height) const {
  for (const At& at : newest) {
    if (at.height == height) return at.hash;
  }
  return std::nullopt;
}

void AppHashes::push(Height height, const Digest& hash) {
  newest.push_back(At{height, hash});
  while (newest.size() > kAppHashesKept) newest.pop_front();
}

bool Persistence::load(const Storage& storage, State& state, ReportWindow& window, AppHashes& hashes) {
  if (!storage.get(keys::kGlobal)) return false;
  hashes = required<AppHashes>(storage, keys::kAppHashes, "the last app hashes");
  load_state(storage, state);
  load_reports(storage, window);
  const Digest root = tree_.root();
  if (storage.get(keys::kStateHash) != root.view()) broken("the app hash does not fit the state");
  hashes.push(state.global.height, root);
  return true;
}

void Persistence::load_state(const Storage& storage, State& state) {
  state.global = required<Global>(storage, keys::kGlobal, "the block header");
  for (const Bytes& prefix : keys::leaf_prefixes()) {
    storage.scan(prefix, {}, [&](BytesView key, BytesView value) {
      tree_.set(key, value);
      return true;
    });
  }
  state.members = required<Membership>(storage, keys::kMembers, "the replica set");
  load_connections(storage, state);
  load_outboxes(storage, state);
  load_canisters(storage, state);
  load_transactions(storage, state);
  state.connections.take_changed();
}

void Persistence::load_connections(const Storage& storage, State& state) {
  storage.scan(keys::kConnectionPrefix, {}, [&](BytesView key, BytesView value) {
    auto record = archive_decode<Connection>(value);
    if (!record || key != keys::connection(record->id)) broken("a connection");
    ConnectionSlot slot;
    slot.record = std::move(*record);
    const ConnectionId id = slot.record.id;
    slot.record.arguments = required<OpenArguments>(storage, keys::arguments(id), "a connection's arguments");
    const auto head = required<transcript::TranscriptHead>(storage, keys::head(id), "a transcript's head");
    slot.record.last_entry = head.last_entry;
    slot.record.head = head.head;
    load_inbox(storage, slot);
    if (slot.record.closed_number != 0) state.closed.emplace(slot.record.closed_number, id);
    if (slot.record.paid_until) state.time_due.emplace(*slot.record.paid_until, id);
    state.connections.add(std::move(slot));
    return true;
  });
}

void Persistence::load_outboxes(const Storage& storage, State& state) {
  storage.scan(keys::kOutboxPrefix, {}, [&](BytesView key, BytesView value) {
    auto send = archive_decode<QueuedSend>(value);
    const ConnectionId id(number_of(key.substr(keys::kOutboxPrefix.size(), 8)));
    if (!send || !state.connections.contains(id) || key != keys::outbox(id, send->sequence))
      broken("an outbox");
    const auto [stored, fresh] = outboxes_.try_emplace(id, Stored{send->sequence, send->sequence});
    if (!fresh && send->sequence != stored->second.last.next()) broken("an outbox has a hole");
    stored->second.last = send->sequence;
    Outbox& outbox = state.connections.change(id).outbox;
    outbox.bytes += send->content.size() + kSendOverheadBytes;
    outbox.messages.push_back(std::move(*send));
    return true;
  });
}

void Persistence::load_canisters(const Storage& storage, State& state) {
  storage.scan(keys::kRecordPrefix, {}, [&](BytesView key, BytesView value) {
    auto record = archive_decode<CanisterRecord>(value);
    if (!record) broken("a canister's record");
    canisters_.emplace_back(key.substr(keys::kRecordPrefix.size()));
    state.canisters.emplace(canisters_.back(), std::move(*record));
    return true;
  });
}

void Persistence::load_transactions(const Storage& storage, State& state) {
  storage.scan(keys::kTransactionsPrefix, {}, [&](BytesView key, BytesView value) {
    const auto digests = archive_decode<std::vector<Digest>>(value);
    if (!digests) broken("the last transactions");
    const Height height(number_of(key.substr(keys::kTransactionsPrefix.size())));
    for (const Digest& digest : *digests) state.transactions.add(height, digest);
    return true;
  });
}

void Persistence::load_reports(const Storage& storage, ReportWindow& window) {
  storage.scan(keys::kReportsPrefix, {}, [&](BytesView key, BytesView value) {
    BlockReports block;
    block.height = Height(number_of(key.substr(keys::kReportsPrefix.size())));
    auto stored = archive_decode<std::vector<StoredReport>>(value);
    if (!stored) broken("the reports in force");
    block.stored = std::move(*stored);
    stored_reports_.insert(block.height);
    window.push(std::move(block));
    return true;
  });
}

void Persistence::put(const Bytes& key, Bytes value) {
  if (!tree_.set(key, value)) return;
  note_change(key, value);
  batch_.put(key, std::move(value));
}

void Persistence::remove(const Bytes& key) {
  if (tree_.remove(key)) batch_.remove(key);
}

void Persistence::note_change(const Bytes& key, BytesView value) {
  Changes& changes = changes_.back();
  ++changes.count;
  if (changes.count > kChangesShown) return;
  if (!changes.text.empty()) changes.text += ", ";
  changes.text += keys::readable(key) + "=" + sha256(value).short_hex();
}

std::string Persistence::changed_at(Height height) const {
  for (const Changes& changes : changes_) {
    if (changes.height != height) continue;
    const uint64_t more = changes.count - std::min<uint64_t>(changes.count, kChangesShown);
    return more == 0 ? changes.text : changes.text + " and " + std::to_string(more) + " more";
  }
  return {};
}

void Persistence::stage_connection(const ConnectionSlot& slot) {
  const ConnectionId id = slot.record.id;
  const Bytes arguments = keys::arguments(id);
  if (!tree_.contains(arguments)) put(arguments, archive_encode(slot.record.arguments));
  put(keys::connection(id), archive_encode(slot.record));
  put(keys::head(id), archive_encode(slot.record.transcript_head()));
  stage_outbox(id, slot.outbox);
}

void Persistence::stage_outbox(ConnectionId id, const Outbox& outbox) {
  const auto known = outboxes_.find(id);
  std::optional<Stored> stored;
  if (known != outboxes_.end()) stored = known->second;
  const bool empty = outbox.messages.empty();
  if (stored) {
    const SendSequence kept = empty ? stored->last.next() : outbox.messages.front().sequence;
    for (SendSequence at = stored->first; at < kept && at <= stored->last; at = at.next()) {
      remove(keys::outbox(id, at));
    }
  }
  if (empty) {
    outboxes_.erase(id);
    return;
  }
  const SendSequence first = outbox.messages.front().sequence;
  const uint64_t known_count = stored && stored->last >= first ? stored->last.value - first.value + 1 : 0;
  for (auto it = outbox.messages.begin() + static_cast<ptrdiff_t>(known_count); it != outbox.messages.end();
       ++it) {
    put(keys::outbox(id, it->sequence), archive_encode(*it));
  }
  outboxes_[id] = Stored{first, outbox.messages.back().sequence};
}

void Persistence::stage_transactions(State& state, const ClusterParams& params) {
  const RecentTransactions::Block* newest = state.transactions.newest();
  const Height now = state.global.height;
  if (newest != nullptr && newest->height == now)
    put(keys::transactions(now), archive_encode(newest->transactions));
  // As they are asked for in the next block.
  if (now.value + 1 < params.transaction_memory_blocks) return;
  const Height oldest(now.value + 2 - params.transaction_memory_blocks);
  for (const Height height : state.transactions.forget_before(oldest)) remove(keys::transactions(height));
}

void Persistence::prune_entries(const Journal& journal, uint32_t entries_kept) {
  for (const auto& [key, value] : journal.written()) {
    const size_t sequence_at = key.size() - 8;
    const uint64_t sequence = number_of(BytesView(key).substr(sequence_at));
    if (sequence > entries_kept)
      batch_.remove(key.substr(0, sequence_at) + keys::number(sequence - entries_kept));
  }
}

void Persistence::remove_deleted(const State& state) {
  for (const std::string& id : canisters_) {
    if (state.canisters.contains(id)) continue;
    for (const Bytes& key : {keys::canister(id), keys::record(id)}) {
      remove(key);
    }
  }
  canisters_.clear();
  for (const auto& [id, record] : state.canisters) canisters_.push_back(id);
}

void Persistence::remove_connection(const Forgotten& forgotten, uint32_t entries_kept) {
  const ConnectionId id = forgotten.connection;
  stage_outbox(id, Outbox{});
  for (const Bytes& key : {keys::connection(id), keys::arguments(id), keys::head(id)}) remove(key);
  const uint64_t last = forgotten.last_entry.value;
  for (uint64_t sequence = last > entries_kept ? last - entries_kept + 1 : 1; sequence <= last; ++sequence) {
    batch_.remove(keys::transcript(id, EntrySequence(sequence)));
  }
}

void Persistence::begin(Height height) {
  changes_.push_back(Changes{height, 0, {}});
  if (changes_.size() > kChangesKept) changes_.pop_front();
}

Digest Persistence::stage(State& state, const std::map<std::string, Bytes>& canisters, const Journal& journal,
                          const std::vector<Forgotten>& forgotten, const AppHashes& hashes,
                          const ClusterParams& params) {
  for (const ConnectionId id : state.connections.take_changed()) stage_connection(state.connections.at(id));
  for (const auto& [id, bytes] : canisters) put(keys::canister(id), bytes);
  remove_deleted(state);
  for (const auto& [id, record] : state.canisters) put(keys::record(id), archive_encode(record));
  stage_transactions(state, params);
  put(keys::kGlobal, archive_encode(state.global));
  put(keys::kMembers, archive_encode(state.members));
  put(keys::kAppHashes, archive_encode(hashes));
  for (const auto& [key, value] : journal.written()) batch_.put(key, value);
  prune_entries(journal, params.transcript_entries_kept);
  for (const Forgotten& one : forgotten) remove_connection(one, params.transcript_entries_kept);
  const Digest root = tree_.root();
  batch_.put(keys::kStateHash, Bytes(root.view()));
  return root;
}

void Persistence::stage_reports(const BlockReports& block, Height oldest_in_force) {
  put(keys::reports(block.height), archive_encode(block.stored));
  stored_reports_.insert(block.height);
  while (!stored_reports_.empty() && *stored_reports_.begin() < oldest_in_force) {
    remove(keys::reports(*stored_reports_.begin()));
    stored_reports_.erase(stored_reports_.begin());
  }
}

void Persistence::stage_set_change(const SignedSetChange& change) {
  put(keys::set_change(change.change.version), archive_encode(change));
}

}  // namespace icws::replica
