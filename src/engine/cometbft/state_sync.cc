#include "engine/cometbft/state_sync.h"

namespace icws::engine {
namespace {

namespace abci = icws::abci::v1;
using Offer = abci::OfferSnapshotResponse;
using Apply = abci::ApplySnapshotChunkResponse;

Bytes metadata_of(const std::vector<Digest>& chunks) {
  Bytes out;
  for (const Digest& chunk : chunks) out += chunk.view();
  return out;
}

// Empty: not as many digests as chunks, or another hash.
std::optional<std::vector<Digest>> chunks_of(const abci::Snapshot& snapshot) {
  const BytesView metadata = snapshot.metadata();
  if (snapshot.chunks() == 0 || snapshot.chunks() > kSnapshotChunksMax ||
      metadata.size() != sizeof(Digest) * snapshot.chunks() ||
      sha256(metadata).view() != BytesView(snapshot.hash()))
    return std::nullopt;
  std::vector<Digest> out;
  for (size_t at = 0; at < metadata.size(); at += sizeof(Digest))
    out.push_back(*Digest::from(metadata.substr(at, sizeof(Digest))));
  return out;
}

std::string name_of(Height height) { return "the snapshot of height " + std::to_string(height.value); }

}  // namespace

void StateSync::list(abci::ListSnapshotsResponse& out) const {
  if (store_ == nullptr) return;
  for (const StoredSnapshot& stored : store_->list()) {
    auto& snapshot = *out.add_snapshots();
    snapshot.set_height(stored.height.value);
    snapshot.set_format(replica::kSnapshotFormat);
    snapshot.set_chunks(static_cast<uint32_t>(stored.chunks.size()));
    snapshot.set_metadata(metadata_of(stored.chunks));
    snapshot.set_hash(Bytes(sha256(snapshot.metadata()).view()));
  }
}

void StateSync::load(const abci::LoadSnapshotChunkRequest& in, abci::LoadSnapshotChunkResponse& out) const {
  if (store_ == nullptr || in.format() != replica::kSnapshotFormat) return;
  out.set_chunk(store_->chunk(Height(in.height()), in.chunk()));
}

Offer::Result StateSync::offer(const abci::OfferSnapshotRequest& in) {
  const std::lock_guard lock(mutex_);
  restoring_.reset();
  const Height height(in.snapshot().height());
  if (in.snapshot().format() != replica::kSnapshotFormat) return Offer::RESULT_REJECT_FORMAT;
  const auto app_hash = Digest::from(in.app_hash());
  auto chunks = chunks_of(in.snapshot());
  if (!chunks || !app_hash || height == Height(0)) {
    notice_("state sync: " + name_of(height) +
            " is refused: its list of chunks does not fit its hash, or it has none");
    return Offer::RESULT_REJECT_SENDER;
  }
  Restoring offered{height, std::move(*chunks), 0, {}};
  if (!host_.begin_restore(height, *app_hash)) return offer_to_state(std::move(offered), *app_hash);
  notice_("state sync: restoring " + name_of(height) + ", " + std::to_string(offered.chunks.size()) +
          " chunks");
  restoring_ = std::move(offered);
  return Offer::RESULT_ACCEPT;
}

// A node that has lost its data, or died between the last chunk and its own first write. Peers may still have
// the snapshot of just this state.
Offer::Result StateSync::offer_to_state(Restoring offered, const Digest& app_hash) {
  const auto now = host_.info();
  if (offered.height != now.height || app_hash != now.app_hash) {
    notice_(
        "state sync: " + name_of(offered.height) +
        " is refused: this replica has a state already, of height " + std::to_string(now.height.value) +
        "; stop it and remove its state directory to begin with a snapshot, or take state sync out of the "
        "node's configuration");
    return Offer::RESULT_REJECT;
  }
  notice_("state sync: " + name_of(offered.height) + " is this replica's state already");
  offered.present = true;
  restoring_ = std::move(offered);
  return Offer::RESULT_ACCEPT;
}

void StateSync::apply(const abci::ApplySnapshotChunkRequest& in, Apply& out) {
  const std::lock_guard lock(mutex_);
  // A node asks for them in order; one that comes again after another was sent for is there already.
  if (!restoring_ || (!restoring_->present && in.index() > restoring_->next))
    return out.set_result(Apply::RESULT_ABORT);
  out.set_result(Apply::RESULT_ACCEPT);
  if (in.index() < restoring_->next || restoring_->present) return;
  if (in.chunk().size() > kSnapshotChunkBytes || sha256(in.chunk()) != restoring_->chunks[in.index()]) {
    notice_("state sync: peer " + in.sender() + " sent a wrong chunk " + std::to_string(in.index()) +
            "; another one is asked");
    out.set_result(Apply::RESULT_RETRY);
    out.add_refetch_chunks(in.index());
    out.add_reject_senders(in.sender());
    return;
  }
  restoring_->senders.insert(in.sender());
  const bool last = ++restoring_->next == restoring_->chunks.size();
  const auto good = host_.restore(in.chunk(), last);
  if (!good) return give_up(good.error().message, out);
  if (!last) return;
  notice_("state sync: restored " + name_of(restoring_->height));
  restoring_.reset();
}

// Every chunk was what its sender had promised: the promise was the lie.
void StateSync::give_up(const std::string& why, Apply& out) {
  std::string senders;
  for (const std::string& sender : restoring_->senders) {
    senders += (senders.empty() ? "" : ", ") + sender;
    out.add_reject_senders(sender);
  }
  notice_("state sync: " + name_of(restoring_->height) + " is not the agreed state (" + why +
          "); it was offered by " + senders);
  restoring_.reset();
  out.set_result(Apply::RESULT_REJECT_SNAPSHOT);
}

}  // namespace icws::engine
