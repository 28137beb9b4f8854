// One run of the simulator: everything follows from these.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace icws::sim {

enum class Byzantine : uint8_t {
  None,
  LieDigests,
  ForgeContents,
  FloodItems,
  Withhold,
  ReplayReports,
  FalseEnd
};
// A bug put in on purpose: the checkers must find it.
enum class Planted : uint8_t { None, LoseLocalRecords, SkipOneBlock };

struct Options {
  uint64_t seed = 1;
  uint32_t replicas = 4;
  Milliseconds duration{20'000};
  Milliseconds block_interval{50};
  // Chances per thousand.
  uint32_t report_loss = 20;
  uint32_t message_loss = 2;
  bool crashes = true;
  // The first replica's strategy; chosen by the seed unless set.
  bool byzantine_from_seed = true;
  Byzantine byzantine = Byzantine::None;
  Planted planted = Planted::None;
};

std::string to_string(Byzantine strategy);
std::string to_string(Planted planted);
std::string to_string(const Options& options);

}  // namespace icws::sim
