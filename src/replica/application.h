// The state machine that an engine drives, in ABCI 2.0's shape. The local engine, CometBFT and the simulator
// all call this and nothing else; nothing above the engine knows which one runs.
//
// Order of calls for height h, each on the state after h-1:
//   prepare_proposal(h)   on the proposer only; may look at local data
//   process_proposal(h)   on everyone; a pure function of the state and its arguments
//   extend_vote(h)        on everyone; gives the report of height h; may look at local data
//   finalize_block(h)     on everyone, once; a pure function of the state and its arguments; persists nothing
//   commit()              on everyone, once; persists the block's effects in one atomic batch
// Reports of height h are handed to prepare_proposal(h+1).
//
// Thread-safety: none; the engine serialises all calls. Errors: peer input is refused with a Rejection, never
// with an exception; exceptions mean a bug or a failed disk, after which the process must end.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "agreement/replica_set.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"

namespace icws::replica {

// Why a peer's input was refused.
enum class RejectionKind : uint8_t {
  Malformed = 1,        // does not decode, or is not in canonical encoding
  Oversize,             // over the cap of reports or contents
  WrongSignature,       // the signature is not the named member's
  UnknownMember,        // not an index of the replica set
  DuplicateMember,      // two reports of one member in a payload
  WrongHeight,          // a report of another height than the one before the block's
  WrongChain,           // another chain id or format version
  UnknownConnection,    // a decision on a connection that is not there, or in another mode or epoch
  UnsupportedDecision,  // contents that no quorum of in-force sections supports
  WrongOrder,           // feed items not in emission order or not closed under precedes
  WrongContent,         // contents whose digest is not the agreed one
  InboxFull,            // more than the connection's inbox takes
  BadTransaction,       // a user call that does not decode
  WrongCommit,          // reports that do not fit the votes that the engine's block carries
  DoubleVote,           // the engine has evidence that a member signed two votes, or attacked readers
};

struct Rejection {
  RejectionKind kind;
  // What, where and what to do, for logs.
  std::string message;
};

std::string_view rejection_name(RejectionKind kind);

// A report with its member and signature, as the engine carries it.
struct SignedReport {
  ReplicaIndex member;
  Height height;
  Bytes report;
  Bytes signature;
};

// Checks signatures in the engine's own sign-bytes format. Pure; thread-safe.
class ReportVerifier {
 public:
  virtual ~ReportVerifier() = default;
  // Whether the report is signed with this key, the one that the replica set of its height gives to its
  // member.
  virtual bool verify(const SignedReport& report, const Bytes& public_key) const = 0;
  // Of a batch of mode delegated: `message` is agreement::batch_sign_bytes, `owner` of the block's replica
  // set.
  virtual bool verify_batch(const agreement::ReplicaKey& owner, BytesView message,
                            BytesView signature) const = 0;
};

struct ProposalRequest {
  Height height;
  BlockTime time;
  // Of height-1, at most one a member; unverified ones are pruned.
  std::vector<SignedReport> reports;
  // Ingress, in the order in which it is to run.
  std::vector<Bytes> transactions;
};

struct Block {
  Height height;
  // Never before the previous block's.
  BlockTime time;
  // An icws.agreement.v1.Payload.
  Bytes payload;
  std::vector<Bytes> transactions;
};

struct TransactionResult {
  bool ok = false;
  // The canister's reply, or the reject's message.
  Bytes reply;
};

struct BlockResult {
  // One for each transaction, in order.
  std::vector<TransactionResult> results;
  Digest app_hash;
};

struct ApplicationInfo {
  Height height;
  Digest app_hash;
};

class Application {
 public:
  virtual ~Application() = default;

  // The last committed height.
  virtual ApplicationInfo info() const = 0;
  // The payload for a block that holds exactly `request.transactions`.
  virtual Bytes prepare_proposal(const ProposalRequest& request) = 0;
  virtual std::expected<void, Rejection> process_proposal(const Block& block) = 0;
  // This replica's report. At most ClusterParams::report_bytes_max.
  virtual Bytes extend_vote(Height height, LocalTime now) = 0;
  // Looks at size, encoding and signature only.
  virtual std::expected<void, Rejection> verify_vote_extension(const SignedReport& report) const = 0;
  // The same without the signature, for an engine that has checked that before.
  virtual std::expected<void, Rejection> check_report(ReplicaIndex member, Height height,
                                                      BytesView report) const = 0;
  virtual BlockResult finalize_block(const Block& block) = 0;
  virtual void commit(LocalTime now) = 0;
};

}  // namespace icws::replica
