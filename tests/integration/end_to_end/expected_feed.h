// What a feed's transcript must be, worked out from the streams that the server sends.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "icws/replica/v1/replica.pb.h"
#include "tests/support/capture.h"

namespace icws::support {

// One message after the transform; `copy` counts equal ones of its key from 1.
struct FeedItem {
  Bytes content;
  uint32_t copy = 0;
  auto operator<=>(const FeedItem&) const = default;
};

// By order key, in order.
using FeedOrder = std::map<Bytes, std::vector<FeedItem>>;
using FeedItems = std::map<Bytes, std::set<FeedItem>>;

// The feed canister's transform (/id dropped, key /method and /params/symbol) applied to a stream, and to the
// messages that a transcript holds.
FeedOrder order_of(const RecordedStream& stream);
FeedOrder order_of(const std::vector<replica::v1::TranscriptEntry>& transcript);

// The items that at least `least` of the streams have.
FeedItems seen_by(size_t least, const std::vector<FeedOrder>& streams);
FeedItems items_of(const FeedOrder& order);
size_t count_of(const FeedItems& items);
// Those of `some` that are not in `all`; for people, at most a few.
std::vector<std::string> missing_from(const FeedItems& all, const FeedItems& some);

// Keys in which `agreed` and a stream have a pair of items in different order.
std::vector<std::string> keys_out_of_order(const FeedOrder& agreed, const FeedOrder& stream);

// The symbols that the stream's client subscribed to, in their order.
std::vector<std::string> symbols_of(const RecordedStream& stream);

}  // namespace icws::support
