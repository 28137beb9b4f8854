#include "base/archive.h"
#include "replica/canister.h"
#include "replica/transaction_tag.h"

namespace icws::replica {

Bytes encode_user_call(const UserCall& call) { return tagged(TransactionTag::Call, archive_encode(call)); }

std::optional<UserCall> decode_user_call(BytesView transaction) {
  const auto body = body_of(TransactionTag::Call, transaction);
  return body ? archive_decode<UserCall>(*body) : std::nullopt;
}

}  // namespace icws::replica
