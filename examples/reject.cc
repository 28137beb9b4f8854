#include "examples/reject.h"

#include <stdexcept>

namespace icws::examples {

std::string_view reject_name(replica::RejectCode code) {
  using enum replica::RejectCode;
  switch (code) {
    case InvalidArgument:
      return "INVALID_ARGUMENT";
    case QuotaExceeded:
      return "QUOTA_EXCEEDED";
    case NotFound:
      return "NOT_FOUND";
    case NotOpen:
      return "NOT_OPEN";
    case QueueFull:
      return "QUEUE_FULL";
    case InsufficientCycles:
      return "INSUFFICIENT_CYCLES";
    case CanisterStopped:
      return "CANISTER_STOPPED";
  }
  return "UNKNOWN";
}

void pass_on(const replica::Reject& reject) {
  throw std::runtime_error(std::string(reject_name(reject.code)) + ": " + reject.message);
}

}  // namespace icws::examples
