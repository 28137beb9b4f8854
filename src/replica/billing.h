// Charging connections inside a block. Deterministic: from the state and the prices alone.
#pragma once

#include "replica/cluster_params.h"
#include "replica/journal.h"
#include "replica/state.h"

namespace icws::replica {

// The account that pays for a connection that has not ended.
Account& account_of(State& state, const Connection& record);

// What the next epoch of a connection costs at its beginning: the open, and open time in advance.
Usage epoch_price(const ClusterParams& params, uint32_t members, const OpenArguments& arguments);
// Pays for an epoch that begins now, and lets its time run. False, and nothing happens: there is not enough.
[[nodiscard]] bool begin_paid_epoch(State& state, Connection& record, const ClusterParams& params);
// The epoch is over: its time stands still, and what was paid for beyond now comes back.
void end_paid_epoch(State& state, Connection& record, const ClusterParams& params);
// One agreed entry of `bytes` of content and key. False, and nothing happens: there is not enough.
[[nodiscard]] bool pay_entry(State& state, Connection& record, uint64_t bytes, const ClusterParams& params);

// Pays the open time that is due in this block; who cannot pay loses the connection for good. Work and
// changes are in proportion to what is due, not to how many connections there are.
void charge_open_time(State& state, Journal& journal, const ClusterParams& params);

}  // namespace icws::replica
