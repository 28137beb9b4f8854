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

// What: see above. Thread-safety: verify() from any thread.
class LocalReportVerifier final : public replica::ReportVerifier {
 public:
  explicit LocalReportVerifier(std::string chain_id) : chain_id_(std::move(chain_id)) {}
  bool verify(const replica::SignedReport& report, const Bytes& public_key) const override;
  bool verify_batch(const agreement::ReplicaKey& owner, BytesView message,
                    BytesView signature) const override;

 private:
  std::string chain_id_;
};

}  // namespace icws::engine
