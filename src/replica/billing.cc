#include "replica/billing.h"

#include "replica/closing.h"

namespace icws::replica {
namespace {

uint32_t members_of(const Connection& record) {
  return static_cast<uint32_t>(record.agreement.committee.size());
}

void run_until(State& state, Connection& record, AgreedTime until) {
  if (record.paid_until) state.time_due.erase({*record.paid_until, record.id});
  record.paid_until = until;
  state.time_due.emplace(until, record.id);
}

}  // namespace

Account& account_of(State& state, const Connection& record) {
  return state.canisters.at(record.canister).account;
}

Usage epoch_price(const ClusterParams& params, uint32_t members, const OpenArguments& arguments) {
  return open_price(params.price, members, arguments) +
         time_price(params.price, members, params.price.time_prepaid);
}

bool begin_paid_epoch(State& state, Connection& record, const ClusterParams& params) {
  const Usage price = epoch_price(params, members_of(record), record.arguments);
  if (!pay(account_of(state, record), record.usage, price)) return false;
  run_until(state, record, state.global.now + params.price.time_prepaid);
  return true;
}

void end_paid_epoch(State& state, Connection& record, const ClusterParams& params) {
  if (!record.paid_until) return;
  state.time_due.erase({*record.paid_until, record.id});
  const Milliseconds unused = *record.paid_until - state.global.now;
  record.paid_until.reset();
  if (unused <= Milliseconds(0)) return;
  pay_back(account_of(state, record), record.usage, time_price(params.price, members_of(record), unused));
}

bool pay_entry(State& state, Connection& record, uint64_t bytes, const ClusterParams& params) {
  return pay(account_of(state, record), record.usage, entry_price(params.price, members_of(record), bytes));
}

void charge_open_time(State& state, Journal& journal, const ClusterParams& params) {
  while (!state.time_due.empty() && state.time_due.begin()->first <= state.global.now) {
    const auto [due, id] = *state.time_due.begin();
    ConnectionSlot& slot = state.connections.change(id);
    Connection& record = slot.record;
    const Usage price = time_price(params.price, members_of(record), params.price.time_prepaid);
    if (pay(account_of(state, record), record.usage, price)) {
      run_until(state, record, due + params.price.time_prepaid);
    } else {
      close_connection(state, slot, journal, end_for(record, transcript::Cause::OutOfCycles), {}, params);
    }
  }
}

}  // namespace icws::replica
