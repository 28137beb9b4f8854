#include "replica/canister_runtime.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "replica/canister_context.h"
#include "replica/closing.h"
#include "replica/management.h"
#include "replica/trap.h"

namespace icws::replica {
namespace {

using transcript::Closed;
using transcript::Entry;
using transcript::Gap;
using transcript::Message;
using transcript::Opened;
using transcript::Sent;
using transcript::TransformFailure;

bool is_data(const Entry& entry) {
  return !std::holds_alternative<Opened>(entry.what) && !std::holds_alternative<Closed>(entry.what);
}

DataEntry data_entry(const Entry& entry) {
  DataEntry out;
  out.sequence = entry.sequence;
  if (const auto* message = std::get_if<Message>(&entry.what)) {
    out.kind =
        message->kind == transcript::ContentKind::Text ? DataEntry::Kind::Text : DataEntry::Kind::Binary;
    out.content = message->content;
    out.key = message->key;
    out.part = message->part;
    out.parts = message->parts;
  } else if (const auto* reading = std::get_if<transcript::Reading>(&entry.what)) {
    out.kind = DataEntry::Kind::Reading;
    out.content = reading->median;
    out.key = reading->key;
    out.responses = reading->responses;
    out.members = reading->members;
    out.skipped = reading->skipped;
    out.values = reading->values;
  } else if (const auto* failure = std::get_if<TransformFailure>(&entry.what)) {
    out.kind = DataEntry::Kind::TransformFailed;
    out.fault = failure->fault;
  } else if (const auto* handover = std::get_if<transcript::Handover>(&entry.what)) {
    out.kind = DataEntry::Kind::Handover;
    out.handover = *handover;
  } else if (const auto* gap = std::get_if<Gap>(&entry.what)) {
    out.kind = DataEntry::Kind::Gap;
    out.key = gap->key_hash;
    out.gap_count = gap->count;
    out.gap_dropped = gap->dropped;
  } else {
    const auto& sent = std::get<Sent>(entry.what);
    out.kind = DataEntry::Kind::Receipt;
    out.first_sent = sent.first;
    out.last_sent = sent.last;
    out.writers = sent.writers;
  }
  return out;
}

OpenedCall opened_call(const Connection& record, const Entry& entry) {
  const auto& opened = std::get<Opened>(entry.what);
  OpenedCall out{record.id, entry.epoch, entry.sequence, opened.subprotocol, {}};
  for (const transcript::ResponseHeader& header : opened.headers)
    out.headers.push_back({header.name, header.value});
  out.owner = opened.owner;
  return out;
}

ClosedCall closed_call(const Connection& record, const Entry& entry) {
  const auto& closed = std::get<Closed>(entry.what);
  ClosedCall out;
  out.connection = record.id;
  out.sequence = entry.sequence;
  out.code = closed.code;
  out.reason = closed.reason;
  out.cause = closed.cause;
  out.message = std::string(transcript::cause_text(closed.cause));
  out.was_open = closed.was_open;
  out.reconnecting = closed.reconnecting;
  return out;
}

}  // namespace

CanisterRuntime::CanisterRuntime(std::vector<CanisterSet::Installed> canisters, const CodeLibrary& library,
                                 const ClusterParams& params, const ReportWindow& window)
    : library_(library), params_(params), window_(window) {
  for (CanisterSet::Installed& installed : canisters) {
    if (installed.id.empty() || installed.id.size() > kCanisterIdBytesMax ||
        installed.id == kManagementCanister) {
      throw std::runtime_error("canister " + installed.id +
                               " has an id of 0 or more than 29 bytes, or the service's");
    }
    Slot slot{
        installed.code.empty() ? installed.id : installed.code, std::move(installed.canister), {}, true};
    slot.saved = slot.canister->save();
    if (!canisters_.emplace(installed.id, std::move(slot)).second) {
      throw std::runtime_error("canister " + installed.id + " is installed twice");
    }
  }
}

void CanisterRuntime::install(State& state) const {
  for (const auto& [id, slot] : canisters_) {
    CanisterRecord& record = state.canisters[id];
    record.code = slot.code;
    record.account.balance = params_.initial_cycles;
  }
}

void CanisterRuntime::load(const State& state,
                           const std::function<std::optional<Bytes>(const std::string& id)>& saved) {
  std::map<std::string, Slot, std::less<>> before = std::exchange(canisters_, {});
  for (const auto& [id, record] : state.canisters) {
    Slot slot{record.code, nullptr, {}};
    const auto old = before.find(id);
    const CanisterCode* code = library_.find(record.code);
    if (old != before.end() && old->second.code == record.code) {
      slot.canister = std::move(old->second.canister);
    } else if (code != nullptr) {
      slot.canister = code->make();
    } else {
      throw std::runtime_error("canister " + id + " runs the code " + record.code +
                               ", which this build or its options do not have: start it with that code");
    }
    auto bytes = saved(id);
    if (!bytes) throw std::runtime_error("the state of canister " + id + " is missing");
    slot.canister->load(*bytes);
    slot.saved = std::move(*bytes);
    slot.changed = false;
    canisters_.emplace(id, std::move(slot));
  }
}

bool CanisterRuntime::guarded(State& state, Journal& journal, const std::string& id,
                              const std::function<void(Canister&, CanisterContext&)>& callback,
                              std::string& failure) {
  Slot& slot = canisters_.at(id);
  EffectContext context(state, journal, window_, params_, library_, id);
  const std::optional<std::string> trap = trap_of([&] {
    callback(*slot.canister, context);
    Bytes saved = slot.canister->save();
    slot.changed |= saved != slot.saved;
    slot.saved = std::move(saved);
  });
  if (!trap) {
    context.apply();
    return true;
  }
  failure = *trap;
  slot.canister->load(slot.saved);
  ++traps_;
  return false;
}

void CanisterRuntime::deliver(State& state, Journal& journal) {
  uint64_t budget = params_.delivery_bytes_per_block_max;
  // A callback may open connections: their entries come with a later block, so the ids of now are enough.
  const std::set<ConnectionId>& undelivered = state.connections.undelivered();
  std::vector<ConnectionId> ids(undelivered.begin(), undelivered.end());
  // By turns: else the first connections could use up the budget of every block.
  if (!ids.empty()) {
    std::ranges::rotate(ids, ids.begin() + static_cast<ptrdiff_t>(journal.height().value % ids.size()));
  }
  for (const ConnectionId id : ids) {
    if (budget == 0) break;
    ConnectionSlot& slot = state.connections.change(id);
    while (!slot.inbox.empty() && budget > 0) {
      const uint64_t used = deliver_connection(state, journal, slot, budget);
      budget -= std::min(budget, used);
    }
  }
}

uint64_t CanisterRuntime::deliver_connection(State& state, Journal& journal, ConnectionSlot& slot,
                                             uint64_t budget) {
  Connection& record = slot.record;
  // Consumed before the call: an entry that makes the canister trap is not delivered again.
  std::vector<Entry> batch;
  uint64_t bytes = 0;
  do {
    InboxEntry next = std::move(slot.inbox.front());
    slot.inbox.pop_front();
    bytes += next.bytes;
    record.inbox_bytes -= next.bytes;
    record.delivered = next.entry.sequence;
    batch.push_back(std::move(next.entry));
  } while (is_data(batch.back()) && !slot.inbox.empty() && is_data(slot.inbox.front().entry) &&
           bytes < budget);

  std::string failure;
  const bool ok = guarded(
      state, journal, record.canister,
      [&](Canister& canister, CanisterContext& context) {
        const Entry& first = batch.front();
        if (std::holds_alternative<Opened>(first.what))
          return canister.ws_opened(context, opened_call(record, first));
        if (std::holds_alternative<Closed>(first.what))
          return canister.ws_closed(context, closed_call(record, first));
        DataCall call{record.id, journal.time(), {}};
        for (const Entry& entry : batch) call.entries.push_back(data_entry(entry));
        canister.ws_data(context, call);
      },
      failure);
  note_result(state, slot, journal, ok);
  return bytes;
}

void CanisterRuntime::note_result(State& state, ConnectionSlot& slot, Journal& journal, bool ok) {
  Connection& record = slot.record;
  if (ok) {
    record.traps_in_a_row = 0;
    return;
  }
  ++record.traps_in_a_row;
  if (record.traps_in_a_row < params_.traps_in_a_row_max || record.phase == RecordPhase::Closed) return;
  close_connection(state, slot, journal, end_for(record, transcript::Cause::Canister), {}, params_);
}

TransactionResult CanisterRuntime::run(State& state, Journal& journal, const UserCall& call) {
  if (call.canister == kManagementCanister) return manage(state, journal, call);
  const auto record = state.canisters.find(call.canister);
  if (record == state.canisters.end()) return {false, "there is no canister " + call.canister};
  if (record->second.phase != CanisterPhase::Running) {
    return {false, "the canister " + call.canister + " is stopped; start it first"};
  }
  TransactionResult result;
  std::string failure;
  result.ok = guarded(
      state, journal, call.canister,
      [&](Canister& canister, CanisterContext& context) {
        result.reply = canister.call(context, call.method, call.arguments);
      },
      failure);
  if (!result.ok) result.reply = failure;
  return result;
}

std::expected<Bytes, Reject> CanisterRuntime::query(std::string_view id, std::string_view method,
                                                    BytesView arguments) const {
  const auto slot = canisters_.find(id);
  if (slot == canisters_.end()) {
    return std::unexpected(Reject{RejectCode::NotFound, "there is no canister " + std::string(id)});
  }
  Bytes reply;
  auto trap = trap_of([&] { reply = slot->second.canister->query(method, arguments); });
  if (trap) return std::unexpected(Reject{RejectCode::InvalidArgument, std::move(*trap)});
  return reply;
}

std::map<std::string, Bytes> CanisterRuntime::take_changed() {
  std::map<std::string, Bytes> out;
  for (auto& [id, slot] : canisters_) {
    if (std::exchange(slot.changed, false)) out.emplace(id, slot.saved);
  }
  return out;
}

}  // namespace icws::replica
