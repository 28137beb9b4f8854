// Why a socket did not open or ended, inside the adapter.
#pragma once

#include <optional>
#include <string>

#include "adapter/limit.h"
#include "transcript/cause.h"

namespace icws::adapter {

struct Failure {
  transcript::Cause cause = transcript::Cause::Connection;
  // For the operator: one sentence, no payload. Not agreed on, so it may hold local facts.
  std::string detail;
  // Another try within the open deadline may succeed.
  bool transient = false;
  // The limit that was passed, for its metric.
  std::optional<Limit> limit{};
};

}  // namespace icws::adapter
