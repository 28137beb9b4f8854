// The certificate's decoder and verifier on any bytes: no crash, one encoding for each certificate, and
// nothing is verified that nobody has signed.
#include <cstdint>
#include <cstdlib>

#include "proof/verify.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const icws::BytesView bytes(reinterpret_cast<const char*>(data), size);
  const auto certificate = icws::proof::decode_certificate(bytes);
  if (!certificate) {
    require(!certificate.error().message.empty());
    return 0;
  }
  require(icws::proof::encode_certificate(*certificate) == bytes);
  // Keys of nobody: their points exist, their secrets were never known.
  const icws::proof::Trusted trusted{
      certificate->chain_id, icws::agreement::genesis_replicas({icws::Bytes(32, 'a'), icws::Bytes(32, 'b')})};
  const auto verified = icws::proof::verify(*certificate, trusted);
  require(!verified && !verified.error().message.empty());
  return 0;
}
