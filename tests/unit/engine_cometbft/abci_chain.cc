#include "tests/unit/engine_cometbft/abci_chain.h"

#include <set>

#include "engine/cometbft/frame_codec.h"
#include "proof/report_signature.h"

namespace icws::engine {

AbciChain::AbciChain() {
  params_.chain_id = "abci-test";
  for (size_t i = 0; i < kReplicas; ++i) {
    keys_.emplace_back(Bytes(32, static_cast<char>('a' + i)));
    params_.replica_keys.push_back(keys_.back().public_key());
  }
  verifier_ = std::make_unique<CometReportVerifier>(params_.chain_id);
  for (uint32_t i = 0; i < kReplicas; ++i) {
    Node& node = nodes_.emplace_back();
    node.core = std::make_unique<replica::Replica>(replica::Replica::Config{params_, ReplicaIndex(i)},
                                                   *verifier_, *node.storage, replica::CanisterSet());
    ReplicaHost::Hooks hooks;
    hooks.now = [] { return LocalTime(Milliseconds(1'000)); };
    hooks.command = [](std::vector<replica::AdapterCommand>) {};
    hooks.sign = [this, i](const Bytes&, BytesView message) { return keys_[i].sign(message); };
    node.host = std::make_unique<ReplicaHost>(*node.core, *node.core, params_.chain_id, std::move(hooks));
    node.application = std::make_unique<AbciApplication>(
        *node.host, params_, AbciConfig{}, [this](const std::string& line) { notices_.push_back(line); });
  }
}

abci::Request AbciChain::init_chain() const {
  abci::Request request;
  auto& genesis = *request.mutable_init_chain();
  genesis.set_chain_id(params_.chain_id);
  genesis.set_initial_height(1);
  genesis.mutable_consensus_params()->mutable_block()->set_max_bytes(kBlockBytesMax);
  genesis.mutable_consensus_params()->mutable_abci()->set_vote_extensions_enable_height(1);
  for (const Bytes& key : params_.replica_keys) {
    auto& validator = *genesis.add_validators();
    validator.mutable_pub_key()->set_ed25519(key);
    validator.set_power(kVotingPower);
  }
  return request;
}

AbciChain::Proposal AbciChain::propose(size_t proposer, const std::vector<std::string>& mempool) {
  abci::Request request;
  auto& prepare = *request.mutable_prepare_proposal();
  prepare.set_height(next());
  prepare.mutable_time()->set_seconds(next());
  prepare.set_max_tx_bytes(10'000'000);
  *prepare.mutable_local_last_commit() = votes_;
  for (const auto& tx : mempool) prepare.add_txs(tx);
  const auto response = ask(proposer, request);
  Proposal out;
  out.txs.assign(response.prepare_proposal().txs().begin(), response.prepare_proposal().txs().end());
  out.last_commit.set_round(votes_.round());
  for (const auto& vote : votes_.votes()) {
    auto& added = *out.last_commit.add_votes();
    *added.mutable_validator() = vote.validator();
    added.set_block_id_flag(vote.block_id_flag());
  }
  return out;
}

bool AbciChain::accepts(size_t replica, const Proposal& proposal) {
  abci::Request request;
  auto& process = *request.mutable_process_proposal();
  process.set_height(next());
  process.mutable_time()->set_seconds(next());
  for (const auto& tx : proposal.txs) process.add_txs(tx);
  *process.mutable_proposed_last_commit() = proposal.last_commit;
  return ask(replica, request).process_proposal().status() == abci::ProcessProposalResponse::STATUS_ACCEPT;
}

std::string AbciChain::sign(size_t replica, const std::string& report) const {
  return keys_[replica].sign(proof::vote_extension_sign_bytes(params_.chain_id, Height(height_),
                                                              static_cast<uint32_t>(kRound), report));
}

abci::ExtendedVoteInfo& AbciChain::vote(size_t replica) {
  const Bytes address = validator_address(params_.replica_keys[replica]);
  for (auto& vote : *votes_.mutable_votes()) {
    if (vote.validator().address() == address) return vote;
  }
  throw std::runtime_error("no such vote");
}

abci::FinalizeBlockResponse AbciChain::decide(const Proposal& proposal) {
  abci::Request request;
  auto& finalize = *request.mutable_finalize_block();
  finalize.set_height(next());
  finalize.mutable_time()->set_seconds(next());
  for (const auto& tx : proposal.txs) finalize.add_txs(tx);
  abci::Request extend;
  extend.mutable_extend_vote()->set_height(next());
  abci::Request commit;
  commit.mutable_commit();

  votes_.Clear();
  votes_.set_round(kRound);
  std::vector<std::string> reports;
  for (size_t i = 0; i < kReplicas; ++i) {
    reports.push_back(ask(i, extend).extend_vote().vote_extension());
  }
  std::set<std::string> hashes;
  abci::FinalizeBlockResponse out;
  for (size_t i = 0; i < kReplicas; ++i) {
    const auto response = ask(i, request);
    EXPECT_FALSE(response.has_exception()) << response.exception().error();
    out = response.finalize_block();
    hashes.insert(out.app_hash());
    EXPECT_TRUE(ask(i, commit).has_commit());
  }
  EXPECT_EQ(hashes.size(), 1u);
  ++height_;
  for (size_t i = 0; i < kReplicas; ++i) {
    auto& vote = *votes_.add_votes();
    vote.mutable_validator()->set_address(validator_address(params_.replica_keys[i]));
    vote.mutable_validator()->set_power(kVotingPower);
    vote.set_block_id_flag(abci::BLOCK_ID_FLAG_COMMIT);
    vote.set_vote_extension(reports[i]);
    vote.set_extension_signature(sign(i, reports[i]));
  }
  return out;
}

std::string AbciChain::envelope(size_t gateway, const std::string& salt, uint64_t lifetime) const {
  const replica::UserCall call{salt, "echo", "send", "{}"};
  return encode_ingress(keys_[gateway], params_.chain_id, ReplicaIndex(static_cast<uint32_t>(gateway)),
                        Height(height_ + lifetime), replica::encode_user_call(call));
}

}  // namespace icws::engine
