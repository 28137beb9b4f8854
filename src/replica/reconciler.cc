#include "replica/reconciler.h"

#include <algorithm>
#include <set>

#include "agreement/latest_values.h"
#include "agreement/report_codec.h"
#include "replica/connection_transform.h"
#include "replica/keys.h"
#include "replica/open_check.h"

namespace icws::replica {
namespace {

using agreement::MemberStatus;

// Of one report's section, so that many connections have a turn.
constexpr size_t kSectionShareBytesMin = 2 * 1024;
static_assert(kSectionShareBytesMin >= agreement::kSectionBytesMax + agreement::kValueKeyBytesMax +
                                           agreement::kValueBytesMax + agreement::kValueOverheadBytes);

bool active(const Connection& record) {
  return record.phase == RecordPhase::Active && record.agreement.phase != agreement::Phase::Ended;
}

ConnectionId id_of(BytesView key) {
  uint64_t value = 0;
  for (const char c : key.substr(keys::kLocalPrefix.size())) value = value << 8 | static_cast<uint8_t>(c);
  return ConnectionId(value);
}

// An upper bound of a section's encoded size, close enough that thousands of idle ones fit into a report.
size_t section_bytes(const agreement::Section& section) {
  // Connection, epoch, status, the highest send and the frame around it all.
  size_t bytes = 40;
  if (section.opened) bytes += 36;
  if (section.ending) bytes += 12 + section.ending->reason.size();
  bytes += section.heads.size() * agreement::kHeadBytesMax;
  // As FeedLog::list counts: digest, index and copy of each item, each key once, and the two lists' frames.
  std::set<agreement::KeyHash> keys;
  for (const agreement::FeedItem& item : section.items) keys.insert(item.content.key);
  for (const agreement::LatestValue& value : section.values) {
    bytes += value.key.size() + value.value.size() + agreement::kValueOverheadBytes;
  }
  return bytes + section.items.size() * (32 + 2 + 2) + keys.size() * 16 + 8;
}

// Where the turns of a height start. A step of one would leave those just passed without a turn until it has
// gone all the way round; multiples of the golden ratio fall evenly into the ring, however many sections fit
// into one report.
size_t first_turn(Height height, size_t connections) {
  const auto fraction = static_cast<uint32_t>(height.value * 2'654'435'769u);
  return static_cast<size_t>(uint64_t{fraction} * connections >> 32);
}

}  // namespace

Reconciler::Reconciler(const ClusterParams& params, ReplicaIndex self, const CodeLibrary& library)
    : params_(params), library_(library), self_(self) {}

void Reconciler::load(const Storage& storage, const State& state) {
  storage.scan(keys::kLocalPrefix, {}, [&](BytesView key, BytesView value) {
    auto record = archive_decode<LocalRecord>(value);
    if (!record) return true;
    // What was in the outbox was not saved a second time; the next block may free it there.
    const auto slot = state.connections.find(id_of(key));
    if (slot != state.connections.end()) record->sends.gather(slot->second.outbox);
    loaded_.emplace(id_of(key), std::move(*record));
    return true;
  });
}

bool Reconciler::takes_part(const State& state, const Connection& record) const {
  if (state.members.at(state.global.height.next()).find(self_) == nullptr) return false;
  if (record.arguments.mode == Mode::Delegated) {
    return agreement::delegated_owner(record.id, record.agreement.epoch, record.agreement.committee) == self_;
  }
  return std::ranges::binary_search(record.agreement.committee, self_);
}

uint32_t Reconciler::place_of(const Connection& record) const {
  const std::vector<ReplicaIndex>& committee = record.agreement.committee;
  return static_cast<uint32_t>(std::ranges::lower_bound(committee, self_) - committee.begin());
}

const LocalConnection* Reconciler::find(ConnectionId id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second.local;
}

void Reconciler::restore(const State& state, LocalTime now) {
  for (auto& [id, record] : std::exchange(loaded_, {})) {
    const auto slot = state.connections.find(id);
    const bool current = slot != state.connections.end() && active(slot->second.record) &&
                         slot->second.record.agreement.epoch == record.epoch;
    if (!current) {
      forgotten_.push_back(id);
      continue;
    }
    Bytes saved = archive_encode(record);
    Entry entry{LocalConnection(slot->second.record, std::move(record), now, params_.agreement.absorb,
                                make_transform(slot->second.record, library_, params_)),
                false,
                0,
                {},
                std::move(saved)};
    entries_.emplace(id, std::move(entry));
  }
}

void Reconciler::on_event(const State& state, AdapterEvent event, LocalTime now) {
  restore(state, now);
  if (std::holds_alternative<AdapterDown>(event)) {
    adapter_up_ = false;
    early_.clear();
    return;
  }
  if (!at_head_) {
    early_.push_back(std::move(event));
    return;
  }
  if (const auto* up = std::get_if<AdapterUp>(&event)) return on_up(state, *up, now);
  const SocketKey key = std::holds_alternative<SocketEvent>(event) ? std::get<SocketEvent>(event).key
                                                                   : std::get<SendProgress>(event).key;
  const auto entry = entries_.find(key.connection);
  const auto slot = state.connections.find(key.connection);
  if (entry == entries_.end() || slot == state.connections.end() || entry->second.local.key() != key) return;
  if (auto* socket = std::get_if<SocketEvent>(&event)) {
    const uint64_t largest = largest_message_bytes(slot->second.record.arguments, params_);
    entry->second.local.on_event(std::move(*socket), largest, now);
  } else {
    entry->second.local.on_progress(std::get<SendProgress>(event).sent_up_to);
  }
}

void Reconciler::on_up(const State& state, const AdapterUp& up, LocalTime now) {
  adapter_up_ = true;
  for (auto& [id, entry] : entries_) {
    const auto slot = state.connections.find(id);
    if (slot == state.connections.end()) continue;
    match_socket(slot->second.record, entry, up);
    entry.local.on_stream(params_.agreement, entry.open_told, now);
  }
  close_strangers(up);
  bring_in_line(state, Persisted::No);
}

void Reconciler::match_socket(const Connection& record, Entry& entry, const AdapterUp& up) {
  const SocketStatus* same = nullptr;
  for (const SocketStatus& socket : up.sockets) {
    if (socket.key.connection != record.id || socket.key.epoch != entry.local.epoch()) continue;
    if (same == nullptr || same->key.attempt < socket.key.attempt) same = &socket;
  }
  const bool known = same != nullptr && same->key == entry.local.key();
  // A replica that lost its own state takes over what the adapter kept for it.
  if (same != nullptr && !known && entry.local.fresh() && same->key.attempt > entry.local.key().attempt) {
    entry.local.adopt(record, *same, place_of(record));
  } else if (known && (entry.local.fresh() || same->acknowledged > entry.local.acknowledgement().event)) {
    entry.local.adopt(record, *same, place_of(record));
  } else if (!known) {
    // A socket of which nothing came yet can be opened again as if for the first time.
    if (!entry.local.fresh()) entry.local.on_lost();
    entry.open_told = false;
    entry.accepted_send = 0;
    return;
  }
  entry.open_told = true;
  entry.accepted_send = same->accepted_send;
  entry.acknowledged = same->acknowledged;
}

void Reconciler::close_strangers(const AdapterUp& up) {
  for (const SocketStatus& socket : up.sockets) {
    const auto entry = entries_.find(socket.key.connection);
    if (entry != entries_.end() && entry->second.local.key() == socket.key) continue;
    commands_.push_back(CloseCommand{socket.key, 1000, {}});
  }
}

LocalProgress Reconciler::advance(const State& state, const std::vector<AgreedStep>& steps, LocalTime now) {
  restore(state, now);
  LocalProgress all;
  static const std::vector<agreement::SettledContent> kNone;
  auto step = steps.begin();
  // Also those without a step: their own timers run on.
  for (auto& [id, entry] : entries_) {
    const auto slot = state.connections.find(id);
    if (slot == state.connections.end()) continue;
    const Connection& record = slot->second.record;
    while (step != steps.end() && step->connection < id) ++step;
    const bool stepped = step != steps.end() && step->connection == id;
    const Epoch epoch = stepped ? step->epoch : record.agreement.epoch;
    if (entry.local.epoch() != epoch || (!stepped && !active(record))) continue;
    // Also of blocks that this replica only catches up with: what the others have written and freed
    // meanwhile, its own socket has not.
    keep_sends(slot->second, entry);
    const agreement::Context context =
        context_for(slot->second, params_, state.global.height, state.global.now);
    LocalProgress one = entry.local.advance(record, stepped ? step->settled : kNone, now, params_.agreement,
                                            context.inbox_has_room);
    all.received.insert(all.received.end(), one.received.begin(), one.received.end());
    all.absorbed += one.absorbed;
    all.dropped += one.dropped;
  }
  // Until this replica has taken part again, its state may be behind the sockets'.
  at_head_ = false;
  return all;
}

uint64_t Reconciler::reconcile(const State& state, const ReportWindow& window, LocalTime now) {
  restore(state, now);
  at_head_ = true;
  last_block_ = now;
  drop_ended(state);
  for (const auto& [id, slot] : state.connections) {
    if (!active(slot.record) || !takes_part(state, slot.record)) continue;
    if (entries_.contains(id)) continue;
    LocalConnection local(slot.record, make_transform(slot.record, library_, params_));
    entries_.emplace(id, Entry{std::move(local), false, 0, {}, {}});
  }
  // Whatever the adapter said in the meantime comes first: it may know sockets that this replica has
  // forgotten.
  while (!early_.empty()) {
    AdapterEvent event = std::move(early_.front());
    early_.pop_front();
    on_event(state, std::move(event), now);
  }
  const uint64_t given_up = observe(state, window, now);
  bring_in_line(state, Persisted::WithThisBlock);
  return given_up;
}

uint64_t Reconciler::observe(const State& state, const ReportWindow& window, LocalTime now) {
  const Global& global = state.global;
  uint64_t given_up = 0;
  for (auto& [id, entry] : entries_) {
    const ConnectionSlot& slot = state.connections.at(id);
    const Connection& record = slot.record;
    if (record.arguments.mode == Mode::Ordered || record.arguments.mode == Mode::Delegated) continue;
    const std::vector<ReplicaIndex>& committee = record.agreement.committee;
    const agreement::View view = window.view(id, record.agreement.epoch, committee, global.height);
    const bool room = context_for(slot, params_, global.height, global.now).inbox_has_room;
    given_up += entry.local.observe(record, Outlook{view, place_of(record), room, now}, global.now,
                                    params_.agreement);
  }
  return given_up;
}

void Reconciler::bring_in_line(const State& state, Persisted persisted) {
  for (const auto& [id, slot] : state.connections) {
    const auto entry = entries_.find(id);
    if (entry == entries_.end() || !active(slot.record)) continue;
    // Between a block and its commit the state may be an epoch ahead.
    if (entry->second.local.epoch() == slot.record.agreement.epoch) {
      reconcile_one(state.global, slot, entry->second, persisted);
    }
  }
}

void Reconciler::drop_ended(const State& state) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto slot = state.connections.find(it->first);
    const bool known = slot != state.connections.end();
    if (known && active(slot->second.record) && takes_part(state, slot->second.record) &&
        slot->second.record.agreement.epoch == it->second.local.epoch()) {
      ++it;
      continue;
    }
    if (known) {
      tell_close(it->second.local.key(), slot->second.record.close_code, slot->second.record.close_reason);
    } else {
      tell_close(it->second.local.key(), 1000, {});
    }
    forgotten_.push_back(it->first);
    it = entries_.erase(it);
  }
}

