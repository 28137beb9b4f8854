// What a block's reports and decisions do to every connection: the meeting point of state, window and
// agreement.
#pragma once

#include <expected>
#include <map>
#include <vector>

#include "agreement/report_codec.h"
#include "replica/application.h"
#include "replica/cluster_params.h"
#include "replica/journal.h"
#include "replica/report_window.h"
#include "replica/state.h"

namespace icws::replica {

// For the local logs: what one block agreed on one connection.
struct AgreedStep {
  ConnectionId connection;
  Epoch epoch;
  std::vector<agreement::SettledContent> settled;
};

// Agreement time after a block: one slow block must not fire every timer (clamped to 1 s).
AgreedTime advance_time(const Global& global, BlockTime block_time);

// Members of the current epoch's committee whose sections in force at `height` say that their sockets are
// live, and those whose say that they are not (failed, ended, or out). Of the rest nothing is known. Counted
// on demand: it changes with every block, also where nothing else does.
struct MemberCounts {
  uint32_t live = 0;
  uint32_t down = 0;
};
MemberCounts count_members(const Connection& record, const ReportWindow& window, Height height);

// What the rules may use of a connection in the block at `height`.
agreement::Context context_for(const ConnectionSlot& slot, const ClusterParams& params, Height height,
                               AgreedTime now);

// Frees what is written, in the order in which it was queued, with a receipt if the canister wants one.
// Without room for the receipt it waits: the sections go on saying what is written, or the owner's term keeps
// it. `view` is of the connection's current epoch; mode delegated does not look at it.
void free_sends(ConnectionSlot& slot, Journal& journal, const agreement::View& view, AgreedTime now,
                const ClusterParams& params);

// An epoch or a term is over: closes the connection, lets it wait for its next epoch, or hands it over.
void end_epoch(State& state, ConnectionSlot& slot, Journal& journal, const ReportWindow& window,
               const agreement::End& end, const ClusterParams& params);

// Whether each decision of a payload is valid. `window` includes the block's own reports. Pure.
std::expected<void, Rejection> check_decisions(const State& state, const ReportWindow& window,
                                               const agreement::Payload& payload, Height height,
                                               AgreedTime now, const ClusterParams& params);

// Applies decisions and timers to connections, in order of their ids, and writes the entries. An invalid
// decision counts as none. Connections that such a block cannot change (agreement::at_rest) are not looked
// at, and have no step.
std::vector<AgreedStep> apply_decisions(State& state, Journal& journal, const ReportWindow& window,
                                        const agreement::Payload& payload, const ClusterParams& params);

// An ended connection whose record is given up, and how long its transcript was.
struct Forgotten {
  ConnectionId connection;
  EntrySequence last_entry;
};

// Where another replica set takes over with the next height: ends the epochs whose committee cannot do
// without those who leave. Frees what waiting connections have written, begins due epochs that can be paid
// with the canisters' code of now, forgets the oldest ended connections.
std::vector<Forgotten> keep_house(State& state, Journal& journal, const ReportWindow& window,
                                  const CodeLibrary& library, const ClusterParams& params);

}  // namespace icws::replica
