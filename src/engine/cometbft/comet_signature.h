// Who vouches for a report under CometBFT: the validator's Ed25519 key, over the sign bytes of a vote
// extension (proof/report_signature.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/signature.h"
#include "replica/application.h"

namespace icws::engine {

// SignedReport::signature under this engine: the sign bytes hold the round, which nothing else keeps.
struct CometSignature {
  // 0 to 2^31 - 1.
  uint32_t round = 0;
  // 64 bytes.
  Bytes ed25519;
  static void fields(auto& archive, auto& self) { archive(self.round, self.ed25519); }

  Bytes encode() const;
  // Empty unless canonical.
  static std::optional<CometSignature> decode(BytesView bytes);
};

// What: checks reports against validators' public keys. Thread-safety: verify() from any thread.
class CometReportVerifier final : public replica::ReportVerifier {
 public:
  explicit CometReportVerifier(std::string chain_id) : chain_id_(std::move(chain_id)) {}
  bool verify(const replica::SignedReport& report, const Bytes& public_key) const override;
  bool verify_batch(const agreement::ReplicaKey& owner, BytesView message,
                    BytesView signature) const override;

 private:
  std::string chain_id_;
};

}  // namespace icws::engine
