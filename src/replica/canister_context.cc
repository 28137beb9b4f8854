#include "replica/canister_context.h"

#include <algorithm>
#include <stdexcept>

#include "replica/billing.h"
#include "replica/block_step.h"
#include "replica/closing.h"
#include "replica/open_check.h"

namespace icws::replica {
namespace {

std::unexpected<Reject> reject(RejectCode code, std::string message) {
  return std::unexpected(Reject{code, std::move(message)});
}

// How many members write a message.
uint32_t writer_count(Mode mode, Writers policy, bool everyone, uint32_t members) {
  if (mode == Mode::Delegated) return 1;
  const uint32_t needed = agreement::writers_needed(policy, agreement::Quorum(members));
  return needed == 0 || everyone ? members : needed;
}

std::string state_name(const Connection& record) {
  if (record.phase == RecordPhase::Waiting) return "waiting";
  if (record.phase == RecordPhase::Closed) return "closed";
  return record.agreement.phase == agreement::Phase::Opening ? "opening" : "open";
}

}  // namespace

EffectContext::EffectContext(State& state, Journal& journal, const ReportWindow& window,
                             const ClusterParams& params, const CodeLibrary& library, std::string self)
    : state_(state),
      journal_(journal),
      window_(window),
      params_(params),
      library_(library),
      self_(std::move(self)),
      last_connection_(state.global.last_connection) {}

// The first reports on what begins in this block are of the next height.
const ReplicaSet& EffectContext::committee() const { return state_.members.at(journal_.height().next()); }

std::expected<void, Reject> EffectContext::check_quota() const {
  uint32_t all = 0, own = 0;
  for (const auto& [id, slot] : state_.connections) {
    if (slot.record.phase == RecordPhase::Closed) continue;
    ++all;
    own += slot.record.canister == self_;
  }
  for (const auto& [id, pending] : pending_) {
    all += pending.opened;
    own += pending.opened;
  }
  if (own >= params_.connections_per_canister_max) {
    return reject(RejectCode::QuotaExceeded,
                  "this canister has " + std::to_string(own) +
                      " connections, its maximum; close one before opening another");
  }
  if (all >= params_.connections_max) {
    return reject(RejectCode::QuotaExceeded, "the subnet has its maximum of connections; try again later");
  }
  return {};
}

std::expected<void, Reject> EffectContext::check_funds(const Usage& price) const {
  const Cycles balance = state_.canisters.at(self_).account.balance;
  const Cycles needed = (price_ + price).cycles;
  if (needed <= balance) return {};
  return reject(RejectCode::InsufficientCycles,
                "this takes " + std::to_string(price.cycles) + " cycles, the canister has " +
                    std::to_string(balance - price_.cycles) + "; deposit some");
}

std::expected<ConnectionId, Reject> EffectContext::ws_open(const OpenArguments& arguments) {
  if (auto checked = check_open(arguments, params_, committee().quorum()); !checked)
    return std::unexpected(checked.error());
  const CanisterRecord& self = state_.canisters.at(self_);
  if (self.phase != CanisterPhase::Running) {
    return reject(RejectCode::CanisterStopped, "the canister is being stopped, and opens nothing");
  }
  const std::string& method = arguments.transform.method;
  if (!method.empty() && library_.transform(self.code, method) == nullptr) {
    return reject(RejectCode::InvalidArgument,
                  "transform.method: this canister's code has no transform " + method);
  }
  if (auto checked = check_quota(); !checked) return std::unexpected(checked.error());
  const Usage price = epoch_price(params_, members(), arguments);
  if (auto checked = check_funds(price); !checked) return std::unexpected(checked.error());
  price_ = price_ + price;
  last_connection_ = last_connection_.next();
  pending_[last_connection_].opened = true;
  pending_[last_connection_].usage = price;
  pending_[last_connection_].writers = arguments.writers;
  pending_[last_connection_].mode = arguments.mode;
  effects_.emplace_back(Open{last_connection_, arguments});
  return last_connection_;
}

std::expected<const ConnectionSlot*, Reject> EffectContext::find_open(ConnectionId id) const {
  const auto pending = pending_.find(id);
  if (pending != pending_.end() && pending->second.closed) {
    return reject(RejectCode::NotOpen, "the connection has ended");
  }
  if (pending != pending_.end() && pending->second.opened) return nullptr;
  const auto slot = state_.connections.find(id);
  if (slot == state_.connections.end() || slot->second.record.canister != self_) {
    return reject(RejectCode::NotFound, "this canister has no connection " + std::to_string(id.value));
  }
  if (slot->second.record.phase == RecordPhase::Closed) {
    return reject(RejectCode::NotOpen, "the connection has ended");
  }
  return &slot->second;
}

std::expected<SendSequence, Reject> EffectContext::ws_data(ConnectionId connection, MessageKind kind,
                                                           Bytes content) {
  const auto slot = find_open(connection);
  if (!slot) return std::unexpected(slot.error());
  if (auto checked = check_send(kind, content, params_); !checked) return std::unexpected(checked.error());
  std::vector<OutgoingMessage> one;
  one.push_back({kind, std::move(content)});
  return queue(connection, *slot, std::move(one), false);
}

std::expected<SendSequence, Reject> EffectContext::ws_resubscribe(ConnectionId connection) {
  const auto slot = find_open(connection);
  if (!slot) return std::unexpected(slot.error());
  // Its socket sends the script first as it is.
  if (*slot == nullptr)
    return reject(RejectCode::InvalidArgument, "the connection is only just being opened");
  const std::vector<OutgoingMessage>& script = (*slot)->record.arguments.script;
  if (script.empty())
    return reject(RejectCode::InvalidArgument, "the connection was opened without a script");
  return queue(connection, *slot, script, true);
}

std::expected<SendSequence, Reject> EffectContext::queue(ConnectionId connection, const ConnectionSlot* slot,
                                                         std::vector<OutgoingMessage> messages,
                                                         bool everyone) {
  Pending& pending = pending_[connection];
  uint64_t bytes = 0;
  for (const OutgoingMessage& message : messages) bytes += message.content.size() + kSendOverheadBytes;
  const uint64_t queued = (slot == nullptr ? 0 : slot->outbox.bytes) + pending.bytes;
  if (queued + bytes > params_.outbox_bytes_max) {
    return reject(RejectCode::QueueFull, "the outbox holds " + std::to_string(queued) + " bytes of at most " +
                                             std::to_string(params_.outbox_bytes_max) +
                                             "; send again after the next callback");
  }
  // A connection that was opened in this callback has no committee yet: that of an epoch that begins now.
  const auto all =
      slot == nullptr ? members() : static_cast<uint32_t>(slot->record.agreement.committee.size());
  const Mode mode = slot == nullptr ? pending.mode : slot->record.arguments.mode;
  const Writers policy = slot == nullptr ? pending.writers : slot->record.arguments.writers;
  Usage price;
  for (const OutgoingMessage& message : messages) {
    const uint32_t writers = writer_count(mode, policy, everyone, all);
    price = price + send_price(params_.price, writers, message.content.size());
  }
  if (auto checked = check_funds(price); !checked) return std::unexpected(checked.error());
  price_ = price_ + price;
  pending.usage = pending.usage + price;
  pending.bytes += bytes;
  const SendSequence last = slot == nullptr ? SendSequence(0) : slot->record.last_send;
  for (OutgoingMessage& message : messages) {
    const SendSequence sequence = last.next(++pending.sends);
    effects_.emplace_back(
        Send{connection, QueuedSend{sequence, message.kind, std::move(message.content), everyone}});
  }
  return last.next(pending.sends);
}

std::expected<void, Reject> EffectContext::ws_close(ConnectionId connection, uint16_t code,
                                                    std::string reason) {
  const auto slot = find_open(connection);
  if (!slot) return std::unexpected(slot.error());
  if (auto checked = check_close(code, reason); !checked) return std::unexpected(checked.error());
  pending_[connection].closed = true;
  effects_.emplace_back(Close{connection, code, std::move(reason)});
  return {};
}

std::expected<StatusReply, Reject> EffectContext::ws_status(ConnectionId connection) const {
  const auto slot = state_.connections.find(connection);
  if (slot == state_.connections.end()) {
    const auto pending = pending_.find(connection);
    if (pending != pending_.end() && pending->second.opened) {
      const bool closed = pending->second.closed;
      StatusReply out;
      out.state = closed ? "closed" : "opening";
      out.epoch = Epoch(1);
      out.outbox_bytes = closed ? 0 : pending->second.bytes;
      out.queued = SendSequence(pending->second.sends);
      out.replicas_needed = agreement::Quorum(members()).q();
      out.usage = pending->second.usage;
      return out;
    }
  }
  if (slot == state_.connections.end() || slot->second.record.canister != self_) {
    return reject(RejectCode::NotFound,
                  "this canister has no connection " + std::to_string(connection.value));
  }
  const Connection& record = slot->second.record;
  // As it will be if this callback ends well.
  const auto pending = pending_.find(connection);
  const bool closed = pending != pending_.end() && pending->second.closed;
  StatusReply out;
  out.state = closed ? "closed" : state_name(record);
  out.epoch = record.agreement.epoch;
  out.last_sequence = record.last_entry;
  out.outbox_bytes = slot->second.outbox.bytes;
  out.queued = record.last_send;
  out.written = record.freed_send;
  const MemberCounts members = count_members(record, window_, journal_.height());
  out.replicas_live = members.live;
  out.replicas_out = members.down;
  out.replicas_needed = record.agreement.quorum().q();
  out.messages = record.messages;
  out.gap_messages = record.gap_messages;
  out.transform_failures = record.transform_failures;
  out.bytes = record.agreed_bytes;
  out.usage = record.usage;
  if (pending != pending_.end()) {
    out.outbox_bytes += pending->second.bytes;
    out.queued = out.queued.next(pending->second.sends);
    out.usage = out.usage + pending->second.usage;
  }
  if (closed) out.outbox_bytes = 0;
  return out;
}

AccountReply EffectContext::ws_account() const {
  const Account& account = state_.canisters.at(self_).account;
  return AccountReply{account.balance - price_.cycles, account.usage + price_};
}

void EffectContext::apply() {
  for (const auto& effect : effects_) {
    std::visit([this](const auto& one) { perform(one); }, effect);
  }
}

void EffectContext::perform(const Open& open) {
  ConnectionSlot slot;
  slot.record.id = open.id;
  slot.record.canister = self_;
  slot.record.code = state_.canisters.at(self_).code;
  slot.record.arguments = open.arguments;
  slot.record.head = transcript::transcript_genesis(open.id);
  slot.record.epoch_first_send = SendSequence(1);
  slot.record.agreement = agreement::begin_epoch(
      open.id, open.arguments.mode, Epoch(1), committee().indices(), slot.record.parameters(),
      state_.global.now, open.arguments.open_timeout, open.arguments.mode_settings());
  // Checked when the canister asked for it.
  if (!begin_paid_epoch(state_, slot.record, params_)) throw std::logic_error("an open is not paid for");
  state_.connections.add(std::move(slot));
  state_.global.last_connection = open.id;
}

void EffectContext::perform(const Send& send) {
  ConnectionSlot& slot = state_.connections.change(send.id);
  const auto members = static_cast<uint32_t>(slot.record.agreement.committee.size());
  const OpenArguments& arguments = slot.record.arguments;
  const uint32_t writers = writer_count(arguments.mode, arguments.writers, send.message.everyone, members);
  const Usage price = send_price(params_.price, writers, send.message.content.size());
  if (!pay(account_of(state_, slot.record), slot.record.usage, price)) {
    throw std::logic_error("a send is not paid for");
  }
  slot.record.last_send = send.message.sequence;
  slot.outbox.bytes += send.message.content.size() + kSendOverheadBytes;
  slot.outbox.messages.push_back(send.message);
}

void EffectContext::perform(const Close& close) {
  ConnectionSlot& slot = state_.connections.change(close.id);
  slot.record.close_code = close.code;
  slot.record.close_reason = close.reason;
  const bool was_open = slot.record.agreement.phase == agreement::Phase::Open;
  close_connection(state_, slot, journal_,
                   agreement::End{transcript::Cause::Canister, close.code, close.reason, was_open, {}}, {},
                   params_);
}

}  // namespace icws::replica
