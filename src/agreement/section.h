// A report and its sections as plain values; report_codec.h has their bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agreement/observation.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "transcript/cause.h"

namespace icws::agreement {

// The numbers are in the wire format.
enum class MemberStatus : uint8_t {
  Opening = 1,
  Live = 2,
  Failed = 3,
  Ended = 4,
  OutMismatch = 5,
  OutLost = 6
};

struct Head {
  Position position;
  Digest digest;
  bool operator==(const Head&) const = default;
};

// How a socket ended, in a form that can be counted.
struct Ending {
  transcript::Cause cause = transcript::Cause::Connection;
  uint16_t code = 1006;
  std::string reason;
  auto operator<=>(const Ending&) const = default;
};

// Mode observations: the newest value of one key that a member has.
struct LatestValue {
  // The order key's canonical text.
  Bytes key;
  // Deliver::Median: a Decimal's canonical text; else the transformed content.
  Bytes value;
  // Since the replica received it, when it made the report.
  Milliseconds age{0};
  bool operator==(const LatestValue&) const = default;
};

// What one member says about one connection.
struct Section {
  ConnectionId connection;
  Epoch epoch;
  MemberStatus status = MemberStatus::Opening;
  // With Failed (only the cause counts) and Ended.
  std::optional<Ending> ending;
  // Feed, once open: digest of the negotiated subprotocol and headers.
  std::optional<Digest> opened;
  SendSequence sent_up_to;
  // Ordered: ascending.
  std::vector<Head> heads;
  // Feed: in order of arrival, no duplicates, copies of a content ascending from 1 without holes.
  std::vector<FeedItem> items;
  // Feed: `items` is all that this member has and that is not settled; false where it cannot know.
  bool complete = false;
  // Observations: ascending by key, each once.
  std::vector<LatestValue> values;
  // The member's socket is there and it has nothing to report: where the connection is open and at rest
  // (connection.h), such sections change nothing.
  bool quiet() const {
    return (status == MemberStatus::Opening || status == MemberStatus::Live) && !ending && heads.empty() &&
           items.empty() && values.empty();
  }
};

struct Report {
  std::string chain_id;
  Height height;
  Digest app_hash;
  // Ascending by connection.
  std::vector<Section> sections;
};

// A section that counts, with the height of the report that carried it.
struct InForce {
  const Section* section = nullptr;
  Height height;
};

// One for each member of the committee, in its order; no section: unknown.
using View = std::vector<InForce>;

// Of the sections in force; the highest height if there are none.
inline Height oldest_report(const View& view) {
  Height out(UINT64_MAX);
  for (const InForce& member : view) {
    if (member.section != nullptr && member.height < out) out = member.height;
  }
  return out;
}

}  // namespace icws::agreement
