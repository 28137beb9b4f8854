// Who vouches for a report in the local engine: Ed25519 over plain sign bytes. Pure; knows nothing of gRPC.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/signature.h"
#include "replica/application.h"

namespace icws::engine {

// The report as the orderer carries it.
replica::SignedReport sign_report(const SigningKey& key, std::string_view chain_id, ReplicaIndex member,
                                  Height height, Bytes report);

// What: checks reports against the replica set's public keys. Thread-safety: verify() from any thread.
// Errors: construction throws std::runtime_error if a key has not 32 bytes.
class LocalReportVerifier final : public replica::ReportVerifier {
 public:
  LocalReportVerifier(std::string chain_id, const std::vector<Bytes>& replica_keys);
  // False also for a member outside the set.
  bool verify(const replica::SignedReport& report) const override;
  bool verify_batch(ReplicaIndex member, BytesView message, BytesView signature) const override;

 private:
  std::string chain_id_;
  std::vector<VerifyingKey> keys_;
};

}  // namespace icws::engine
