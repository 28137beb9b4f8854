#include "engine/cometbft/ingress.h"

#include "base/archive.h"
#include "replica/batches.h"
#include "replica/canister.h"
#include "replica/membership.h"

namespace icws::engine {
namespace {

void append_u64(Bytes& out, uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

}  // namespace

std::string_view ingress_fault_text(IngressFault fault) {
  switch (fault) {
    case IngressFault::Malformed:
      return "no ingress envelope";
    case IngressFault::Oversize:
      return "over the limit of a transaction";
    case IngressFault::UnknownGateway:
      return "its gateway is no replica of this height";
    case IngressFault::WrongSignature:
      return "not signed with its gateway's key of this height";
    case IngressFault::Expired:
      return "expired";
    case IngressFault::TooFarAhead:
      return "its expiry is too far ahead";
    case IngressFault::BadTransaction:
      return "the transaction does not decode";
    case IngressFault::AlreadyRan:
      return "it has run already";
    case IngressFault::BlockFull:
      return "more than a block takes";
    case IngressFault::SecondChange:
      return "a second change of the replica set by its gateway";
  }
  return "unknown fault";
}

Bytes ingress_sign_bytes(std::string_view chain_id, ReplicaIndex gateway, Height expiry,
                         BytesView transaction) {
  Bytes out = "icws.ingress.v1";
  append_u64(out, chain_id.size());
  out += chain_id;
  append_u64(out, gateway.value);
  append_u64(out, expiry.value);
  out += transaction;
  return out;
}

Bytes encode_ingress(const IngressSigner& sign, std::string_view chain_id, ReplicaIndex gateway,
                     Height expiry, Bytes transaction) {
  Bytes signature = sign(ingress_sign_bytes(chain_id, gateway, expiry, transaction));
  return archive_encode(Ingress{gateway, expiry, std::move(transaction), std::move(signature)});
}

bool IngressCheck::signature_stands(Height height, const ValidatorSet& gateways, IngressOrigin origin) const {
  // It came into the mempool less than memory_blocks before its expiry, which is not before `height`.
  return origin == IngressOrigin::Mempool && height >= gateways.active_from().next(rules_.memory_blocks);
}

std::expected<Ingress, IngressFault> IngressCheck::open(BytesView envelope, Height height,
                                                        const ValidatorSet& gateways,
                                                        IngressOrigin origin) const {
  if (envelope.size() > uint64_t{rules_.transaction_bytes_max} + kIngressOverheadBytes) {
    return std::unexpected(IngressFault::Oversize);
  }
  auto ingress = archive_decode<Ingress>(envelope);
  if (!ingress) return std::unexpected(IngressFault::Malformed);
  if (ingress->transaction.size() > rules_.transaction_bytes_max) {
    return std::unexpected(IngressFault::Oversize);
  }
  if (ingress->expiry < height) return std::unexpected(IngressFault::Expired);
  if (ingress->expiry.value - height.value >= rules_.memory_blocks) {
    return std::unexpected(IngressFault::TooFarAhead);
  }
  const VerifyingKey* key = gateways.key(ingress->gateway);
  if (key == nullptr) return std::unexpected(IngressFault::UnknownGateway);
  if (!replica::decode_user_call(ingress->transaction) &&
      !replica::decode_batch_transaction(ingress->transaction) &&
      !replica::decode_set_change(ingress->transaction)) {
    return std::unexpected(IngressFault::BadTransaction);
  }
  if (!signature_stands(height, gateways, origin) &&
      !key->verify(
          ingress_sign_bytes(rules_.chain_id, ingress->gateway, ingress->expiry, ingress->transaction),
          ingress->signature)) {
    return std::unexpected(IngressFault::WrongSignature);
  }
  return std::move(*ingress);
}

std::expected<Ingress, IngressFault> BlockIngress::take(BytesView envelope) {
  if (count_ == kBlockIngressMax || envelope.size() > kBlockIngressBytesMax - bytes_) {
    return std::unexpected(IngressFault::BlockFull);
  }
  auto opened = check_.open(envelope, height_, gateways_, origin_);
  if (!opened) return opened;
  if (replica::decode_set_change(opened->transaction) && !changers_.insert(opened->gateway).second) {
    return std::unexpected(IngressFault::SecondChange);
  }
  ++count_;
  bytes_ += envelope.size();
  return opened;
}

}  // namespace icws::engine
