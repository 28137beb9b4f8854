// Modes as people write them.
#pragma once

#include <string>

#include "icws/replica/v1/replica.pb.h"

namespace icws::tools {

// "feed", for example; "unknown" for one of a later version.
inline std::string mode_name(replica::v1::Mode mode) {
  switch (mode) {
    case replica::v1::MODE_ORDERED:
      return "ordered";
    case replica::v1::MODE_FEED:
      return "feed";
    case replica::v1::MODE_OBSERVATIONS:
      return "observations";
    case replica::v1::MODE_DELEGATED:
      return "delegated";
    default:
      return "unknown";
  }
}

}  // namespace icws::tools
