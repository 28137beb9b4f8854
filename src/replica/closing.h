// How connections end for good, and epochs for now: what goes into the transcript, and what becomes free.
#pragma once

#include <vector>

#include "replica/cluster_params.h"
#include "replica/journal.h"
#include "replica/state.h"

namespace icws::replica {

// A mark of messages that the canister does not get.
void append_gap(ConnectionSlot& slot, Journal& journal, const agreement::KeyHash& key,
                const agreement::GapCount& count);

// Before an epoch's last entry: what expired or was dropped and no message has followed yet. A mark for each
// key, beyond the inbox's reserve if need be, and paid for with the open: they are no more than the items
// that f+1 members can list, of which nothing expires while the inbox is full, and
// agreement::kDroppedKeysMax.
void write_pending_gaps(ConnectionSlot& slot, Journal& journal);

// The end that the service itself makes of a connection: code 1000, and a reason that the server may see.
agreement::End end_for(const Connection& record, transcript::Cause cause);

// Ends a connection for good, with a last entry: used by ws_close, by traps, by the agreement's end, and by
// whatever else the service closes for the canister.
void close_connection(State& state, ConnectionSlot& slot, Journal& journal, const agreement::End& end,
                      std::vector<transcript::Claim> evidence, const ClusterParams& params);

}  // namespace icws::replica