void Reconciler::keep_sends(const ConnectionSlot& slot, Entry& entry) const {
  entry.local.take_sends(slot.record, slot.outbox, place_of(slot.record));
  // A replica whose adapter writes nothing for so long cannot keep every copy: its socket is given up.
  if (entry.local.unsent_bytes() > 2 * uint64_t{params_.outbox_bytes_max}) entry.local.on_lost();
}

void Reconciler::reconcile_one(const Global& global, const ConnectionSlot& slot, Entry& entry,
                               Persisted persisted) {
  const Connection& record = slot.record;
  // A number must be on disk before the adapter hears it, for after a crash another message might get it.
  if (persisted == Persisted::WithThisBlock) keep_sends(slot, entry);
  if (!adapter_up_) return;
  if (!entry.local.wants_socket()) {
    const bool reopens = persisted == Persisted::WithThisBlock && entry.local.reopen_due(record, global.now);
    if (entry.open_told && (reopens || entry.local.drained())) {
      tell_close(entry.local.key(), entry.local.close_code(), {});
      entry.open_told = false;
    }
    if (!reopens) return;
    entry.local.begin_attempt(record);
    entry.accepted_send = 0;
    entry.acknowledged = EventSequence(0);
    keep_sends(slot, entry);
  }
  if (!entry.open_told) tell_open(record, entry);
  for (SendCommand& send : entry.local.sends_after(record, entry.accepted_send)) {
    entry.accepted_send = send.sequence;
    commands_.push_back(std::move(send));
  }
  if (persisted == Persisted::No) return;
  const AcknowledgeCommand acknowledgement = entry.local.acknowledgement();
  if (acknowledgement.event > entry.acknowledged) {
    entry.acknowledged = acknowledgement.event;
    commands_.push_back(acknowledgement);
  }
}

