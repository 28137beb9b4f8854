#include "agreement/observation.h"

#include <algorithm>

namespace icws::agreement {
namespace {

constexpr BytesView kOrderedDomain = "icws/ordered/digest/1";
constexpr BytesView kGenesisDomain = "icws/ordered/genesis/1";
constexpr BytesView kChainDomain = "icws/ordered/chain/1";
constexpr BytesView kFeedDomain = "icws/feed/digest/1";
constexpr BytesView kKeyDomain = "icws/feed/key/1";

// One hasher a thread: creating an OpenSSL context costs more than hashing a short message.
Sha256& hasher() {
  thread_local Sha256 instance;
  return instance;
}

}  // namespace

Digest ordered_digest(ObservationKind kind, BytesView content) {
  return hasher().update(kOrderedDomain).update_u64(static_cast<uint8_t>(kind)).update(content).finish();
}

Digest chain_genesis(ConnectionId connection, Epoch epoch, const Digest& parameters) {
  return hasher()
      .update(kGenesisDomain)
      .update_u64(connection.value)
      .update_u64(epoch.value)
      .update(parameters)
      .finish();
}

Digest chain_next(const Digest& head, const Digest& digest) {
  return hasher().update(kChainDomain).update(head).update(digest).finish();
}

KeyHash key_hash(BytesView key) {
  const Digest digest = hasher().update(kKeyDomain).update(key).finish();
  KeyHash out;
  std::copy_n(digest.bytes.begin(), out.size(), out.begin());
  return out;
}

ContentId feed_content_id(ObservationKind kind, BytesView key, BytesView content) {
  ContentId out;
  out.key = key_hash(key);
  out.digest = hasher()
                   .update(kFeedDomain)
                   .update_u64(static_cast<uint8_t>(kind))
                   .update_sized(key)
                   .update(content)
                   .finish();
  return out;
}

}  // namespace icws::agreement
