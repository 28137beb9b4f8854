// Bytes of reports and payloads: icws.agreement.v1, in one canonical encoding each.
#pragma once

#include <optional>
#include <vector>

#include "agreement/connection.h"
#include "agreement/section.h"

namespace icws::agreement {

Bytes encode_report(const Report& report);

// Empty if the bytes are no report, not canonical, or of another format version. Sections that are malformed
// in themselves (a duplicate item, a copy number out of turn, heads out of order, an unknown status) are left
// out: they say nothing, but do not silence the rest.
std::optional<Report> decode_report(BytesView bytes, const AgreementParams& params);

// An upper bound of a section's encoded size without heads and items.
inline constexpr size_t kSectionBytesMax = 256;
// An upper bound of one encoded head.
inline constexpr size_t kHeadBytesMax = 48;

struct CarriedReport {
  ReplicaIndex member;
  Bytes report;
  Bytes signature;
};

struct CarriedDecision {
  ConnectionId connection;
  Epoch epoch;
  Decision decision;
};

struct Payload {
  // Ascending by member.
  std::vector<CarriedReport> reports;
  // Ascending by connection.
  std::vector<CarriedDecision> decisions;
};

Bytes encode_payload(const Payload& payload);
// Empty if the bytes are no payload, not canonical, or out of order. Whether a decision's contents are
// ordered or feed is not in the bytes: `mode_of` says it, and gives nothing for an unknown connection, whose
// decision then stays empty.
std::optional<Payload> decode_payload(BytesView bytes,
                                      const std::function<std::optional<Mode>(ConnectionId)>& mode_of);

}  // namespace icws::agreement
