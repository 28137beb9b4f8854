// Both directions of permessage-deflate against zlib itself, under every agreement: what one side compresses
// the other reads. The input is a program: two bytes choose the agreement, then each step takes a few bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "tests/unit/ws/frames.h"
#include "tests/unit/ws/peer_deflate.h"
#include "tests/unit/ws/recorder.h"
#include "ws/deflater.h"

namespace {

using icws::Bytes;
using icws::BytesView;
using namespace icws::ws;

constexpr uint8_t kRsv1 = 0x40;
constexpr uint8_t kBinary = 2;
constexpr int kStepsMax = 20;

void require(bool condition) {
  if (!condition) std::abort();
}

class Program {
 public:
  Program(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool done() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto out = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return out;
  }
  // Some of the program's own bytes, as often as a byte says.
  Bytes payload() {
    const BytesView piece = rest_.substr(0, byte());
    Bytes out;
    for (int times = byte() % 4 + 1; times > 0; --times) out += piece;
    return out;
  }

 private:
  BytesView rest_;
};

// The server compresses, in blocks and fragments of its choice; our decoder reads.
void receive(Program& program, testing::PeerDeflater& peer, Decoder& decoder) {
  Bytes payload;
  testing::Outcome outcome;
  uint8_t opcode = kRsv1 | kBinary;
  for (int fragments = program.byte() % 4; fragments > 0; --fragments) {
    const Bytes part = program.payload();
    static constexpr int kFlushes[] = {Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH};
    const Bytes blocks = peer.blocks(part, kFlushes[program.byte() % 3]);
    payload += part;
    const size_t cut = program.byte();
    testing::feed(decoder, testing::frame(opcode, BytesView(blocks).substr(0, cut)), outcome);
    testing::feed(decoder, testing::frame(0, BytesView(blocks).substr(std::min(cut, blocks.size()))),
                  outcome);
    opcode = 0;
  }
  const Bytes last = program.payload();
  payload += last;
  testing::feed(decoder, testing::frame(testing::kFin | opcode, peer.message(last)), outcome);
  require(!outcome.error && outcome.events.size() == 1 && outcome.events[0].payload == payload);
}

// We compress; the server reads.
void send(Program& program, Deflater& deflater, testing::PeerInflater& peer) {
  const Bytes payload = program.payload();
  Bytes wire;
  if (deflater.compress(payload, wire))
    require(wire.size() < payload.size() && peer.message(wire) == payload);
  if (program.byte() % 4 == 0) deflater.release_idle();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Program program(data, size);
  const uint8_t choices = program.byte();
  const uint8_t bits = program.byte();
  DeflateParameters parameters;
  parameters.server_no_context_takeover = (choices & 1) != 0;
  parameters.client_no_context_takeover = (choices & 2) != 0;
  parameters.server_max_window_bits = static_cast<uint8_t>(9 + (bits & 7) % 7);
  parameters.client_max_window_bits = static_cast<uint8_t>(8 + (bits >> 3 & 7));
  testing::PeerDeflater server_out(parameters.server_max_window_bits, !parameters.server_no_context_takeover,
                                   choices >> 2 & 7);
  testing::PeerInflater server_in(parameters.client_max_window_bits, !parameters.client_no_context_takeover);
  // No ratio: a program may well repeat itself.
  Decoder decoder({.inflate_ratio_max = 2'000}, parameters);
  Deflater deflater(parameters);
  for (int steps = 0; steps < kStepsMax && !program.done(); ++steps) {
    if (program.byte() % 2 == 0) {
      receive(program, server_out, decoder);
    } else {
      send(program, deflater, server_in);
    }
  }
  return 0;
}
