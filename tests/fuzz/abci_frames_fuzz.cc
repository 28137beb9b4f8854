// What a node may send: frames in whatever pieces, and what is in them. The first byte says how large the
// pieces are. Whole or in pieces, the same messages come out, and the same fault.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "engine/cometbft/comet_signature.h"
#include "engine/cometbft/commit_check.h"
#include "engine/cometbft/frame_codec.h"
#include "engine/cometbft/ingress.h"
#include "icws/abci/v1/abci.pb.h"

namespace {

using namespace icws;

constexpr uint64_t kFrameBytesMax = 1'000;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::vector<Bytes> messages;
  std::optional<engine::FrameFault> fault;
  bool torn = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(BytesView stream, size_t piece) {
  Outcome out;
  engine::FrameReader reader(kFrameBytesMax);
  for (size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.substr(at, piece));
    while (true) {
      const auto next = reader.next();
      if (!next) {
        out.fault = next.error();
        return out;
      }
      if (!*next) break;
      require((*next)->size() <= kFrameBytesMax);
      out.messages.emplace_back(**next);
    }
  }
  out.torn = reader.torn();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const BytesView stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read(stream, stream.size() + 1);
  require(whole == read(stream, size_t{data[0]} + 1));

  static const engine::IngressCheck check({"chain", 500, 10});
  static const engine::ValidatorSet gateways{agreement::ReplicaSet()};
  for (const Bytes& message : whole.messages) {
    abci::v1::Request request;
    if (!request.ParseFromString(message)) continue;
    require(!check.open(request.check_tx().tx(), Height(1), gateways));
    const auto signature = engine::CometSignature::decode(request.check_tx().tx());
    if (signature) require(signature->encode() == request.check_tx().tx());
  }
  return 0;
}
