// Why a socket did not open or ended, inside the adapter.
#pragma once

#include <string>

#include "transcript/cause.h"

namespace icws::adapter {

struct Failure {
  transcript::Cause cause = transcript::Cause::Connection;
  // For the operator: one sentence, no payload. Not agreed on, so it may hold local facts.
  std::string detail;
  // Another try within the open deadline may succeed.
  bool transient = false;
};

}  // namespace icws::adapter
