#include "replica/persistence.h"

#include <stdexcept>

#include "replica/keys.h"

namespace icws::replica {
namespace {

// A report of height h is used at h+1 and names the hash after h-1.
constexpr size_t kAppHashesKept = 8;

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
    auto entry = transcript::decode(value);
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

void load_connections(const Storage& storage, State& state, LeafHashes& leaves) {
  storage.scan(keys::kConnectionPrefix, {}, [&](BytesView key, BytesView value) {
    auto record = archive_decode<Connection>(value);
    if (!record) broken("a connection");
    leaves.set(key, value);
    state.connections[record->id].record = std::move(*record);
    return true;
  });
  storage.scan(keys::kOutboxPrefix, {}, [&](BytesView key, BytesView value) {
    auto outbox = archive_decode<Outbox>(value);
    const auto slot = state.connections.find(ConnectionId(number_of(key.substr(keys::kOutboxPrefix.size()))));
    if (!outbox || slot == state.connections.end()) broken("an outbox");
    leaves.set(key, value);
    slot->second.outbox = std::move(*outbox);
    return true;
  });
  for (auto& [id, slot] : state.connections) {
    load_inbox(storage, slot);
    if (slot.record.paid_until) state.time_due.emplace(*slot.record.paid_until, id);
  }
}

void load_canisters(const Storage& storage, State& state, LeafHashes& leaves) {
  storage.scan(keys::kRecordPrefix, {}, [&](BytesView key, BytesView value) {
    auto record = archive_decode<CanisterRecord>(value);
    if (!record) broken("a canister's record");
    leaves.set(key, value);
    state.canisters.emplace(key.substr(keys::kRecordPrefix.size()), std::move(*record));
    return true;
  });
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
  const auto global = storage.get(keys::kGlobal);
  if (!global) return false;
  auto decoded = archive_decode<Global>(*global);
  const auto stored_hashes = storage.get(keys::kAppHashes);
  auto decoded_hashes = stored_hashes ? archive_decode<AppHashes>(*stored_hashes) : std::nullopt;
  if (!decoded || !decoded_hashes) broken("the block header");
  state.global = std::move(*decoded);
  hashes = std::move(*decoded_hashes);
  leaves_.set(keys::kGlobal, *global);
  load_connections(storage, state, leaves_);
  load_canisters(storage, state, leaves_);
  storage.scan(keys::kCanisterPrefix, {}, [&](BytesView key, BytesView value) {
    leaves_.set(key, value);
    return true;
  });
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
  if (hashes.after(state.global.height) != leaves_.root()) broken("the app hash does not fit the state");
  return true;
}

void Persistence::put(const Bytes& key, Bytes value) {
  if (leaves_.set(key, value)) batch_.put(key, std::move(value));
}

void Persistence::stage_connection(const ConnectionSlot& slot) {
  const ConnectionId id = slot.record.id;
  if (quiet_.contains(id)) return;
  put(keys::connection(id), archive_encode(slot.record));
  const Bytes outbox = keys::outbox(id);
  if (!slot.outbox.messages.empty()) {
    put(outbox, archive_encode(slot.outbox));
  } else if (leaves_.remove(outbox)) {
    batch_.remove(outbox);
  }
  if (slot.record.phase == RecordPhase::Closed && slot.inbox.empty()) quiet_.insert(id);
}

void Persistence::prune_entries(const Journal& journal, uint32_t entries_kept) {
  for (const auto& [key, value] : journal.written()) {
    const size_t sequence_at = key.size() - 8;
    const uint64_t sequence = number_of(BytesView(key).substr(sequence_at));
    if (sequence > entries_kept)
      batch_.remove(key.substr(0, sequence_at) + keys::number(sequence - entries_kept));
  }
}

void Persistence::remove_connection(const Forgotten& forgotten, uint32_t entries_kept) {
  const ConnectionId id = forgotten.connection;
  quiet_.erase(id);
  for (const Bytes& key : {keys::connection(id), keys::outbox(id)}) {
    if (leaves_.remove(key)) batch_.remove(key);
  }
  const uint64_t last = forgotten.last_entry.value;
  for (uint64_t sequence = last > entries_kept ? last - entries_kept + 1 : 1; sequence <= last; ++sequence) {
    batch_.remove(keys::transcript(id, EntrySequence(sequence)));
  }
}

Digest Persistence::stage(const State& state, const std::map<std::string, Bytes>& canisters,
                          const Journal& journal, const std::vector<Forgotten>& forgotten,
                          uint32_t entries_kept) {
  for (const auto& [id, slot] : state.connections) stage_connection(slot);
  for (const auto& [id, bytes] : canisters) put(keys::canister(id), bytes);
  for (const auto& [id, record] : state.canisters) put(keys::record(id), archive_encode(record));
  put(keys::kGlobal, archive_encode(state.global));
  for (const auto& [key, value] : journal.written()) batch_.put(key, value);
  prune_entries(journal, entries_kept);
  for (const Forgotten& one : forgotten) remove_connection(one, entries_kept);
  return leaves_.root();
}

void Persistence::stage_reports(const BlockReports& block, Height oldest_in_force) {
  batch_.put(keys::reports(block.height), archive_encode(block.stored));
  stored_reports_.insert(block.height);
  while (!stored_reports_.empty() && *stored_reports_.begin() < oldest_in_force) {
    batch_.remove(keys::reports(*stored_reports_.begin()));
    stored_reports_.erase(stored_reports_.begin());
  }
}

void Persistence::stage_hashes(const AppHashes& hashes) {
  batch_.put(keys::kAppHashes, archive_encode(hashes));
}

}  // namespace icws::replica
