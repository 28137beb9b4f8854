// What a replica saw on its socket, and its names: the chain of mode ordered, the items of mode feed.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"

namespace icws::agreement {

// The numbers are in the wire format.
// TransformFailed: the canister's own transform failed on a message.
enum class ObservationKind : uint8_t { Text = 1, Binary = 2, Opened = 3, Closed = 4, TransformFailed = 5 };

// Of one message of the server, as modes ordered and feed agree on it.
inline bool is_message(ObservationKind kind) {
  return kind == ObservationKind::Text || kind == ObservationKind::Binary ||
         kind == ObservationKind::TransformFailed;
}

struct Observation {
  ObservationKind kind = ObservationKind::Text;
  // After the transform. For Opened a transcript::Opened, for Closed a CloseFrame, for TransformFailed a
  // transcript::TransformFailure, in archive encoding.
  Bytes content;
  // Feed: the order key's canonical text.
  Bytes key;
  bool operator==(const Observation&) const = default;
};

// Bytes that an observation takes of a block's contents: with kind, lengths and tags in the payload's
// encoding. Thousands of empty messages are not free.
inline constexpr uint64_t kContentOverheadBytes = 16;
inline uint64_t carried_bytes(const Observation& observation) {
  return observation.content.size() + observation.key.size() + kContentOverheadBytes;
}
// The same of one of an ordered decision's digests.
inline constexpr uint64_t kDigestBytes = 32;

// The server's clean close, as an event of the ordered chain.
struct CloseFrame {
  uint32_t code = 1000;
  Bytes reason;
  static void fields(auto& archive, auto& self) { archive(self.code, self.reason); }
};

// Covers kind and content. Mode ordered.
Digest ordered_digest(ObservationKind kind, BytesView content);
// H_0: binds connection and epoch; `parameters` is the digest of the connection's arguments.
Digest chain_genesis(ConnectionId connection, Epoch epoch, const Digest& parameters);
// H_p = SHA-256(domain, H_{p-1}, digest_p).
Digest chain_next(const Digest& head, const Digest& digest);

// First 16 bytes of a SHA-256 over the order key: part of an item, so that validators know the key of what is
// not decided yet.
using KeyHash = std::array<uint8_t, 16>;
KeyHash key_hash(BytesView key);

// A message's content within a feed. The digest covers kind, key and content.
struct ContentId {
  KeyHash key{};
  Digest digest;
  auto operator<=>(const ContentId&) const = default;
  static void fields(auto& archive, auto& self) { archive(self.key, self.digest); }
};
ContentId feed_content_id(ObservationKind kind, BytesView key, BytesView content);

// The copy-th unsettled copy of a content; the first is 1.
struct FeedItem {
  ContentId content;
  uint32_t copy = 1;
  auto operator<=>(const FeedItem&) const = default;
  static void fields(auto& archive, auto& self) { archive(self.content, self.copy); }
};

}  // namespace icws::agreement

template <>
struct std::hash<icws::agreement::ContentId> {
  size_t operator()(const icws::agreement::ContentId& id) const noexcept {
    size_t key;
    std::memcpy(&key, id.key.data(), sizeof key);
    return std::hash<icws::Digest>()(id.digest) ^ (key * 0x9e3779b97f4a7c15u);
  }
};

template <>
struct std::hash<icws::agreement::FeedItem> {
  size_t operator()(const icws::agreement::FeedItem& item) const noexcept {
    return std::hash<icws::agreement::ContentId>()(item.content) + item.copy * 0x9e3779b97f4a7c15u;
  }
};