void Reconciler::tell_close(const SocketKey& key, uint16_t code, const std::string& reason) {
  if (adapter_up_) commands_.push_back(CloseCommand{key, code, reason});
}

void Reconciler::tell_open(const Connection& record, Entry& entry) {
  const OpenArguments& arguments = record.arguments;
  OpenCommand open;
  open.key = entry.local.key();
  open.url = arguments.url;
  open.headers = arguments.headers;
  open.subprotocols = arguments.subprotocols;
  open.response_headers = arguments.response_headers;
  // With a transform only the transformed size counts, which this replica measures itself.
  open.message_bytes_max =
      arguments.transform.changes() ? params_.message_bytes_max : largest_message_bytes(arguments, params_);
  open.compression = arguments.compression;
  open.canister = record.canister;
  entry.open_told = true;
  commands_.push_back(std::move(open));
}

std::vector<Bytes> Reconciler::batches(const State& state) const {
  std::vector<Bytes> out;
  for (const auto& [id, entry] : entries_) {
    const auto slot = state.connections.find(id);
    if (slot == state.connections.end()) continue;
    const Connection& record = slot->second.record;
    const bool owned = record.arguments.mode == Mode::Delegated && active(record) &&
                       entry.local.epoch() == record.agreement.epoch;
    if (!owned) continue;
    const agreement::Context context =
        context_for(slot->second, params_, state.global.height.next(), state.global.now);
    auto batch = entry.local.batch(record, state.global.now, params_.batch_bytes_max, context.inbox_bytes);
    if (batch) out.push_back(std::move(*batch));
  }
  return out;
}

