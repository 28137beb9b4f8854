// The keys under which a replica stores its state. Numbers are big endian, so that byte order is number
// order.
#pragma once

#include <string>
#include <vector>

#include "agreement/replica_set.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "transcript/head.h"

namespace icws::replica::keys {

inline Bytes number(uint64_t value) {
  Bytes out(8, '\0');
  for (int i = 0; i < 8; ++i) out[static_cast<size_t>(i)] = static_cast<char>(value >> (56 - 8 * i));
  return out;
}

// Replicated, and leaves of the app hash.
inline const Bytes kGlobal = "g";
inline const Bytes kConnectionPrefix = "c/";
inline const Bytes kArgumentsPrefix = "q/";
inline const Bytes kHeadPrefix = "d/";
inline const Bytes kOutboxPrefix = "o/";
inline const Bytes kCanisterPrefix = "k/";
// What the service knows of a canister.
inline const Bytes kRecordPrefix = "a/";
inline const Bytes kTransactionsPrefix = "x/";
inline const Bytes kMembers{agreement::kReplicaSetsKey};
// The signed changes of the replica set by version, for certificates. Kept for ever.
inline const Bytes kSetChangesPrefix = "v/";
inline Bytes set_change(uint64_t version) { return kSetChangesPrefix + number(version); }
inline Bytes connection(ConnectionId id) { return kConnectionPrefix + number(id.value); }
inline Bytes arguments(ConnectionId id) { return kArgumentsPrefix + number(id.value); }
inline Bytes head(ConnectionId id) { return transcript::head_key(id); }
inline Bytes outbox(ConnectionId id, SendSequence sequence) {
  return kOutboxPrefix + number(id.value) + "/" + number(sequence.value);
}
// What a block carried and is in force.
inline const Bytes kReportsPrefix = "r/";
inline Bytes reports(Height height) { return kReportsPrefix + number(height.value); }
// The app hashes of the heights before the last one, whose own hash follows from this leaf, too.
inline const Bytes kAppHashes = "h";
inline Bytes transactions(Height height) { return kTransactionsPrefix + number(height.value); }
inline Bytes canister(BytesView name) { return kCanisterPrefix + Bytes(name); }
inline Bytes record(BytesView name) { return kRecordPrefix + Bytes(name); }
// Every leaf's key begins with one of them, and no other key does. Ascending.
inline std::vector<Bytes> leaf_prefixes() {
  return {kRecordPrefix,    kConnectionPrefix, kHeadPrefix,       kGlobal,
          kAppHashes,       kCanisterPrefix,   kMembers,          kOutboxPrefix,
          kArgumentsPrefix, kReportsPrefix,    kSetChangesPrefix, kTransactionsPrefix};
}

// Replicated, bound by the leaf of the transcript's head.
inline const Bytes kTranscriptsPrefix = "t/";
inline Bytes transcript_prefix(ConnectionId id) { return kTranscriptsPrefix + number(id.value) + "/"; }
inline Bytes transcript(ConnectionId id, EntrySequence sequence) {
  return transcript_prefix(id) + number(sequence.value);
}

// This replica's own.
// The app hash after the last block, so that damage to the state is found.
inline const Bytes kStateHash = "s";
// Something while a snapshot is being restored: whatever else is here is none of a state (snapshot.h).
inline const Bytes kRestoring = "z";
// Why it has stopped for good (divergence.h).
inline const Bytes kDiverged = "x";
inline const Bytes kLocalPrefix = "l/";
inline Bytes local(ConnectionId id) { return kLocalPrefix + number(id.value); }

// For people: a leaf's key with its number in decimal.
std::string readable(BytesView key);

}  // namespace icws::replica::keys
