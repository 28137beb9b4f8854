#include "engine/host/replica_host.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "agreement/delegated_rules.h"
#include "replica/batches.h"

namespace icws::engine {
namespace {

constexpr int kExitSoftware = 70;
constexpr size_t kRejectionsKept = 16;

[[noreturn]] void end_process(const std::exception& error) {
  std::cerr << "fatal: the replica's core failed: " << error.what() << std::endl;
  std::_Exit(kExitSoftware);
}

}  // namespace

// Under the lock; an exception ends the process.
template <class Call>
auto ReplicaHost::guarded(Call call) const {
  const std::lock_guard lock(mutex_);
  try {
    return call();
  } catch (const std::exception& error) {
    end_process(error);
  }
}

// As guarded, and hands over what the core wants of the adapter afterwards.
template <class Call>
auto ReplicaHost::step(Call call) {
  return guarded([&] {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      hand_over();
    } else {
      auto result = call();
      hand_over();
      return result;
    }
  });
}

void ReplicaHost::hand_over() {
  auto commands = replica_.take_commands();
  if (!commands.empty()) hooks_.command(std::move(commands));
}

ReplicaHost::ReplicaHost(replica::Replica& replica, replica::Application& application, std::string chain_id,
                         Hooks hooks)
    : replica_(replica),
      application_(application),
      chain_id_(std::move(chain_id)),
      hooks_(std::move(hooks)),
      height_(application.info().height) {}

void ReplicaHost::sign_batches() {
  // Batches are for the next block.
  const Bytes key = replica_.own_key(replica_.info().height.next());
  if (key != std::exchange(batches_key_, key)) batches_.clear();
  std::map<Bytes, Bytes> next;
  for (const Bytes& batch : replica_.batches()) {
    // One that has waited for a block is signed already.
    if (const auto old = batches_.extract(batch)) {
      next.emplace(batch, old.mapped());
    } else {
      const Bytes signature = hooks_.sign(key, agreement::batch_sign_bytes(chain_id_, batch));
      next.emplace(batch, replica::encode_batch_transaction({batch, signature}));
    }
  }
  batches_ = std::move(next);
}

std::vector<Bytes> ReplicaHost::pending_transactions(uint64_t bytes_max) const {
  return guarded([&] {
    std::vector<Bytes> calls = submissions_.oldest(batches_.empty() ? bytes_max : bytes_max / 2);
    for (const Bytes& call : calls) bytes_max -= std::min<uint64_t>(bytes_max, call.size());
    std::vector<Bytes> out = batches_in_turn(bytes_max);
    // The engine may have room for the first alone.
    const size_t batches = out.size();
    out.insert(out.end(), std::make_move_iterator(calls.begin()), std::make_move_iterator(calls.end()));
    if (height_.value % 2 == 1) std::ranges::rotate(out, out.begin() + static_cast<ptrdiff_t>(batches));
    return out;
  });
}

// By turns: where there are too many for one block, none must wait for ever.
std::vector<Bytes> ReplicaHost::batches_in_turn(uint64_t bytes_max) const {
  std::vector<Bytes> out;
  if (batches_.empty()) return out;
  auto next = std::next(batches_.begin(), static_cast<ptrdiff_t>(height_.value / 2 % batches_.size()));
  for (size_t i = 0; i < batches_.size(); ++i, ++next) {
    if (next == batches_.end()) next = batches_.begin();
    if (!out.empty() && next->second.size() > bytes_max) break;
    bytes_max -= std::min<uint64_t>(bytes_max, next->second.size());
    out.push_back(next->second);
  }
  return out;
}

Bytes ReplicaHost::sign(Height height, BytesView message) const {
  return guarded([&] { return hooks_.sign(replica_.own_key(height), message); });
}

Bytes ReplicaHost::own_key(Height height) const {
  return guarded([&] { return replica_.own_key(height); });
}

agreement::ReplicaSet ReplicaHost::replica_set(Height height) const {
  return guarded([&] { return replica_.replicas_at(height); });
}

std::vector<agreement::ReplicaSet> ReplicaHost::replica_sets() const {
  return guarded([&] { return replica_.state().members.sets(); });
}

std::vector<Bytes> ReplicaHost::batches() const {
  return guarded([&] {
    std::vector<Bytes> out;
    for (const auto& [batch, transaction] : batches_) out.push_back(transaction);
    return out;
  });
}

void ReplicaHost::tick() {
  step([&] { replica_.tick(hooks_.now()); });
}

replica::ApplicationInfo ReplicaHost::info() const {
  return guarded([&] { return application_.info(); });
}

ReplicaHost::Proposal ReplicaHost::prepare_proposal(const replica::ProposalRequest& request) {
  return step([&] {
    Proposal out;
    for (const auto& report : request.reports) {
      auto verdict = application_.verify_vote_extension(report);
      if (!verdict) out.pruned.push_back({report.member, std::move(verdict.error())});
    }
    out.payload = application_.prepare_proposal(request);
    return out;
  });
}

std::expected<void, replica::Rejection> ReplicaHost::process_proposal(const replica::Block& block) {
  return step([&] { return application_.process_proposal(block); });
}

