#include "engine/local/catch_up.h"

namespace icws::engine {
namespace {

// The state after `height` as the next block's record has it; empty at the head.
std::optional<Digest> logged_hash(const BlockLog& log, Height height) {
  const auto next = log.read(height.next());
  if (!next) return std::nullopt;
  return next->previous_app_hash;
}

void note_contradiction(const BlockLog& log, CaughtUp& out) {
  const Height height = out.at.height;
  out.fault.clear();
  if (height > log.head()) {
    out.fault = "it is at height " + std::to_string(height.value) + ", the block log ends at " +
                std::to_string(log.head().value);
    return;
  }
  const auto agreed = logged_hash(log, height);
  if (!agreed || *agreed == out.at.app_hash) return;
  out.agreed = agreed;
  out.fault = "its app hash after height " + std::to_string(height.value) + " is " +
              out.at.app_hash.short_hex() + ", agreed is " + agreed->short_hex();
}

}  // namespace

Answer<CaughtUp> catch_up(ReplicaLink& link, const BlockLog& log, Milliseconds call_timeout,
                          std::stop_token stop) {
  const auto info = link.info(call_timeout);
  if (!info) return std::unexpected(info.error());
  CaughtUp out{*info, {}, {}};
  note_contradiction(log, out);
  while (out.fault.empty() && out.at.height < log.head() && !stop.stop_requested()) {
    const auto next = log.read(out.at.height.next());
    const auto after = link.finalize_and_commit(next->block, call_timeout);
    if (!after) return std::unexpected(after.error());
    out.at = *after;
    note_contradiction(log, out);
  }
  return out;
}

}  // namespace icws::engine
