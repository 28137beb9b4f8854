#include "engine/local/report_signature.h"

#include <stdexcept>

#include "proof/report_signature.h"

namespace icws::engine {
replica::SignedReport sign_report(const SigningKey& key, std::string_view chain_id, ReplicaIndex member,
                                  Height height, Bytes report) {
  Bytes signature = key.sign(proof::local_sign_bytes(chain_id, height, report));
  return {member, height, std::move(report), std::move(signature)};
}

LocalReportVerifier::LocalReportVerifier(std::string chain_id, const std::vector<Bytes>& replica_keys)
    : chain_id_(std::move(chain_id)) {
  for (const Bytes& bytes : replica_keys) {
    auto key = VerifyingKey::from(bytes);
    if (!key) throw std::runtime_error("a replica's public key has not 32 bytes");
    keys_.push_back(std::move(*key));
  }
}

bool LocalReportVerifier::verify(const replica::SignedReport& report) const {
  if (report.member.value >= keys_.size()) return false;
  return keys_[report.member.value].verify(proof::local_sign_bytes(chain_id_, report.height, report.report),
                                           report.signature);
}

bool LocalReportVerifier::verify_batch(ReplicaIndex member, BytesView message, BytesView signature) const {
  return member.value < keys_.size() && keys_[member.value].verify(message, signature);
}

}  // namespace icws::engine