Bytes ReplicaHost::extend_vote(Height height) {
  return step([&] { return application_.extend_vote(height, hooks_.now()); });
}

std::expected<void, replica::Rejection> ReplicaHost::check_report(ReplicaIndex member, Height height,
                                                                  BytesView report) const {
  return guarded([&] { return application_.check_report(member, height, report); });
}

std::optional<replica::BlockResult> ReplicaHost::finalize(const replica::Block& block) {
  return guarded([&]() -> std::optional<replica::BlockResult> {
    if (finalized_ || block.height != height_.next()) return std::nullopt;
    replica::BlockResult result = application_.finalize_block(block);
    finalized_ = Finalized{block, result};
    return result;
  });
}

bool ReplicaHost::begin_restore(Height height, const Digest& app_hash) {
  return guarded([&] {
    if (finalized_ || height_ != Height(0)) return false;
    replica_.begin_restore(height, app_hash);
    return true;
  });
}

std::expected<void, replica::SnapshotFault> ReplicaHost::restore(BytesView bytes, bool last) {
  return guarded([&]() -> std::expected<void, replica::SnapshotFault> {
    // A block has come in between.
    if (!replica_.restoring())
      return std::unexpected(
          replica::SnapshotFault{replica::SnapshotFault::Kind::Malformed, "it was dropped"});
    if (auto good = replica_.restore(bytes); !good || !last) return good;
    if (auto good = replica_.finish_restore(); !good) return good;
    height_ = replica_.info().height;
    committed_.notify_all();
    return {};
  });
}

void ReplicaHost::on_agreed_hash(Height height, const Digest& agreed) {
  guarded([&] { replica_.on_agreed_hash(height, agreed); });
}

bool ReplicaHost::commit() {
  return step([&] {
    if (!finalized_) return false;
    application_.commit(hooks_.now());
    sign_batches();
    height_ = finalized_->block.height;
    submissions_.on_block(finalized_->block, finalized_->result);
    finalized_.reset();
    committed_.notify_all();
    return true;
  });
}

bool ReplicaHost::finalized() const {
  const std::lock_guard lock(mutex_);
  return finalized_.has_value();
}

std::optional<replica::BlockResult> ReplicaHost::finalize_and_commit(const replica::Block& block) {
  auto result = finalize(block);
  if (result) commit();
  return result;
}

uint64_t ReplicaHost::rejections_noted() const {
  const std::lock_guard lock(mutex_);
  return rejections_count_;
}

void ReplicaHost::note_rejection(const replica::Rejection& rejection) {
  const std::lock_guard lock(mutex_);
  ++rejections_count_;
  rejections_.push_front(std::string(replica::rejection_name(rejection.kind)) + ": " + rejection.message);
  if (rejections_.size() > kRejectionsKept) rejections_.pop_back();
}

void ReplicaHost::on_adapter_events(std::vector<replica::AdapterEvent> events) {
  step([&] {
    const LocalTime now = hooks_.now();
    for (auto& event : events) {
      if (std::holds_alternative<replica::AdapterUp>(event)) adapter_connected_ = true;
      if (std::holds_alternative<replica::AdapterDown>(event)) adapter_connected_ = false;
      replica_.on_adapter_event(std::move(event), now);
    }
  });
}

std::expected<Bytes, replica::Reject> ReplicaHost::query(std::string_view canister, std::string_view method,
                                                         BytesView arguments) const {
  return guarded([&] { return replica_.query(canister, method, arguments); });
}

std::vector<replica::ConnectionView> ReplicaHost::connections() const {
  return guarded([&] { return replica_.connections(); });
}

std::vector<replica::CanisterView> ReplicaHost::canisters() const {
  return guarded([&] { return replica_.canisters(); });
}

std::vector<transcript::Entry> ReplicaHost::transcript(ConnectionId connection, EntrySequence from,
                                                       size_t entries_max) const {
  return guarded([&] { return replica_.transcript(connection, from, entries_max); });
}

std::expected<proof::Certificate, replica::CannotProve> ReplicaHost::prove(ConnectionId connection,
                                                                           EntrySequence first,
                                                                           EntrySequence last) const {
  return guarded([&] { return replica_.prove(connection, first, last); });
}

std::vector<proof::Certificate::Report> ReplicaHost::reports_of(Height height) const {
  return guarded([&] { return replica_.reports_of(height); });
}

replica::ReplicaMetrics ReplicaHost::metrics() const {
  return guarded([&] {
    auto out = replica_.metrics();
    out.rejections.insert(out.rejections.begin(), rejections_.begin(), rejections_.end());
    return out;
  });
}

bool ReplicaHost::adapter_connected() const {
  const std::lock_guard lock(mutex_);
  return adapter_connected_;
}

Height ReplicaHost::wait_for_commit(Height seen, Milliseconds patience) const {
  std::unique_lock lock(mutex_);
  committed_.wait_for(lock, patience, [&] { return stopping_ || height_ > seen; });
  return height_;
}

bool ReplicaHost::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void ReplicaHost::stop() {
  submissions_.stop();
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  committed_.notify_all();
}

}  // namespace icws::engine
