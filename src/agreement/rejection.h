// Why a decision in a block is not valid.
#pragma once

#include <cstdint>

namespace icws::agreement {

enum class DecisionFault : uint8_t {
  Unsupported = 1,  // fewer than a quorum of in-force sections stand behind it
  WrongOrder,       // feed: not in emission order, or not closed under precedes
  WrongContent,     // a content that is not what the sections name
  TooLarge,         // more digests than allowed
  InboxFull,        // more than the inbox takes
  WrongPhase,       // a decision for a connection that is not in the state for it
};

}  // namespace icws::agreement
