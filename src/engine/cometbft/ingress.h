// Users' calls on their way through the mempool: what a replica accepted from its users, signed by it, until
// a height. So nobody else can fill the mempool, and what ran once cannot come again: the core remembers what
// ran for `transaction_memory_blocks`, and an envelope lives for less.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/signature.h"

namespace icws::engine {

// What a transaction's bytes are in the mempool and in blocks, in archive encoding.
struct Ingress {
  // The replica that accepted it from a user.
  ReplicaIndex gateway;
  // The last block height that may hold it.
  Height expiry;
  // What the core runs.
  Bytes transaction;
  // Ed25519, the gateway's, over ingress_sign_bytes.
  Bytes signature;
  static void fields(auto& archive, auto& self) {
    archive(self.gateway, self.expiry, self.transaction, self.signature);
  }
};

// Bytes of an envelope beside its transaction, at most.
inline constexpr uint32_t kIngressOverheadBytes = 96;

enum class IngressFault : uint8_t {
  Malformed = 1,   // no envelope in canonical encoding
  Oversize,        // over transaction_bytes_max
  UnknownGateway,  // no such replica
  WrongSignature,  // not the gateway's
  Expired,         // below the block's height
  TooFarAhead,     // would outlive the memory of what ran
  BadTransaction,  // what is inside is nothing that the core runs
  AlreadyRan,      // known to have run; told in CheckTx only
};
std::string_view ingress_fault_text(IngressFault fault);

// "icws.ingress.v1", the chain id with its length (8 bytes, little endian), gateway and expiry (8 bytes each,
// little endian), the transaction.
Bytes ingress_sign_bytes(std::string_view chain_id, ReplicaIndex gateway, Height expiry,
                         BytesView transaction);
Bytes encode_ingress(const SigningKey& key, std::string_view chain_id, ReplicaIndex gateway, Height expiry,
                     Bytes transaction);

struct IngressRules {
  std::string chain_id;
  // Of one transaction without its envelope.
  uint32_t transaction_bytes_max = 0;
  // For how many blocks the core remembers what ran.
  uint32_t memory_blocks = 0;
};

// What: checks envelopes; a pure function of its construction and its arguments. Thread-safety: const.
class IngressCheck {
 public:
  // Throws std::runtime_error if a key has not 32 bytes.
  IngressCheck(IngressRules rules, const std::vector<Bytes>& replica_keys);

  // For a block of `height`. `signature`: false where it was checked before (a recheck).
  enum class Signature : uint8_t { Check, Trust };
  std::expected<Ingress, IngressFault> open(BytesView envelope, Height height,
                                            Signature signature = Signature::Check) const;

 private:
  IngressRules rules_;
  std::vector<VerifyingKey> keys_;
};

}  // namespace icws::engine
