#include "engine/cometbft/abci_application.h"

#include <algorithm>
#include <stdexcept>

#include "agreement/report_codec.h"
#include "engine/cometbft/frame_codec.h"

namespace icws::engine {
namespace {

namespace abci = icws::abci::v1;
using replica::kSetChangeBlocksMin;
using replica::Rejection;
using replica::RejectionKind;

constexpr const char* kName = "icws-replica";
constexpr uint32_t kOk = 0;
constexpr uint32_t kFailed = 1;
// A fault that goes on is told once in so many blocks.
constexpr uint64_t kNoticePauseBlocks = 100;
constexpr size_t kRanMax = 100'000;

BlockTime block_time(const google::protobuf::Timestamp& time) {
  return BlockTime(Milliseconds(time.seconds() * 1'000 + time.nanos() / 1'000'000));
}

Height height_of(int64_t height) { return Height(height < 0 ? 0 : static_cast<uint64_t>(height)); }
uint32_t round_of(int32_t round) { return round < 0 ? 0 : static_cast<uint32_t>(round); }

CommitVote vote_of(const auto& vote) {
  return {vote.validator().address(), vote.block_id_flag() == abci::BLOCK_ID_FLAG_COMMIT};
}

void fail(abci::Response& out, std::string what) { out.mutable_exception()->set_error(std::move(what)); }

// The reports of a payload; everything else of it is the core's to check. Empty: it does not decode.
std::optional<std::vector<agreement::CarriedReport>> reports_of(BytesView payload) {
  auto decoded = agreement::decode_payload(
      payload, [](ConnectionId) -> std::optional<agreement::Mode> { return std::nullopt; });
  if (!decoded) return std::nullopt;
  return std::move(decoded->reports);
}

}  // namespace

uint64_t block_transactions_bytes(const replica::ClusterParams& params) {
  // Signature, member and what frames them; of each connection, what frames its decision.
  constexpr uint64_t kReportOverhead = 128;
  constexpr uint64_t kDecisionOverhead = 64;
  return agreement::kReplicasMax * (params.report_bytes_max + kReportOverhead) +
         params.block_content_bytes_max + params.connections_max * kDecisionOverhead + kBlockIngressBytesMax;
}

AbciApplication::AbciApplication(ReplicaHost& host, const replica::ClusterParams& params, AbciConfig config,
                                 Notice notice)
    : host_(host),
      params_(params),
      config_(config),
      notice_(std::move(notice)),
      ingress_({params.chain_id, params.transaction_bytes_max, params.transaction_memory_blocks}),
      state_sync_(host, config.snapshots, notice_) {
  const uint64_t needed = block_transactions_bytes(params);
  if (needed > kBlockBytesMax) {
    throw std::runtime_error("blocks may take " + std::to_string(needed) +
                             " bytes, CometBFT's are limited to " + std::to_string(kBlockBytesMax) +
                             ": lower block_content_bytes_max or report_bytes_max");
  }
  follow_state();
}

void AbciApplication::follow_state() {
  const Height height = host_.info().height;
  auto replicas = host_.replica_sets();
  const std::lock_guard lock(mutex_);
  height_ = height;
  std::erase_if(ran_, [&](const auto& one) { return one.second <= height; });
  if (validators_ && replicas == replicas_) return;
  replicas_ = std::move(replicas);
  validators_ = std::make_shared<const ValidatorSets>(replicas_);
}

std::shared_ptr<const ValidatorSets> AbciApplication::validators() const {
  const std::lock_guard lock(mutex_);
  return validators_;
}

abci::Response AbciApplication::handle(const abci::Request& request) {
  abci::Response out;
  switch (request.value_case()) {
    case abci::Request::kEcho:
      *out.mutable_echo() = request.echo();
      break;
    case abci::Request::kFlush:
      out.mutable_flush();
      break;
    case abci::Request::kInfo:
      info(*out.mutable_info());
      break;
    case abci::Request::kInitChain:
      init_chain(request.init_chain(), out);
      break;
    case abci::Request::kQuery:
      query(request.query(), *out.mutable_query());
      break;
    case abci::Request::kCheckTx:
      check_tx(request.check_tx(), *out.mutable_check_tx());
      break;
    case abci::Request::kCommit:
      commit(out);
      break;
    case abci::Request::kListSnapshots:
      state_sync_.list(*out.mutable_list_snapshots());
      break;
    case abci::Request::kOfferSnapshot:
      out.mutable_offer_snapshot()->set_result(state_sync_.offer(request.offer_snapshot()));
      break;
    case abci::Request::kLoadSnapshotChunk:
      state_sync_.load(request.load_snapshot_chunk(), *out.mutable_load_snapshot_chunk());
      break;
    case abci::Request::kApplySnapshotChunk:
      apply_chunk(request.apply_snapshot_chunk(), *out.mutable_apply_snapshot_chunk());
      break;
    case abci::Request::kPrepareProposal:
      prepare_proposal(request.prepare_proposal(), *out.mutable_prepare_proposal());
      break;
    case abci::Request::kProcessProposal:
      out.mutable_process_proposal()->set_status(process_proposal(request.process_proposal())
                                                     ? abci::ProcessProposalResponse::STATUS_ACCEPT
                                                     : abci::ProcessProposalResponse::STATUS_REJECT);
      break;
    case abci::Request::kExtendVote:
      out.mutable_extend_vote()->set_vote_extension(
          host_.extend_vote(height_of(request.extend_vote().height())));
      break;
    case abci::Request::kVerifyVoteExtension:
      out.mutable_verify_vote_extension()->set_status(verify_vote_extension(request.verify_vote_extension())
                                                          ? abci::VerifyVoteExtensionResponse::STATUS_ACCEPT
                                                          : abci::VerifyVoteExtensionResponse::STATUS_REJECT);
      break;
    case abci::Request::kFinalizeBlock:
      finalize_block(request.finalize_block(), out);
      break;
    case abci::Request::VALUE_NOT_SET:
      fail(out, "an unknown request: CometBFT v0.38 is needed");
      break;
  }
  return out;
}

void AbciApplication::info(abci::InfoResponse& out) const {
  const auto now = host_.info();
  out.set_data(kName);
  out.set_last_block_height(static_cast<int64_t>(now.height.value));
  // At height 0 the node asks for InitChain, whatever stands here.
  if (now.height != Height(0)) out.set_last_block_app_hash(Bytes(now.app_hash.view()));
}

// A genesis file that does not say what the cluster file says would give a chain that stops later, or one
// without reports.
void AbciApplication::init_chain(const abci::InitChainRequest& in, abci::Response& out) const {
  std::vector<Bytes> keys;
  bool powers_fit = true;
  for (const auto& validator : in.validators()) {
    keys.push_back(validator.pub_key().ed25519());
    powers_fit = powers_fit && validator.power() == kVotingPower;
  }
  std::vector<Bytes> expected = params_.replica_keys;
  std::ranges::sort(keys);
  std::ranges::sort(expected);
  if (in.chain_id() != params_.chain_id)
    return fail(out, "genesis: another chain id than the cluster file's");
  if (keys != expected) return fail(out, "genesis: other validators than the cluster file's");
  if (!powers_fit)
    return fail(out, "genesis: each validator's power must be " + std::to_string(kVotingPower));
  if (in.consensus_params().abci().vote_extensions_enable_height() != 1 || in.initial_height() != 1) {
    return fail(out, "genesis: initial_height and vote_extensions_enable_height must be 1");
  }
  if (in.consensus_params().block().max_bytes() < static_cast<int64_t>(kBlockBytesMax)) {
    return fail(out, "genesis: block.max_bytes must be at least " + std::to_string(kBlockBytesMax));
  }
  const auto now = host_.info();
  if (now.height != Height(0))
    return fail(out, "the node begins a chain, but this state is of a later height");
  out.mutable_init_chain()->set_app_hash(Bytes(now.app_hash.view()));
}

// Paths: canister/<id>/<method>, with the arguments as data.
void AbciApplication::query(const abci::QueryRequest& in, abci::QueryResponse& out) const {
  constexpr std::string_view kPrefix = "canister/";
  const std::string_view path = in.path();
  const size_t slash = path.rfind('/');
  if (!path.starts_with(kPrefix) || slash < kPrefix.size()) {
    out.set_code(kFailed);
    out.set_log("the path must be canister/<id>/<method>");
    return;
  }
  const auto canister = path.substr(kPrefix.size(), slash - kPrefix.size());
  auto reply = host_.query(canister, path.substr(slash + 1), in.data());
  out.set_code(reply ? kOk : kFailed);
  if (reply) out.set_value(std::move(*reply));
  if (!reply) out.set_log(reply.error().message);
  out.set_height(static_cast<int64_t>(host_.info().height.value));
}

void AbciApplication::check_tx(const abci::CheckTxRequest& in, abci::CheckTxResponse& out) const {
  constexpr uint32_t kRecheck = 1;
  const auto refuse = [&](IngressFault fault) {
    out.set_code(static_cast<uint32_t>(fault));
    out.set_log(std::string(ingress_fault_text(fault)));
  };
  Height next;
  std::shared_ptr<const ValidatorSets> validators;
  {
    const std::lock_guard lock(mutex_);
    if (ran_.contains(sha256(in.tx()))) return refuse(IngressFault::AlreadyRan);
    next = height_.next();
    validators = validators_;
  }
  const auto origin = in.type() == kRecheck ? IngressOrigin::Mempool : IngressOrigin::Elsewhere;
  if (const auto opened = ingress_.open(in.tx(), next, validators->at(next), origin); !opened) {
    refuse(opened.error());
  }
}

void AbciApplication::prepare_proposal(const abci::PrepareProposalRequest& in,
                                       abci::PrepareProposalResponse& out) {
  replica::ProposalRequest request;
  request.height = height_of(in.height());
  request.time = block_time(in.time());
  const auto validators = this->validators();
  if (request.height > Height(1)) {
    const Height voted(request.height.value - 1);
    std::vector<ExtendedVote> votes;
    for (const auto& vote : in.local_last_commit().votes()) {
      votes.push_back({vote_of(vote), vote.vote_extension(), vote.extension_signature()});
    }
    auto gathered =
        gather_reports(votes, round_of(in.local_last_commit().round()), voted, validators->at(voted));
    for (const Rejection& fault : gathered.faults) refuse(fault);
    request.reports = std::move(gathered.reports);
  }
  BlockIngress ingress(ingress_, request.height, validators->at(request.height), IngressOrigin::Mempool);
  std::vector<const Bytes*> envelopes;
  for (const Bytes& envelope : in.txs()) {
    auto opened = ingress.take(envelope);
    // What is behind it may not overtake it.
    if (!opened && opened.error() == IngressFault::BlockFull) break;
    if (!opened) continue;
    envelopes.push_back(&envelope);
    request.transactions.push_back(std::move(opened->transaction));
  }
  auto proposal = host_.prepare_proposal(request);
  for (const auto& pruned : proposal.pruned) refuse(pruned.rejection);
  out.add_txs(std::move(proposal.payload));
  for (const Bytes* envelope : envelopes) out.add_txs(*envelope);
}

std::expected<replica::Block, Rejection> AbciApplication::open_block(
    const abci::ProcessProposalRequest& in) const {
  const auto refuse = [](RejectionKind kind, std::string what) {
    return std::unexpected(Rejection{kind, std::move(what)});
  };
  if (in.txs().empty()) return refuse(RejectionKind::Malformed, "a block without a payload");
  replica::Block block{height_of(in.height()), block_time(in.time()), in.txs(0), {}};
  const auto reports = reports_of(block.payload);
  if (!reports) return refuse(RejectionKind::Malformed, "the payload does not decode");
  const auto validators = this->validators();
  std::vector<CommitVote> votes;
  for (const auto& vote : in.proposed_last_commit().votes()) votes.push_back(vote_of(vote));
  const Height voted(block.height.value - 1);
  auto fits = check_against_commit(*reports, votes, round_of(in.proposed_last_commit().round()), block.height,
                                   validators->at(voted));
  if (!fits) return std::unexpected(std::move(fits.error()));
  BlockIngress ingress(ingress_, block.height, validators->at(block.height));
  for (int i = 1; i < in.txs_size(); ++i) {
    auto opened = ingress.take(in.txs(i));
    if (!opened) {
      return refuse(RejectionKind::BadTransaction, "transaction " + std::to_string(i) + ": " +
                                                       std::string(ingress_fault_text(opened.error())));
    }
    block.transactions.push_back(std::move(opened->transaction));
  }
  return block;
}

bool AbciApplication::process_proposal(const abci::ProcessProposalRequest& in) {
  auto block = open_block(in);
  if (!block) {
    refuse(block.error());
    return false;
  }
  const auto verdict = host_.process_proposal(*block);
  if (!verdict) refuse(verdict.error());
  return verdict.has_value();
}

bool AbciApplication::verify_vote_extension(const abci::VerifyVoteExtensionRequest& in) {
  const Height height = height_of(in.height());
  const auto member = validators()->at(height).find(in.validator_address());
  if (!member) {
    refuse({RejectionKind::UnknownMember, "vote of " + to_hex(in.validator_address()) +
                                              ": not a validator of height " + std::to_string(height.value)});
    return false;
  }
  const auto verdict = host_.check_report(*member, height, in.vote_extension());
  if (!verdict) refuse(verdict.error());
  return verdict.has_value();
}

void AbciApplication::tell_of(const abci::Misbehavior& misbehavior) {
  // It may be of long ago: who left before the present set is known by address only.
  const Bytes& address = misbehavior.validator().address();
  const auto member = validators()->name(address, height_of(misbehavior.height()));
  const std::string who =
      member ? "replica " + std::to_string(member->value) : "validator " + to_hex(address);
  refuse({RejectionKind::DoubleVote,
          who + ": evidence of " + (misbehavior.type() == 1 ? "two votes" : "an attack on light clients") +
              " at height " + std::to_string(misbehavior.height())});
}

void AbciApplication::finalize_block(const abci::FinalizeBlockRequest& in, abci::Response& out) {
  for (const auto& misbehavior : in.misbehavior()) tell_of(misbehavior);
  replica::Block block{height_of(in.height()), block_time(in.time()), {}, {}};
  if (!in.txs().empty()) block.payload = in.txs(0);
  // By transaction of the node's block: its place among the core's, or none.
  std::vector<std::optional<size_t>> places(static_cast<size_t>(std::max(in.txs_size(), 1)));
  const auto validators = this->validators();
  BlockIngress ingress(ingress_, block.height, validators->at(block.height));
  for (int i = 1; i < in.txs_size(); ++i) {
    auto opened = ingress.take(in.txs(i));
    if (!opened) continue;
    places[static_cast<size_t>(i)] = block.transactions.size();
    block.transactions.push_back(std::move(opened->transaction));
    remember_ran(in.txs(i), opened->expiry, block.height);
  }
  const auto result = host_.finalize(block);
  if (!result) {
    return fail(out, "block " + std::to_string(in.height()) + " does not follow height " +
                         std::to_string(host_.info().height.value));
  }
  auto& answer = *out.mutable_finalize_block();
  answer.set_app_hash(Bytes(result->app_hash.view()));
  for (int i = 0; i < in.txs_size(); ++i) {
    const auto& place = places[static_cast<size_t>(i)];
    const bool ok = i == 0 || (place && result->results[*place].ok);
    answer.add_tx_results()->set_code(ok ? kOk : kFailed);
  }
  // CometBFT lets them vote two heights later: what the state after this block says of that height.
  for (auto& update : validator_updates(host_.replica_set(block.height.next()),
                                        host_.replica_set(block.height.next(kSetChangeBlocksMin)))) {
    auto& added = *answer.add_validator_updates();
    added.mutable_pub_key()->set_ed25519(std::move(update.public_key));
    added.set_power(update.power);
  }
}

void AbciApplication::commit(abci::Response& out) {
  if (!host_.commit()) return fail(out, "Commit without a finalized block");
  follow_state();
  const Height height = host_.info().height;
  if (config_.snapshots != nullptr) config_.snapshots->on_commit(height);
  out.mutable_commit()->set_retain_height(static_cast<int64_t>(retain_from(height).value));
}

// 0: all blocks are kept. Whoever has restored a snapshot needs the blocks after it, and the light client the
// one of its height. What evidence may still need the node keeps by itself.
Height AbciApplication::retain_from(Height height) const {
  if (config_.blocks_kept == 0 || height.value <= config_.blocks_kept) return Height(0);
  const Height wanted(height.value - config_.blocks_kept);
  const auto needed = config_.snapshots == nullptr ? std::nullopt : config_.snapshots->oldest_needed();
  return needed ? std::min(wanted, *needed) : wanted;
}

void AbciApplication::apply_chunk(const abci::ApplySnapshotChunkRequest& in,
                                  abci::ApplySnapshotChunkResponse& out) {
  state_sync_.apply(in, out);
  follow_state();
}

void AbciApplication::remember_ran(const std::string& envelope, Height expiry, Height height) {
  const std::lock_guard lock(mutex_);
  if (expiry > height && ran_.size() < kRanMax) ran_.emplace(sha256(envelope), expiry);
}

void AbciApplication::refuse(const Rejection& rejection) {
  host_.note_rejection(rejection);
  const std::string line = std::string(rejection_name(rejection.kind)) + ": " + rejection.message;
  {
    const std::lock_guard lock(mutex_);
    const auto [told, first] = told_.try_emplace(line, height_);
    if (!first && height_.value - told->second.value < kNoticePauseBlocks) return;
    told->second = height_;
    std::erase_if(told_,
                  [&](const auto& one) { return height_.value - one.second.value >= kNoticePauseBlocks; });
  }
  notice_(line);
}

}  // namespace icws::engine
