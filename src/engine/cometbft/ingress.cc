#include "engine/cometbft/ingress.h"

#include <stdexcept>

#include "base/archive.h"
#include "replica/batches.h"
#include "replica/canister.h"

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
      return "its gateway is no replica";
    case IngressFault::WrongSignature:
      return "not signed by its gateway";
    case IngressFault::Expired:
      return "expired";
    case IngressFault::TooFarAhead:
      return "its expiry is too far ahead";
    case IngressFault::BadTransaction:
      return "the transaction does not decode";
    case IngressFault::AlreadyRan:
      return "it has run already";
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

Bytes encode_ingress(const SigningKey& key, std::string_view chain_id, ReplicaIndex gateway, Height expiry,
                     Bytes transaction) {
  Bytes signature = key.sign(ingress_sign_bytes(chain_id, gateway, expiry, transaction));
  return archive_encode(Ingress{gateway, expiry, std::move(transaction), std::move(signature)});
}

IngressCheck::IngressCheck(IngressRules rules, const std::vector<Bytes>& replica_keys)
    : rules_(std::move(rules)) {
  for (const Bytes& bytes : replica_keys) {
    auto key = VerifyingKey::from(bytes);
    if (!key) throw std::runtime_error("a replica's public key has not 32 bytes");
    keys_.push_back(std::move(*key));
  }
}

std::expected<Ingress, IngressFault> IngressCheck::open(BytesView envelope, Height height,
                                                        Signature signature) const {
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
  if (ingress->gateway.value >= keys_.size()) return std::unexpected(IngressFault::UnknownGateway);
  if (!replica::decode_user_call(ingress->transaction) &&
      !replica::decode_batch_transaction(ingress->transaction)) {
    return std::unexpected(IngressFault::BadTransaction);
  }
  if (signature == Signature::Check &&
      !keys_[ingress->gateway.value].verify(
          ingress_sign_bytes(rules_.chain_id, ingress->gateway, ingress->expiry, ingress->transaction),
          ingress->signature)) {
    return std::unexpected(IngressFault::WrongSignature);
  }
  return std::move(*ingress);
}

}  // namespace icws::engine
