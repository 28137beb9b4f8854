#include "engine/cometbft/comet_signature.h"

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

bool CometReportVerifier::verify(const replica::SignedReport& report, const Bytes& public_key) const {
  return proof::verify_report(proof::SignatureScheme::CometBft, public_key, chain_id_, report.height,
                              report.report, report.signature);
}

bool CometReportVerifier::verify_batch(const agreement::ReplicaKey& owner, BytesView message,
                                       BytesView signature) const {
  const auto key = VerifyingKey::from(owner.public_key);
  return key && key->verify(message, signature);
}

}  // namespace icws::engine
