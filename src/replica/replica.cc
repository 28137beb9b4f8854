#include "replica/replica.h"

#include <algorithm>
#include <deque>
#include <stdexcept>

#include "replica/batches.h"
#include "replica/billing.h"
#include "replica/block_step.h"
#include "replica/canister_runtime.h"
#include "replica/divergence.h"
#include "replica/keys.h"
#include "replica/payload_check.h"
#include "replica/persistence.h"
#include "replica/proving.h"
#include "replica/reconciler.h"

namespace icws::replica {
namespace {

using agreement::CarriedDecision;
using agreement::CarriedReport;
using agreement::Payload;

// Of the newest ones, for metrics().
constexpr size_t kLatenciesKept = 4'096;
constexpr size_t kRejectionsKept = 16;

std::string socket_name(const LocalConnection* local) {
  if (local == nullptr) return "none";
  switch (local->status()) {
    case agreement::MemberStatus::Opening:
      return "connecting";
    case agreement::MemberStatus::Live:
      return "live";
    case agreement::MemberStatus::Failed:
      return "failed";
    case agreement::MemberStatus::Ended:
      return "ended";
    case agreement::MemberStatus::OutMismatch:
    case agreement::MemberStatus::OutLost:
      return "out";
  }
  return "none";
}

std::string phase_name(const Connection& record) {
  if (record.phase == RecordPhase::Waiting) return "waiting";
  if (record.phase == RecordPhase::Closed) return "closed";
  return record.agreement.phase == agreement::Phase::Opening ? "opening" : "open";
}

ConnectionView view_of(const ConnectionSlot& slot, const MemberCounts& members,
                       const LocalConnection* local) {
  const Connection& record = slot.record;
  ConnectionView out;
  out.id = record.id;
  out.canister = record.canister;
  out.url = record.arguments.url;
  out.mode = record.arguments.mode;
  out.state = phase_name(record);
  out.epoch = record.agreement.epoch;
  out.position = record.agreement.ordered.position;
  out.entries = record.last_entry;
  out.messages = record.messages;
  out.gaps = record.gap_messages;
  out.agreed_bytes = record.agreed_bytes;
  out.head = record.head;
  out.cause = record.cause;
  out.socket = socket_name(local);
  out.unsettled = local == nullptr ? 0 : local->unsettled();
  out.outbox_bytes = slot.outbox.bytes;
  out.inbox_bytes = slot.record.inbox_bytes;
  out.members_live = members.live;
  out.members_down = members.down;
  out.members_needed = record.agreement.quorum().q();
  out.usage = record.usage;
  return out;
}

// Takes the block's reports into the window for as long as it lives: proposing and checking look at them too.
class WithReports {
 public:
  WithReports(ReportWindow& window, BlockReports block) : window_(window) { window_.push(std::move(block)); }
  ~WithReports() { window_.pop_newest(); }
  WithReports(const WithReports&) = delete;
  WithReports& operator=(const WithReports&) = delete;

 private:
  ReportWindow& window_;
};

}  // namespace

struct Replica::Impl {
  Impl(Config given, const ReportVerifier& verifier, Storage& given_storage, CanisterSet canisters)
      : config(std::move(given)),
        verifier(verifier),
        storage(given_storage),
        library(std::move(canisters.code)),
        runtime(std::move(canisters.canisters), library, config.params, window),
        window(config.params.agreement.blocks_in_force),
        checker(config.params, state.members, verifier),
        reconciler(config.params, config.self, library) {}

  void recover();
  std::optional<Payload> decode(BytesView payload) const;
  std::vector<CarriedDecision> propose(Height height, AgreedTime now, uint64_t content_bytes);
  void run_transactions(const Block& block, Journal& journal,
                        std::vector<std::optional<TransactionResult>> batch_results, BlockResult& result);
  TransactionResult change_replicas(const SignedSetChange& change, Height height);
  void note(const Rejection& rejection);
  // Another state after `height` was agreed on.
  [[noreturn]] void diverged(Height height, const Digest& agreed);

