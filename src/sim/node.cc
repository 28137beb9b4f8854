#include "sim/node.h"

#include "replica/keys.h"
#include "sim/canister.h"

namespace icws::sim {
namespace {

// Forgets what a replica must keep beside the agreed state: the bug that Planted::LoseLocalRecords stands
// for.
class ForgetfulStorage final : public replica::Storage {
 public:
  std::optional<Bytes> get(BytesView key) const override { return inner_.get(key); }
  void scan(BytesView prefix, BytesView from,
            const std::function<bool(BytesView, BytesView)>& visit) const override {
    inner_.scan(prefix, from, visit);
  }
  void apply(const replica::WriteBatch& batch) override {
    replica::WriteBatch kept;
    for (const auto& write : batch.writes) {
      if (!write.first.starts_with(replica::keys::kLocalPrefix)) kept.writes.push_back(write);
    }
    inner_.apply(kept);
  }

 private:
  replica::MemoryStorage inner_;
};

std::unique_ptr<replica::Storage> make_storage(Planted planted) {
  if (planted == Planted::LoseLocalRecords) return std::make_unique<ForgetfulStorage>();
  return std::make_unique<replica::MemoryStorage>();
}

}  // namespace

Node::Node(uint32_t index, const World& world, std::unique_ptr<Liar> liar)
    : index_(index),
      world_(world),
      liar_(std::move(liar)),
      // Local clocks have nothing to do with each other.
      offset_(static_cast<int64_t>(Prng(world.seed * 64 + index).below(1'000'000))),
      storage_(make_storage(world.planted)) {
  adapter_ =
      std::make_unique<Adapter>(index, world_.scheduler, world_.servers, world_.ledger, ++adapter_lives_);
}

void Node::start() {
  replica::CanisterSet canisters;
  canisters.canisters.push_back({"sim", make_canister()});
  replica_ = std::make_unique<replica::Replica>(replica::Replica::Config{world_.params, ReplicaIndex(index_)},
                                                verifier_, *storage_, std::move(canisters));
  attach();
}

void Node::attach() {
  adapter_->attach([this](replica::AdapterEvent event) { deliver(std::move(event)); });
}

void Node::crash() {
  disarm();
  replica_.reset();
  adapter_->detach();
}

bool Node::dies_at(CrashPhase phase) {
  if (armed_ != phase) return false;
  crash();
  return true;
}

void Node::lose_disk() {
  crash();
  storage_ = make_storage(world_.planted);
}

std::string Node::restore_from(const Node& peer) {
  const replica::ApplicationInfo at = peer.replica_->info();
  replica_->begin_restore(at.height, at.app_hash);
  std::expected<void, replica::SnapshotFault> good;
  const auto written = replica::write_snapshot(*peer.storage_, [&](BytesView piece) {
    good = replica_->restore(piece);
    return good.has_value();
  });
  if (!written) return written.error().message;
  if (good) good = replica_->finish_restore();
  return good ? std::string() : good.error().message;
}

void Node::crash_adapter() {
  holes_before_ = holes();
  adapter_ =
      std::make_unique<Adapter>(index_, world_.scheduler, world_.servers, world_.ledger, ++adapter_lives_);
  if (!up()) return;
  deliver(replica::AdapterDown{});
  attach();
}

void Node::deliver(replica::AdapterEvent event) {
  if (!up()) return;
  auto* socket = std::get_if<replica::SocketEvent>(&event);
  if (socket != nullptr && liar_) liar_->on_event(*socket);
  replica_->on_adapter_event(std::move(event), local_now());
  flush_commands();
}

void Node::flush_commands() {
  for (const replica::AdapterCommand& command : replica_->take_commands()) adapter_->perform(command);
}

Bytes Node::prepare(const replica::ProposalRequest& request) {
  Bytes payload = replica_->prepare_proposal(request);
  return liar_ ? liar_->payload(request, std::move(payload), *replica_) : payload;
}

Node::Verdict Node::process(const replica::Block& block, bool by_liar) {
  const bool valid = replica_->process_proposal(block).has_value();
  return Verdict{liar_ ? liar_->vote(valid, by_liar) : valid, valid};
}

std::vector<replica::SignedReport> Node::vote(Height height, const std::vector<replica::SignedReport>& last) {
  Bytes report = replica_->extend_vote(height, local_now());
  flush_commands();
  const Bytes key = replica_->own_key(height);
  std::vector<replica::SignedReport> lies;
  if (liar_) lies = liar_->reports(height, report, last, key, replica_->state());
  dies_at(CrashPhase::AfterVote);
  if (liar_) return lies;
  Bytes signature = SimVerifier::sign(key, ReplicaIndex(index_), height, report);
  return {replica::SignedReport{ReplicaIndex(index_), height, std::move(report), std::move(signature)}};
}

std::optional<Digest> Node::execute(const replica::Block& block) {
  const Digest hash = replica_->finalize_block(block).app_hash;
  if (liar_) liar_->on_block(block, hash);
  if (dies_at(CrashPhase::AfterFinalize)) return std::nullopt;
  replica_->commit(local_now());
  // What the adapter was to be told is lost, acknowledgements too.
  if (dies_at(CrashPhase::AfterCommit)) return hash;
  flush_commands();
  return hash;
}

}  // namespace icws::sim