void Reconciler::tick(const State& state, LocalTime now) {
  if (!last_block_) return;
  for (auto& [id, entry] : entries_) {
    const auto slot = state.connections.find(id);
    if (slot == state.connections.end() || slot->second.record.arguments.mode != Mode::Delegated) continue;
    const Milliseconds lease = slot->second.record.agreement.delegated.settings.timeout / 2;
    if (now - *last_block_ < lease || !entry.local.wants_socket()) continue;
    entry.local.on_lease_over();
    if (!entry.open_told) continue;
    tell_close(entry.local.key(), entry.local.close_code(), {});
    entry.open_told = false;
  }
}

void Reconciler::save(const State& state, WriteBatch& batch, LocalTime now) {
  for (const ConnectionId id : std::exchange(forgotten_, {})) {
    if (!entries_.contains(id)) batch.remove(keys::local(id));
  }
  for (auto& [id, entry] : entries_) {
    const auto slot = state.connections.find(id);
    if (slot == state.connections.end()) continue;
    Bytes bytes = archive_encode(entry.local.save(slot->second.record, now));
    if (bytes == entry.saved) continue;
    entry.saved = bytes;
    batch.put(keys::local(id), std::move(bytes));
  }
}

std::vector<agreement::Section> Reconciler::sections(const State& state, Height height, size_t bytes_max,
                                                     LocalTime now) {
  restore(state, now);
  std::vector<ConnectionId> turn;
  for (const auto& [id, slot] : state.connections) {
    // An owner speaks by its batches.
    if (slot.record.arguments.mode == Mode::Delegated) continue;
    if (active(slot.record) && entries_.contains(id) &&
        entries_.at(id).local.epoch() == slot.record.agreement.epoch) {
      turn.push_back(id);
    }
  }
  std::vector<agreement::Section> out;
  if (turn.empty()) return out;
  std::ranges::rotate(turn, turn.begin() + static_cast<ptrdiff_t>(first_turn(height, turn.size())));
  size_t left = bytes_max;
  for (size_t i = 0; i < turn.size(); ++i) {
    if (left < agreement::kSectionBytesMax) break;
    const size_t share = std::max(left / (turn.size() - i), kSectionShareBytesMin);
    const size_t room = std::min(left, share) - agreement::kSectionBytesMax;
    agreement::Section section =
        entries_.at(turn[i]).local.section(state.connections.at(turn[i]).record, params_.agreement,
                                           SectionRequest{height, room, adapter_up_, now});
    const size_t bytes = section_bytes(section);
    if (bytes > left) break;
    left -= bytes;
    out.push_back(std::move(section));
  }
  std::ranges::sort(out, {}, &agreement::Section::connection);
  return out;
}

}  // namespace icws::replica
