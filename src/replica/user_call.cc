#include "base/archive.h"
#include "replica/canister.h"

namespace icws::replica {

Bytes encode_user_call(const UserCall& call) { return archive_encode(call); }

std::optional<UserCall> decode_user_call(BytesView transaction) {
  return archive_decode<UserCall>(transaction);
}

}  // namespace icws::replica
