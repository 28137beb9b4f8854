#include "tests/unit/engine_cometbft/abci_chain.h"

#include <algorithm>
#include <set>

#include "engine/cometbft/frame_codec.h"
#include "proof/report_signature.h"
#include "replica/membership.h"

namespace icws::engine {

AbciChain::AbciChain() {
  params_.chain_id = "abci-test";
  for (size_t i = 0; i <= kFreshKey; ++i) keys_.emplace_back(Bytes(32, static_cast<char>('a' + i)));
  for (size_t i = 0; i < kReplicas; ++i) params_.replica_keys.push_back(keys_[i].public_key());
  validators_.insert(params_.replica_keys.begin(), params_.replica_keys.end());
  next_validators_ = validators_;
  verifier_ = std::make_unique<CometReportVerifier>(params_.chain_id);
  nodes_.resize(kNodes);
  for (uint32_t i = 0; i < kNodes; ++i) assemble(nodes_[i], i);
}

void AbciChain::assemble(Node& node, uint32_t index) {
  node.application.reset();
  node.host.reset();
  node.core = std::make_unique<replica::Replica>(replica::Replica::Config{params_, ReplicaIndex(index)},
                                                 *verifier_, *node.storage, replica::CanisterSet());
  ReplicaHost::Hooks hooks;
  hooks.now = [] { return LocalTime(Milliseconds(1'000)); };
  hooks.command = [](std::vector<replica::AdapterCommand>) {};
  hooks.sign = [this, index](const Bytes& key, BytesView message) {
    return keys_[key.empty() ? index : key_number(key)].sign(message);
  };
  node.host = std::make_unique<ReplicaHost>(*node.core, *node.core, params_.chain_id, std::move(hooks));
  node.application = std::make_unique<AbciApplication>(
      *node.host, params_, AbciConfig{}, [this](const std::string& line) { notices_.push_back(line); });
}

size_t AbciChain::key_number(const Bytes& public_key) const {
  const auto found = std::ranges::find(keys_, public_key, &SigningKey::public_key);
  if (found == keys_.end()) throw std::runtime_error("no such key");
  return static_cast<size_t>(found - keys_.begin());
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

std::string AbciChain::sign(size_t key, const std::string& report) const {
  return keys_[key].sign(proof::vote_extension_sign_bytes(params_.chain_id, Height(height_),
                                                          static_cast<uint32_t>(kRound), report));
}

std::set<size_t> AbciChain::validators() const {
  std::set<size_t> out;
  for (const Bytes& key : validators_) out.insert(key_number(key));
  return out;
}

abci::ExtendedVoteInfo& AbciChain::vote(size_t replica) {
  const Bytes address = validator_address(keys_[replica].public_key());
  for (auto& vote : *votes_.mutable_votes()) {
    if (vote.validator().address() == address) return vote;
  }
  throw std::runtime_error("no such vote");
}

abci::Response AbciChain::step(Node& node, const abci::Request& request) {
  auto response = node.application->handle(request);
  EXPECT_FALSE(response.has_exception()) << response.exception().error();
  return response;
}

// As each validator does with what it hears from others, before it executes the block.
void AbciChain::verify_votes(int64_t height) const {
  for (const auto& vote : votes_.votes()) {
    abci::Request request;
    auto& verify = *request.mutable_verify_vote_extension();
    verify.set_height(height);
    verify.set_validator_address(vote.validator().address());
    verify.set_vote_extension(vote.vote_extension());
    for (const Node& node : nodes_) {
      EXPECT_EQ(node.application->handle(request).verify_vote_extension().status(),
                abci::VerifyVoteExtensionResponse::STATUS_ACCEPT)
          << "height " << height;
    }
  }
}

// CometBFT halts on a removal of who is not there.
void AbciChain::apply(const abci::FinalizeBlockResponse& result) {
  validators_ = next_validators_;
  for (const auto& update : result.validator_updates()) {
    const Bytes& key = update.pub_key().ed25519();
    if (update.power() == 0) {
      EXPECT_EQ(next_validators_.erase(key), 1u);
    } else {
      EXPECT_EQ(update.power(), kVotingPower);
      EXPECT_TRUE(next_validators_.insert(key).second);
    }
  }
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
  ++height_;
  for (const size_t key : validators()) {
    auto& vote = *votes_.add_votes();
    vote.mutable_validator()->set_address(validator_address(keys_[key].public_key()));
    vote.mutable_validator()->set_power(kVotingPower);
    vote.set_block_id_flag(abci::BLOCK_ID_FLAG_COMMIT);
    vote.set_vote_extension(step(nodes_[owner(key)], extend).extend_vote().vote_extension());
    vote.set_extension_signature(sign(key, vote.vote_extension()));
  }
  verify_votes(height());
  std::set<std::string> answers;
  abci::FinalizeBlockResponse out;
  for (Node& node : nodes_) {
    out = step(node, request).finalize_block();
    answers.insert(out.SerializeAsString());
    EXPECT_TRUE(step(node, commit).has_commit());
  }
  EXPECT_EQ(answers.size(), 1u) << "app hashes, results or validators differ";
  apply(out);
  blocks_.push_back(std::move(request));
  results_.push_back(out);
  return out;
}

void AbciChain::restart(size_t node) { assemble(nodes_[node], static_cast<uint32_t>(node)); }

std::vector<abci::FinalizeBlockResponse> AbciChain::replay() {
  Node node;
  assemble(node, 0);
  abci::Request commit;
  commit.mutable_commit();
  std::vector<abci::FinalizeBlockResponse> out;
  for (const abci::Request& block : blocks_) {
    out.push_back(step(node, block).finalize_block());
    step(node, commit);
  }
  return out;
}

std::string AbciChain::envelope_by(size_t gateway, size_t key, const std::string& salt,
                                   uint64_t lifetime) const {
  const replica::UserCall call{salt, "echo", "send", "{}"};
  return encode_ingress([&](BytesView message) { return keys_[key].sign(message); }, params_.chain_id,
                        ReplicaIndex(static_cast<uint32_t>(gateway)), Height(height_ + lifetime),
                        replica::encode_user_call(call));
}

std::string AbciChain::change(size_t gateway, const Members& members, int64_t active_from) const {
  const agreement::ReplicaSet newest = nodes_[0].host->replica_sets().back();
  agreement::SignedSetChange out;
  out.change = {newest.hash(), newest.version + 1, Height(static_cast<uint64_t>(active_from)), {}};
  for (const auto& [index, key] : members) {
    out.change.members.push_back({ReplicaIndex(index), keys_[key].public_key()});
  }
  const Bytes message = agreement::set_change_sign_bytes(params_.chain_id, out.change);
  for (const auto& member : newest.members) {
    out.signatures.push_back({member.index, keys_[key_number(member.public_key)].sign(message)});
  }
  return encode_ingress([&](BytesView bytes) { return keys_[gateway].sign(bytes); }, params_.chain_id,
                        ReplicaIndex(static_cast<uint32_t>(gateway)), Height(height_ + 10),
                        replica::encode_set_change(out));
}

}  // namespace icws::engine
