#include "engine/cometbft/comet_signature.h"

#include <stdexcept>

#include "base/archive.h"
#include "proof/report_signature.h"

namespace icws::engine {
namespace {

constexpr size_t kSignatureBytes = 64;
constexpr uint32_t kRoundMax = 0x7fffffff;

}  // namespace

Bytes CometSignature::encode() const { return archive_encode(*this); }

std::optional<CometSignature> CometSignature::decode(BytesView bytes) {
  auto out = archive_decode<CometSignature>(bytes);
  if (!out || out->round > kRoundMax || out->ed25519.size() != kSignatureBytes) return std::nullopt;
  return out;
}

CometReportVerifier::CometReportVerifier(std::string chain_id, const std::vector<Bytes>& replica_keys)
    : chain_id_(std::move(chain_id)) {
  for (const Bytes& bytes : replica_keys) {
    auto key = VerifyingKey::from(bytes);
    if (!key) throw std::runtime_error("a replica's public key has not 32 bytes");
    keys_.push_back(std::move(*key));
  }
}

bool CometReportVerifier::verify(const replica::SignedReport& report) const {
  if (report.member.value >= keys_.size()) return false;
  const auto signature = CometSignature::decode(report.signature);
  if (!signature) return false;
  return keys_[report.member.value].verify(
      proof::vote_extension_sign_bytes(chain_id_, report.height, signature->round, report.report),
      signature->ed25519);
}

bool CometReportVerifier::verify_batch(ReplicaIndex member, BytesView message, BytesView signature) const {
  return member.value < keys_.size() && keys_[member.value].verify(message, signature);
}

}  // namespace icws::engine
