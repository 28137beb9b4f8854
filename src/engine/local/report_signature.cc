#include "engine/local/report_signature.h"

#include <stdexcept>

namespace icws::engine {
namespace {

void append_u64(Bytes& out, uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

}  // namespace

Bytes report_sign_bytes(std::string_view chain_id, Height height, BytesView report) {
  Bytes out = "icws.local.report.v1";
  append_u64(out, chain_id.size());
  out += chain_id;
  append_u64(out, height.value);
  out += report;
  return out;
}

replica::SignedReport sign_report(const SigningKey& key, std::string_view chain_id, ReplicaIndex member,
                                  Height height, Bytes report) {
  Bytes signature = key.sign(report_sign_bytes(chain_id, height, report));
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
  return keys_[report.member.value].verify(report_sign_bytes(chain_id_, report.height, report.report),
                                           report.signature);
}

}  // namespace icws::engine
