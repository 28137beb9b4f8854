// The snapshot's reader on any bytes: no crash, the same verdict however they come, one encoding for what it
// takes, and nothing is of a state whose app hash nobody has.
#include <cstdint>
#include <cstdlib>

#include "replica/snapshot.h"

namespace {

using namespace icws;
using namespace icws::replica;

void require(bool condition) {
  if (!condition) std::abort();
}

// The parameters and the height of the corpus' snapshots, so that mutations get further than their header.
SnapshotCheck::Expected expected() {
  SnapshotCheck::Expected out;
  out.params = sha256("corpus");
  out.height = Height(7);
  out.transcript_entries_kept = 2;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView bytes(reinterpret_cast<const char*>(data), size);
  MemoryStorage taken;
  SnapshotCheck check(expected());
  const auto whole = check.add(bytes, [&](BytesView key, BytesView value) {
    WriteBatch batch;
    batch.put(Bytes(key), Bytes(value));
    taken.apply(batch);
  });
  const auto end = whole ? check.finish() : whole;
  require(!end && !end.error().message.empty());

  SnapshotCheck by_bytes(expected());
  bool good = true;
  for (size_t at = 0; at < size && good; ++at)
    good = by_bytes.add(bytes.substr(at, 1), [](BytesView, BytesView) {}).has_value();
  require(good == whole.has_value());

  if (whole && end.error().kind != SnapshotFault::Kind::Malformed) {
    Bytes again;
    require(write_snapshot(taken, [&](BytesView piece) { return again += piece, true; }).has_value());
    require(again == bytes);
  }
  return 0;
}
