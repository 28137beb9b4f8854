// Whether a certificate shows what it says, from public keys alone.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "proof/certificate.h"
#include "transcript/entry.h"

namespace icws::proof {

// What the verifier knows beforehand: the chain, and its replicas at genesis or at some later height.
struct Trusted {
  std::string chain_id;
  agreement::ReplicaSet replicas;
};

enum class FaultKind : uint8_t {
  WrongChain = 1,  // made for another chain
  SetChange,     // a change of the replica set does not follow from the one before, or is left out or surplus
  NoEntries,     // a certificate of nothing
  MissingEntry,  // entries left out
  ExtraEntry,    // an entry that does not belong here, or belongs elsewhere
  ChangedEntry,  // an entry's bytes are not the agreed ones
  WrongStart,    // entry 1 does not follow the beginning of this connection's transcript
  WrongHead,   // the links do not lead to the head: one was changed, dropped, added or moved, or the head was
  WrongProof,  // a Merkle proof does not lead from head or sets to the app hash that the replicas signed
  UnknownMember,   // a report of somebody who was not a replica at that height, or two of one
  WrongSignature,  // not this replica's signature
  WrongReport,     // a report that does not decode, of another chain, or of another height
  WrongAppHash,    // reports of different states
  TooFewReports,   // no more than f
  WrongEvidence,   // the claims of a DIVERGED entry are not in the reports that it names
};

// "CHANGED_ENTRY" and so on.
std::string_view fault_name(FaultKind kind);

struct Fault {
  FaultKind kind;
  // What, and where: names the entry, the replica or the change.
  std::string message;
};

struct Verified {
  ConnectionId connection;
  std::vector<transcript::Entry> entries;
  // Of the whole transcript at the height before `height`.
  EntrySequence last_entry;
  Digest head;
  Height height;
  Digest app_hash;
  std::vector<ReplicaIndex> signers;
  agreement::ReplicaSet replicas;
  // Claims of DIVERGED entries whose signed reports were checked.
  size_t claims_checked = 0;
};

// Pure; thread-safe. Cost: one hash for each entry and link, one signature for each report, claim and signer
// of a change.
std::expected<Verified, Fault> verify(const Certificate& certificate, const Trusted& trusted);

}  // namespace icws::proof
