// Close codes of RFC 6455, section 7.4, and the IANA registry.
#pragma once

#include <cstdint>

namespace icws::ws {

// A number, not an enum: 3000-4999 belong to applications.
using CloseCode = uint16_t;

inline constexpr CloseCode kCloseNormal = 1000;
inline constexpr CloseCode kCloseGoingAway = 1001;
inline constexpr CloseCode kCloseProtocolError = 1002;
inline constexpr CloseCode kCloseUnsupportedData = 1003;
// Never on the wire: what a Close frame without a code means.
inline constexpr CloseCode kCloseNoStatus = 1005;
// Never on the wire: the connection ended without a Close frame.
inline constexpr CloseCode kCloseAbnormal = 1006;
inline constexpr CloseCode kCloseInvalidPayload = 1007;
inline constexpr CloseCode kClosePolicyViolation = 1008;
inline constexpr CloseCode kCloseMessageTooBig = 1009;
inline constexpr CloseCode kCloseInternalError = 1011;

// True if the code may stand in a Close frame, sent or received: 1000-1003, 1007-1014, 3000-4999.
// (1012-1014 are registered with IANA after the RFC; 1004, 1005, 1006 and 1015 are reserved.)
constexpr bool close_code_on_wire(CloseCode code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace icws::ws
