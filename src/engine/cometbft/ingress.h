// Users' calls, owners' batches and changes of the replica set on their way through the mempool: what a
// replica accepted, signed by it, until a height. So nobody else can fill the mempool, and what ran once
// cannot come again: the core remembers what ran for `transaction_memory_blocks`, and an envelope lives for
// less.
//
// A block of height h takes what is signed with the key that the set of h gives to the gateway. What a
// replica signed before it left, or with the key before its present one, is void from then on: the mempool
// drops it, an honest proposer leaves it out, everyone refuses it in a block.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "engine/cometbft/validator_set.h"

namespace icws::engine {

// What a transaction's bytes are in the mempool and in blocks, in archive encoding.
struct Ingress {
  // The replica that accepted it.
  ReplicaIndex gateway;
  // The last block height that may hold it.
  Height expiry;
  // What the core runs.
  Bytes transaction;
  // Ed25519, the gateway's of the block's height, over ingress_sign_bytes.
  Bytes signature;
  static void fields(auto& archive, auto& self) {
    archive(self.gateway, self.expiry, self.transaction, self.signature);
  }
};

// Bytes of an envelope beside its transaction, at most.
inline constexpr uint32_t kIngressOverheadBytes = 96;
// Bytes of the envelopes of one block, and their number: as the local engine has it.
inline constexpr uint64_t kBlockIngressBytesMax = 4 * 1024 * 1024;
inline constexpr size_t kBlockIngressMax = 1'024;

enum class IngressFault : uint8_t {
  Malformed = 1,   // no envelope in canonical encoding
  Oversize,        // over transaction_bytes_max
  UnknownGateway,  // not in the set of the block's height
  WrongSignature,  // not with the gateway's key of that height
  Expired,         // below the block's height
  TooFarAhead,     // would outlive the memory of what ran
  BadTransaction,  // what is inside is nothing that the core runs
  AlreadyRan,      // known to have run; told in CheckTx only
  BlockFull,       // over kBlockIngressMax or kBlockIngressBytesMax; told of blocks only, as is the next
  SecondChange,    // its gateway has a change of the replica set in this block already
};
std::string_view ingress_fault_text(IngressFault fault);

// "icws.ingress.v1", the chain id with its length (8 bytes, little endian), gateway and expiry (8 bytes each,
// little endian), the transaction.
Bytes ingress_sign_bytes(std::string_view chain_id, ReplicaIndex gateway, Height expiry,
                         BytesView transaction);
// `sign`: with the gateway's key of the block that is to hold it.
using IngressSigner = std::function<Bytes(BytesView message)>;
Bytes encode_ingress(const IngressSigner& sign, std::string_view chain_id, ReplicaIndex gateway,
                     Height expiry, Bytes transaction);

struct IngressRules {
  std::string chain_id;
  // Of one transaction without its envelope.
  uint32_t transaction_bytes_max = 0;
  // For how many blocks the core remembers what ran.
  uint32_t memory_blocks = 0;
};

// From where an envelope comes.
enum class IngressOrigin : uint8_t {
  Elsewhere = 1,
  // This node's mempool, so that it was good when it came in. Its signature is checked again only where its
  // gateway may have had another key then: in the first `memory_blocks` of a set, for none lives longer.
  Mempool,
};

// What: checks envelopes; a pure function of its construction and its arguments. Thread-safety: const.
class IngressCheck {
 public:
  explicit IngressCheck(IngressRules rules) : rules_(std::move(rules)) {}

  // For a block of `height`; `gateways`: the validators of that height.
  std::expected<Ingress, IngressFault> open(BytesView envelope, Height height, const ValidatorSet& gateways,
                                            IngressOrigin origin = IngressOrigin::Elsewhere) const;

 private:
  bool signature_stands(Height height, const ValidatorSet& gateways, IngressOrigin origin) const;

  IngressRules rules_;
};

// What: the envelopes of one block, in its order. Beside each one's own rules a block has limits, and one
// change of the replica set for each gateway: to find out that a change is no good may cost a quorum of
// signatures, which a liar could have checked a thousand times a block. Thread-safety: none. `check` and
// `gateways` outlive it.
class BlockIngress {
 public:
  BlockIngress(const IngressCheck& check, Height height, const ValidatorSet& gateways,
               IngressOrigin origin = IngressOrigin::Elsewhere)
      : check_(check), height_(height), gateways_(gateways), origin_(origin) {}

  // The next one. What is refused takes no room.
  std::expected<Ingress, IngressFault> take(BytesView envelope);

 private:
  const IngressCheck& check_;
  const Height height_;
  const ValidatorSet& gateways_;
  const IngressOrigin origin_;
  size_t count_ = 0;
  uint64_t bytes_ = 0;
  std::set<ReplicaIndex> changers_;
};

}  // namespace icws::engine
