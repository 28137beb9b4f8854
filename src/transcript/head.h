// Where a connection's transcript ends: the leaf of the replicated state that proofs of entries go through.
#pragma once

#include "base/archive.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"

namespace icws::transcript {

struct TranscriptHead {
  ConnectionId connection;
  EntrySequence last_entry;
  Digest head;
  static void fields(auto& archive, auto& self) { archive(self.connection, self.last_entry, self.head); }
};

// Its key in the replicated state: "d/" and the connection's id, 8 bytes, big endian.
inline Bytes head_key(ConnectionId connection) {
  Bytes out = "d/";
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(connection.value >> shift & 0xff));
  return out;
}

}  // namespace icws::transcript
