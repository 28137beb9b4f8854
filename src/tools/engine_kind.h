// Who orders the blocks.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace icws::tools {

enum class EngineKind : uint8_t {
  Local = 1,  // one orderer process for all replicas, on one machine
  CometBft,   // a CometBFT node for each replica
};

// As flags name them.
inline const std::map<std::string, EngineKind> kEngineNames = {{"local", EngineKind::Local},
                                                               {"cometbft", EngineKind::CometBft}};

}  // namespace icws::tools
