#include "engine/cometbft/comet_signature.h"

#include <stdexcept>

#include "base/archive.h"
#include "engine/cometbft/frame_codec.h"

namespace icws::engine {
namespace {

constexpr size_t kSignatureBytes = 64;
constexpr uint32_t kRoundMax = 0x7fffffff;

// Field number and wire type.
constexpr char kExtensionTag = 1 << 3 | 2;
constexpr char kHeightTag = 2 << 3 | 1;
constexpr char kRoundTag = 3 << 3 | 1;
constexpr char kChainIdTag = 4 << 3 | 2;

void append_fixed(Bytes& out, char tag, uint64_t value) {
  if (value == 0) return;
  out.push_back(tag);
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

void append_sized(Bytes& out, char tag, BytesView value) {
  if (value.empty()) return;
  out.push_back(tag);
  append_frame_length(out, value.size());
  out += value;
}

}  // namespace

Bytes vote_extension_sign_bytes(BytesView extension, Height height, uint32_t round,
                                std::string_view chain_id) {
  Bytes message;
  append_sized(message, kExtensionTag, extension);
  append_fixed(message, kHeightTag, height.value);
  append_fixed(message, kRoundTag, round);
  append_sized(message, kChainIdTag, chain_id);
  Bytes out;
  append_frame_length(out, message.size());
  return out += message;
}

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
      vote_extension_sign_bytes(report.report, report.height, signature->round, chain_id_),
      signature->ed25519);
}

}  // namespace icws::engine
