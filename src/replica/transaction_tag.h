// The first byte of a transaction says what it is.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace icws::replica {

// The numbers are in the format.
enum class TransactionTag : uint8_t { Call = 1, Batch = 2, SetChange = 3 };

inline Bytes tagged(TransactionTag tag, const Bytes& body) { return Bytes(1, static_cast<char>(tag)) + body; }
// Empty if the transaction has another tag.
inline std::optional<BytesView> body_of(TransactionTag tag, BytesView transaction) {
  if (transaction.empty() || transaction.front() != static_cast<char>(tag)) return std::nullopt;
  return transaction.substr(1);
}

}  // namespace icws::replica
