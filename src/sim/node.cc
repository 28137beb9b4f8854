#include "sim/node.h"

#include <set>

#include "agreement/report_codec.h"
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

Bytes SimVerifier::sign(ReplicaIndex member, Height height, BytesView report) {
  return Bytes(Sha256().update_u64(member.value).update_u64(height.value).update(report).finish().view());
}

bool SimVerifier::verify(const replica::SignedReport& report) const {
  return report.signature == sign(report.member, report.height, report.report);
}

Node::Node(uint32_t index, replica::ClusterParams params, Scheduler& scheduler, Server& server, Prng& prng,
           Byzantine byzantine, Planted planted)
    : index_(index),
      params_(std::move(params)),
      scheduler_(scheduler),
      server_(server),
      prng_(prng),
      byzantine_(byzantine),
      planted_(planted),
      offset_(static_cast<int64_t>(prng.below(1'000'000))),
      storage_(make_storage(planted)) {
  adapter_ = std::make_unique<Adapter>(scheduler_, server_, ++adapter_lives_);
}

void Node::start() {
  replica::CanisterSet canisters;
  canisters.canisters.push_back({"sim", make_canister()});
  replica_ = std::make_unique<replica::Replica>(replica::Replica::Config{params_, ReplicaIndex(index_)},
                                                verifier_, *storage_, std::move(canisters));
  attach();
}

void Node::attach() {
  adapter_->attach([this](replica::AdapterEvent event) { deliver(std::move(event)); });
}

void Node::crash() {
  replica_.reset();
  adapter_->detach();
}

void Node::crash_adapter() {
  seen_before_ = all_seen();
  holes_before_ = holes();
  adapter_ = std::make_unique<Adapter>(scheduler_, server_, ++adapter_lives_);
  if (!up()) return;
  deliver(replica::AdapterDown{});
  attach();
}

void Node::deliver(replica::AdapterEvent event) {
  if (!up()) return;
  if (auto* socket = std::get_if<replica::SocketEvent>(&event)) lie(*socket);
  replica_->on_adapter_event(std::move(event), local_now());
  flush_commands();
}

void Node::lie(replica::SocketEvent& event) {
  auto* message = std::get_if<replica::SocketMessage>(&event.what);
  if (message == nullptr) return;
  if (byzantine_ != Byzantine::None && message->content.starts_with('[')) {
    message->content = prng_.chance(1, 2) ? "[0,-1e900]" : "[1,1e900]";
    return;
  }
  if (byzantine_ == Byzantine::LieDigests && prng_.chance(1, 2)) message->content += " ";
  if (byzantine_ == Byzantine::LieDigests && prng_.chance(1, 4))
    message->content = Server::feed_text(1, prng_.below(9));
  if (byzantine_ == Byzantine::FloodItems)
    message->content = Server::feed_text(0, 1'000'000 + prng_.below(1'000'000));
  if (byzantine_ == Byzantine::FalseEnd && prng_.chance(1, 10)) event.what = replica::SocketClosed{};
}

void Node::flush_commands() {
  for (const replica::AdapterCommand& command : replica_->take_commands()) adapter_->perform(command);
}

Bytes Node::prepare(const replica::ProposalRequest& request) {
  Bytes payload = replica_->prepare_proposal(request);
  if (byzantine_ == Byzantine::ForgeContents && !payload.empty()) {
    payload[prng_.below(payload.size())] ^= static_cast<char>(1 + prng_.below(255));
  }
  if (byzantine_ == Byzantine::Withhold) {
    auto decoded =
        agreement::decode_payload(payload, [](ConnectionId) { return std::optional<agreement::Mode>(); });
    if (decoded) {
      decoded->decisions.clear();
      payload = agreement::encode_payload(*decoded);
    }
  }
  return payload;
}

std::optional<replica::SignedReport> Node::vote(Height height) {
  Bytes report = replica_->extend_vote(height, local_now());
  flush_commands();
  if (byzantine_ == Byzantine::ReplayReports) {
    old_reports_[height] = report;
    if (height.value > 5 && prng_.chance(1, 2)) report = old_reports_[Height(height.value - 5)];
  }
  Bytes signature = SimVerifier::sign(ReplicaIndex(index_), height, report);
  return replica::SignedReport{ReplicaIndex(index_), height, std::move(report), std::move(signature)};
}

Digest Node::execute(const replica::Block& block) {
  const Digest hash = replica_->finalize_block(block).app_hash;
  replica_->commit(local_now());
  flush_commands();
  return hash;
}

bool Node::has_seen(const std::string& text) const {
  return adapter_->seen().contains(text) || seen_before_.contains(text);
}

std::set<std::string> Node::all_seen() const {
  std::set<std::string> out = seen_before_;
  for (const auto& [text, count] : adapter_->seen()) out.insert(text);
  return out;
}

}  // namespace icws::sim
