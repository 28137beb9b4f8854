// A piece of a transcript, from storage into a certificate.
#pragma once

#include <expected>
#include <string>

#include "proof/certificate.h"
#include "replica/state.h"
#include "replica/storage.h"

namespace icws::replica {

// What storage keeps of a transcript's entry: the head before it, 32 bytes, then the entry's encoding. So a
// range can be proved though what came before it is not kept any more.
Bytes stored_entry(const Digest& previous, BytesView encoded_entry);
// The entry's encoding. Empty if it is too short to hold one.
BytesView encoded_entry(BytesView stored);

struct CannotProve {
  // A sentence for a person.
  std::string message;
  // After the next commit it may be possible.
  bool try_again = false;
};

// Fills connection, from, previous, entries, links and head: entries first .. last (0: the newest) of
// `record`, with links to its transcript's end. `changes_bytes`: of the certificate's changes of the replica
// set. Errors: there are no such entries, they are not kept any more, or they are too many for one
// certificate. Cost: one hash for each entry from the first on.
std::expected<proof::Certificate, CannotProve> gather_entries(const Storage& storage,
                                                              const Connection& record, EntrySequence first,
                                                              EntrySequence last, size_t changes_bytes);

}  // namespace icws::replica
