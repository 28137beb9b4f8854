// A piece of a connection's transcript with what it takes to check it offline: docs/certificates.md.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "agreement/replica_set.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/merkle_map.h"
#include "proof/report_signature.h"

namespace icws::proof {

// Bytes of an encoded certificate that is made or read. A longer range is exported in pieces.
inline constexpr size_t kCertificateBytesMax = 64 * 1024 * 1024;

// What: entries from .. from + entries.size() - 1 of one connection, the chain from there to the transcript's
// head, the head's place under an app hash, reports that name this app hash, the changes of the replica set
// since genesis, and the sets' place under the same app hash. A value; nothing in it is to be believed before
// verify().
struct Certificate {
  SignatureScheme scheme = SignatureScheme::Local;
  std::string chain_id;
  ConnectionId connection;
  // Of the first entry, from 1.
  EntrySequence from;
  // The transcript's head before that entry.
  Digest previous;
  // In canonical encoding.
  std::vector<Bytes> entries;
  // transcript::entry_digest of every entry from the first to the transcript's last: the first ones say which
  // of `entries` is not as agreed, the others link them to the head.
  std::vector<Digest> links;
  // After the last link.
  Digest head;
  // Of the head's leaf under the app hash.
  MerkleProof proof;
  // Of the reports; the app hash is that of the state after the height before.
  Height height;
  struct Report {
    ReplicaIndex member;
    Bytes report;
    Bytes signature;
    static void fields(auto& archive, auto& self) { archive(self.member, self.report, self.signature); }
    bool operator==(const Report&) const = default;
  };
  // Ascending by member.
  std::vector<Report> reports;
  // Ascending by version, from the first on: all that were agreed on before `height`.
  std::vector<agreement::SignedSetChange> changes;
  // What the state says of the replicas, and the proof of that leaf: without it a change could be left out,
  // and who has left would speak on.
  std::vector<agreement::ReplicaSet> sets;
  MerkleProof sets_proof;

  bool operator==(const Certificate&) const = default;
};

Bytes encode_certificate(const Certificate& certificate);

// Why bytes are no certificate: the part that does not decode, or the size.
struct DecodeFault {
  std::string message;
};
// Refuses all but what encode_certificate() gives.
std::expected<Certificate, DecodeFault> decode_certificate(BytesView bytes);

}  // namespace icws::proof
