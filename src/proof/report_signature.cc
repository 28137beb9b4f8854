#include "proof/report_signature.h"

#include <optional>

#include "base/archive.h"
#include "base/signature.h"
#include "base/varint.h"

namespace icws::proof {
namespace {

// Field number and wire type.
constexpr char kExtensionTag = 1 << 3 | 2;
constexpr char kHeightTag = 2 << 3 | 1;
constexpr char kRoundTag = 3 << 3 | 1;
constexpr char kChainIdTag = 4 << 3 | 2;

constexpr uint32_t kRoundMax = 0x7fffffff;

struct RoundSignature {
  uint32_t round = 0;
  Bytes ed25519;
  static void fields(auto& archive, auto& self) { archive(self.round, self.ed25519); }
};

void append_u64(Bytes& out, uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

void append_fixed(Bytes& out, char tag, uint64_t value) {
  if (value == 0) return;
  out.push_back(tag);
  append_u64(out, value);
}

void append_sized(Bytes& out, char tag, BytesView value) {
  if (value.empty()) return;
  out.push_back(tag);
  append_varint(out, value.size());
  out += value;
}

}  // namespace

Bytes local_sign_bytes(std::string_view chain_id, Height height, BytesView report) {
  Bytes out = "icws.local.report.v1";
  append_u64(out, chain_id.size());
  out += chain_id;
  append_u64(out, height.value);
  return out += report;
}

Bytes vote_extension_sign_bytes(std::string_view chain_id, Height height, uint32_t round, BytesView report) {
  Bytes message;
  append_sized(message, kExtensionTag, report);
  append_fixed(message, kHeightTag, height.value);
  append_fixed(message, kRoundTag, round);
  append_sized(message, kChainIdTag, chain_id);
  Bytes out;
  append_varint(out, message.size());
  return out += message;
}

bool verify_report(SignatureScheme scheme, BytesView public_key, std::string_view chain_id, Height height,
                   BytesView report, BytesView signature) {
  const auto key = VerifyingKey::from(public_key);
  if (!key) return false;
  if (scheme == SignatureScheme::Local)
    return key->verify(local_sign_bytes(chain_id, height, report), signature);
  const auto rounded = archive_decode<RoundSignature>(signature);
  if (!rounded || rounded->round > kRoundMax) return false;
  return key->verify(vote_extension_sign_bytes(chain_id, height, rounded->round, report), rounded->ed25519);
}

}  // namespace icws::proof
