// The agreement's limits and times: equal on all replicas.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace icws::agreement {

struct AgreementParams {
  // W: for how many blocks a member's newest section counts, so that a quorum need not sit in one block.
  uint32_t blocks_in_force = 4;
  // Heads beyond P + this are not reported and not accepted: bounds what a proposer must carry.
  uint64_t head_window = 8'192;
  // Digests that one ordered decision may carry; 32 bytes each.
  uint64_t decision_digests_max = 8'192;
  // Unsettled items in one section of a feed: bounds the precedence graph.
  uint32_t section_items_max = 1'024;
  // Keys of observations in one section: bounds what an interval compares.
  uint32_t section_values_max = 256;
  // How long a decidable item waits for one that is not and precedes it.
  Milliseconds hold_back{2'000};
  // How long a copy that comes after it was settled is taken for the same message.
  Milliseconds absorb{10'000};
  // How long a replica lists an item that finds no quorum.
  Milliseconds drop_after{10'000};
  // How long an ordered connection may show messages without agreeing on one.
  Milliseconds stall{60'000};
  // How long more than f members must have lost the connection before it is lost.
  Milliseconds lost_grace{2'000};
  // How long a writer of `some` or `single` may report no progress before another takes over. A report needs
  // two blocks, and where many connections take turns in reports, some more: less would only make doubles.
  Milliseconds write_timeout{10'000};
};

}  // namespace icws::agreement
