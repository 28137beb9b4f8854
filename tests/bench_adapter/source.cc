#include "tests/bench_adapter/source.h"

#include <sched.h>

namespace icws::bench {
namespace {

// Of one send call.
constexpr size_t kWriteBytes = 256 * 1024;

Bytes prepared_frames(size_t bytes) {
  const Bytes frame = support::server_frame(0x81, Bytes(bytes, 'x'));
  Bytes out;
  while (out.size() < kWriteBytes) out += frame;
  return out;
}

}  // namespace

bool pin_to_core(unsigned core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  return ::sched_setaffinity(0, sizeof cores, &cores) == 0;
}

Source::Source(size_t bytes, std::optional<unsigned> core)
    : frames_(prepared_frames(bytes)),
      server_(std::nullopt, [this, core](support::RawConnection& connection) {
        if (core) pin_to_core(*core);
        connection.accept_upgrade();
        while (connection.send(frames_)) {
        }
      }) {}

}  // namespace icws::bench