  Config config;
  const ReportVerifier& verifier;
  Storage& storage;
  State state;
  CodeLibrary library;
  CanisterRuntime runtime;
  ReportWindow window;
  AppHashes hashes;
  Persistence persistence;
  PayloadCheck checker;
  Reconciler reconciler;
  ReplicaMetrics metrics;
  std::deque<uint32_t> latencies;
  std::deque<std::string> rejections;
  // A block is finalized but not committed: the state is ahead of storage.
  bool finalized = false;
  // What it has agreed.
  std::vector<AgreedStep> steps;
  std::vector<Bytes> batches;
  // The height for which this replica was asked for its report: it takes part, this is no replay.
  Height voted;
  std::optional<SnapshotRestore> restore;
};

void Replica::Impl::diverged(Height height, const Digest& agreed) {
  const Digest here = hashes.after(height).value_or(Digest{});
  const std::string text = divergence_text(height, here, agreed, persistence.changed_at(height));
  // So that no restart goes on either.
  WriteBatch batch;
  batch.put(keys::kDiverged, text);
  storage.apply(batch);
  throw StateDiverged(text);
}

void Replica::Impl::recover() {
  if (const auto text = storage.get(keys::kDiverged)) throw StateDiverged(*text);
  clear_unfinished_restore(storage);
  const Digest params = config.params.hash();
  if (!persistence.load(storage, state, window, hashes)) {
    state.global.params = params;
    state.members = Membership(agreement::genesis_replicas(config.params.replica_keys));
    runtime.install(state);
    persistence.begin(Height(0));
    const Digest genesis = persistence.stage(state, runtime.take_changed(), Journal(Height(0), BlockTime()),
                                             {}, hashes, config.params);
    hashes.push(Height(0), genesis);
    // Written with the first commit: what never changes after genesis must be in storage too.
    return;
  }
  if (state.global.params != params) {
    throw std::runtime_error(
        "the state directory belongs to a cluster with other parameters: give the cluster file it was made "
        "with, or "
        "another directory");
  }
  window.decode([this](BlockReports& block) { checker.decode_stored(block); });
  runtime.load(state, [this](const std::string& id) { return storage.get(keys::canister(id)); });
  reconciler.load(storage, state);
}

std::optional<Payload> Replica::Impl::decode(BytesView payload) const {
  return agreement::decode_payload(payload, [this](ConnectionId id) -> std::optional<Mode> {
    const auto slot = state.connections.find(id);
    if (slot == state.connections.end()) return std::nullopt;
    return slot->second.record.arguments.mode;
  });
}

void Replica::Impl::note(const Rejection& rejection) {
  rejections.push_front(std::string(rejection_name(rejection.kind)) + ": " + rejection.message);
  if (rejections.size() > kRejectionsKept) rejections.pop_back();
}

Replica::Replica(Config config, const ReportVerifier& verifier, Storage& storage, CanisterSet canisters)
    : impl_(std::make_unique<Impl>(std::move(config), verifier, storage, std::move(canisters))) {
  impl_->recover();
}

Replica::~Replica() = default;

ApplicationInfo Replica::info() const {
  const Height height = impl_->state.global.height;
  return ApplicationInfo{height, *impl_->hashes.after(height)};
}

std::vector<CarriedDecision> Replica::Impl::propose(Height height, AgreedTime now, uint64_t content_bytes) {
  std::vector<const ConnectionSlot*> turn;
  for (const auto& [id, slot] : state.connections) {
    const bool ended = slot.record.agreement.phase == agreement::Phase::Ended;
    if (slot.record.phase == RecordPhase::Active && !ended) turn.push_back(&slot);
  }
  std::vector<CarriedDecision> out;
  if (turn.empty()) return out;
  std::ranges::rotate(turn, turn.begin() + static_cast<ptrdiff_t>(height.value % turn.size()));
  for (const ConnectionSlot* slot : turn) {
    const Connection& record = slot->record;
    const LocalConnection* local = reconciler.find(record.id);
    if (local == nullptr || local->epoch() != record.agreement.epoch) continue;
    const agreement::View view =
        window.view(record.id, record.agreement.epoch, record.agreement.committee, height);
    const agreement::Context context = context_for(*slot, config.params, height, now);
    agreement::Decision decision = agreement::propose(record.agreement, view, local->local(), context,
                                                      content_bytes, config.params.agreement);
    if (decision.empty()) continue;
    content_bytes -= agreement::carried_bytes(decision);
    out.push_back(CarriedDecision{record.id, record.agreement.epoch, std::move(decision)});
  }
  std::ranges::sort(out, {}, &CarriedDecision::connection);
  return out;
}

Bytes Replica::prepare_proposal(const ProposalRequest& request) {
  Payload payload;
  payload.reports = impl_->checker.prune(request, [this](const Rejection& rejection) {
    ++impl_->metrics.reports_pruned;
    impl_->note(rejection);
  });
  BlockReports block = impl_->checker.counted(payload.reports, request.height, impl_->hashes);
  const WithReports with(impl_->window, std::move(block));
  const AgreedTime now = advance_time(impl_->state.global, request.time);
  payload.decisions = impl_->propose(request.height, now, impl_->config.params.block_content_bytes_max);
  return agreement::encode_payload(payload);
}

std::expected<void, Rejection> Replica::process_proposal(const Block& block) {
  const auto refuse = [this](Rejection rejection) {
    impl_->note(rejection);
    return std::unexpected(std::move(rejection));
  };
  if (block.height != impl_->state.global.height.next()) {
    return refuse(Rejection{RejectionKind::WrongHeight, "the block is not the next one"});
  }
  const std::optional<Payload> payload = impl_->decode(block.payload);
  if (!payload)
    return refuse(Rejection{RejectionKind::Malformed, "the payload is not in canonical encoding"});
  if (auto checked = impl_->checker.check(payload->reports, block.height); !checked)
    return refuse(checked.error());
  const WithReports with(impl_->window,
                         impl_->checker.counted(payload->reports, block.height, impl_->hashes));
  auto checked = check_decisions(impl_->state, impl_->window, *payload, block.height,
                                 advance_time(impl_->state.global, block.time), impl_->config.params);
  if (!checked) return refuse(checked.error());
  return {};
}

Bytes Replica::extend_vote(Height height, LocalTime now) {
  impl_->voted = height;
  const ClusterParams& params = impl_->config.params;
  agreement::Report report;
  report.chain_id = params.chain_id;
  report.height = height;
  // A report for another height than the next one would have no base.
  if (const auto hash = impl_->hashes.after(Height(height.value - 1))) report.app_hash = *hash;
  constexpr size_t kHeaderBytesMax = 128;
  report.sections =
      impl_->reconciler.sections(impl_->state, height, params.report_bytes_max - kHeaderBytesMax, now);
  Bytes bytes = agreement::encode_report(report);
  impl_->metrics.last_report_bytes = bytes.size();
  return bytes;
}

std::expected<void, Rejection> Replica::verify_vote_extension(const SignedReport& report) const {
  return impl_->checker.check_one(report);
}

std::expected<void, Rejection> Replica::check_report(ReplicaIndex member, Height height,
                                                     BytesView report) const {
  return impl_->checker.check_unsigned(member, height, report);
}

TransactionResult Replica::Impl::change_replicas(const SignedSetChange& change, Height height) {
  if (auto applied = state.members.apply(change, height, config.params.chain_id); !applied)
    return {false, applied.error()};
  persistence.stage_set_change(change);
  return {true, "active from height " + std::to_string(change.change.active_from.value)};
}

void Replica::Impl::run_transactions(const Block& block, Journal& journal,
                                     std::vector<std::optional<TransactionResult>> batch_results,
                                     BlockResult& result) {
  for (size_t i = 0; i < block.transactions.size(); ++i) {
    if (batch_results[i]) {
      result.results.push_back(std::move(*batch_results[i]));
      continue;
    }
    const Bytes& transaction = block.transactions[i];
    if (transaction.size() > config.params.transaction_bytes_max) {
      result.results.push_back({false, "the transaction is over the limit"});
      continue;
    }
    if (const auto change = decode_set_change(transaction)) {
      result.results.push_back(change_replicas(*change, block.height));
      continue;
    }
    const Digest digest = sha256(transaction);
    const auto call = transaction.size() <= config.params.transaction_bytes_max
                          ? decode_user_call(transaction)
                          : std::optional<UserCall>();
    if (!call) {
      result.results.push_back({false, "the transaction does not decode, or is over the limit"});
    } else if (!state.transactions.add(block.height, digest)) {
      result.results.push_back({false, "the transaction has run already"});
    } else {
      result.results.push_back(runtime.run(state, journal, *call));
    }
  }
}

void Replica::begin_restore(Height height, const Digest& app_hash) {
  Impl& impl = *impl_;
  if (impl.state.global.height != Height(0)) throw std::runtime_error("begin_restore: there is a state");
  abandon_restore();
  const ClusterParams& params = impl.config.params;
  impl.restore.emplace(
      impl.storage, SnapshotCheck::Expected{height, app_hash, params.hash(), params.transcript_entries_kept});
}

bool Replica::restoring() const { return impl_->restore.has_value(); }

std::expected<void, SnapshotFault> Replica::restore(BytesView bytes) {
  auto good = impl_->restore->add(bytes);
  if (!good) abandon_restore();
  return good;
}

std::expected<void, SnapshotFault> Replica::finish_restore() {
  Impl& impl = *impl_;
  auto good = impl.restore->finish();
  abandon_restore();
  if (!good) return good;
  // As at a start. Nothing local is there yet but what the adapter has said, and that waits for the head.
  impl.state = State{};
  impl.window = ReportWindow(impl.config.params.agreement.blocks_in_force);
  impl.hashes = AppHashes{};
  impl.persistence = Persistence{};
  impl.recover();
  return {};
}

void Replica::abandon_restore() { impl_->restore.reset(); }

BlockResult Replica::finalize_block(const Block& block) {
  abandon_restore();
  Impl& impl = *impl_;
  Global& global = impl.state.global;
  if (block.height != global.height.next()) {
    throw std::runtime_error("finalize_block: height " + std::to_string(block.height.value) + " after " +
                             std::to_string(global.height.value));
  }
  // A quorum has accepted it; whatever does not decode all the same counts as empty, on every replica alike.
  const Payload payload = impl.decode(block.payload).value_or(Payload{});
  if (const auto agreed = impl.checker.outvoted(payload.reports, block.height, impl.hashes)) {
    impl.diverged(Height(block.height.value - 2), *agreed);
  }
  BlockReports reports = impl.checker.counted(payload.reports, block.height, impl.hashes);
  impl.persistence.begin(block.height);
  impl.persistence.stage_reports(reports, impl.window.oldest_in_force(block.height));
  impl.window.push(std::move(reports));
  impl.window.prune(block.height);

  global.now = advance_time(global, block.time);
  global.height = block.height;
  global.block_time = block.time;
  global.payload = sha256(block.payload);

  BlockResult result;
  Journal journal(block.height, block.time);
  auto batch_results =
      run_batches(impl.state, journal, block.transactions, impl.verifier, impl.window, impl.config.params);
  impl.steps = apply_decisions(impl.state, journal, impl.window, payload, impl.config.params);
  impl.finalized = true;
  impl.runtime.deliver(impl.state, journal);
  impl.run_transactions(block, journal, std::move(batch_results), result);
  impl.runtime.finish_stops(impl.state);
  charge_open_time(impl.state, journal, impl.config.params);
  const std::vector<Forgotten> forgotten =
      keep_house(impl.state, journal, impl.window, impl.library, impl.config.params);
  impl.state.members.prune(block.height);
  impl.metrics.entries_agreed += journal.written().size();
  result.app_hash = impl.persistence.stage(impl.state, impl.runtime.take_changed(), journal, forgotten,
                                           impl.hashes, impl.config.params);
  impl.hashes.push(block.height, result.app_hash);
  return result;
}

void Replica::commit(LocalTime now) {
  Impl& impl = *impl_;
  const LocalProgress progress = impl.reconciler.advance(impl.state, impl.steps, now);
  impl.steps.clear();
  impl.metrics.events_absorbed += progress.absorbed;
  impl.metrics.events_dropped += progress.dropped;
  for (const LocalTime received : progress.received) {
    impl.latencies.push_back(static_cast<uint32_t>((now - received).count()));
    if (impl.latencies.size() > kLatenciesKept) impl.latencies.pop_front();
  }
  impl.batches.clear();
  // Who has left the replica set votes no more, and must close its sockets all the same.
  const ReplicaSet& next = impl.state.members.at(impl.state.global.height.next());
  if (impl.voted == impl.state.global.height || next.has_left(impl.config.self)) {
    impl.metrics.events_dropped += impl.reconciler.reconcile(impl.state, impl.window, now);
    impl.batches = impl.reconciler.batches(impl.state);
  }
  WriteBatch batch = impl.persistence.take_batch();
  impl.reconciler.save(impl.state, batch, now);
  impl.storage.apply(batch);
  impl.finalized = false;
}

void Replica::on_agreed_hash(Height height, const Digest& agreed) {
  const auto here = impl_->hashes.after(height);
  if (here && *here != agreed) impl_->diverged(height, agreed);
}

void Replica::on_adapter_event(AdapterEvent event, LocalTime now) {
  if (std::holds_alternative<SocketEvent>(event)) ++impl_->metrics.events_received;
  impl_->reconciler.on_event(impl_->state, std::move(event), now);
}

std::vector<AdapterCommand> Replica::take_commands() { return impl_->reconciler.take_commands(); }

void Replica::tick(LocalTime now) { impl_->reconciler.tick(impl_->state, now); }

const std::vector<Bytes>& Replica::batches() const { return impl_->batches; }

std::expected<Bytes, Reject> Replica::query(std::string_view canister, std::string_view method,
                                            BytesView arguments) const {
  return impl_->runtime.query(canister, method, arguments);
}

std::vector<CanisterView> Replica::canisters() const {
  std::vector<CanisterView> out;
  for (const auto& [id, record] : impl_->state.canisters) out.push_back(CanisterView{id, record});
  return out;
}

std::vector<ConnectionView> Replica::connections() const {
  std::vector<ConnectionView> out;
  for (const auto& [id, slot] : impl_->state.connections)
    out.push_back(view_of(slot, count_members(slot.record, impl_->window, impl_->state.global.height),
                          impl_->reconciler.find(id)));
  return out;
}

std::vector<transcript::Entry> Replica::transcript(ConnectionId connection, EntrySequence from,
                                                   size_t entries_max) const {
  std::vector<transcript::Entry> out;
  // While a snapshot comes in, storage has entries that nobody has checked.
  if (entries_max == 0 || restoring()) return out;
  impl_->storage.scan(keys::transcript_prefix(connection), keys::transcript(connection, from),
                      [&](BytesView, BytesView value) {
                        if (auto entry = transcript::decode(encoded_entry(value)))
                          out.push_back(std::move(*entry));
                        return out.size() < entries_max;
                      });
  return out;
}

std::expected<proof::Certificate, CannotProve> Replica::prove(ConnectionId connection, EntrySequence first,
                                                              EntrySequence last) const {
  Impl& impl = *impl_;
  if (impl.finalized) return std::unexpected(CannotProve{"a block is being executed; ask again", true});
  const auto slot = impl.state.connections.find(connection);
  if (slot == impl.state.connections.end())
    return std::unexpected(CannotProve{"there is no connection " + std::to_string(connection.value)});
  std::vector<SignedSetChange> changes;
  size_t changes_bytes = 0;
  impl.storage.scan(keys::kSetChangesPrefix, {}, [&](BytesView, BytesView value) {
    if (auto change = archive_decode<SignedSetChange>(value)) changes.push_back(std::move(*change));
    changes_bytes += value.size();
    return true;
  });
  auto out = gather_entries(impl.storage, slot->second.record, first, last, changes_bytes);
  if (!out) return out;
  out->chain_id = impl.config.params.chain_id;
  out->changes = std::move(changes);
  out->sets = impl.state.members.sets();
  out->sets_proof = *impl.persistence.prove(keys::kMembers);
  out->proof = *impl.persistence.prove(keys::head(connection));
  out->height = impl.state.global.height.next();
  return out;
}

std::vector<proof::Certificate::Report> Replica::reports_of(Height height) const {
  std::vector<proof::Certificate::Report> out;
  for (const BlockReports& block : impl_->window.blocks()) {
    for (const StoredReport& stored : block.stored) {
      if (stored.height == height) out.push_back({stored.member, stored.report, stored.signature});
    }
  }
  return out;
}

const State& Replica::state() const { return impl_->state; }

const ReplicaSet& Replica::replicas_at(Height height) const { return impl_->state.members.at(height); }

const ReplicaSet& Replica::newest_replicas() const { return impl_->state.members.newest(); }

Bytes Replica::own_key(Height height) const {
  const agreement::ReplicaKey* self = impl_->state.members.at(height).find(impl_->config.self);
  return self == nullptr ? Bytes() : self->public_key;
}

ReplicaMetrics Replica::metrics() const {
  ReplicaMetrics out = impl_->metrics;
  const ApplicationInfo now = info();
  out.height = now.height;
  out.app_hash = now.app_hash;
  out.traps = impl_->runtime.traps();
  out.latencies_ms.assign(impl_->latencies.begin(), impl_->latencies.end());
  out.rejections.assign(impl_->rejections.begin(), impl_->rejections.end());
  return out;
}

}  // namespace icws::replica
