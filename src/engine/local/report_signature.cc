#include "engine/local/report_signature.h"

#include "proof/report_signature.h"

namespace icws::engine {

replica::SignedReport sign_report(const SigningKey& key, std::string_view chain_id, ReplicaIndex member,
                                  Height height, Bytes report) {
  Bytes signature = key.sign(proof::local_sign_bytes(chain_id, height, report));
  return {member, height, std::move(report), std::move(signature)};
}

bool LocalReportVerifier::verify(const replica::SignedReport& report, const Bytes& public_key) const {
  return proof::verify_report(proof::SignatureScheme::Local, public_key, chain_id_, report.height,
                              report.report, report.signature);
}

bool LocalReportVerifier::verify_batch(const agreement::ReplicaKey& owner, BytesView message,
                                       BytesView signature) const {
  const auto key = VerifyingKey::from(owner.public_key);
  return key && key->verify(message, signature);
}

}  // namespace icws::engine
