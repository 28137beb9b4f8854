// The part of CanisterRuntime that stops, starts, upgrades and deletes canisters.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/archive.h"
#include "replica/canister_runtime.h"
#include "replica/closing.h"
#include "replica/management.h"
#include "replica/trap.h"

namespace icws::replica {
namespace {

TransactionResult refused(std::string why) { return TransactionResult{false, std::move(why)}; }
TransactionResult done(std::string what) { return TransactionResult{true, std::move(what)}; }

}  // namespace

TransactionResult CanisterRuntime::manage(State& state, Journal& journal, const UserCall& call) {
  const auto arguments = archive_decode<ManagementArguments>(call.arguments);
  if (!arguments) return refused("the arguments are not those of the management canister");
  const std::string& id = arguments->canister;
  const auto found = state.canisters.find(id);
  if (found == state.canisters.end()) return refused("there is no canister " + id);
  CanisterRecord& record = found->second;
  if (call.method == management::kDeposit) {
    if (!deposit(record.account, arguments->cycles)) return refused("the account cannot hold so many cycles");
    return done("the canister " + id + " has " + std::to_string(record.account.balance) + " cycles");
  }
  if (call.method == management::kStop) return stop(state, journal, id);
  if (call.method == management::kStart) {
    record.phase = CanisterPhase::Running;
    return done("the canister " + id + " runs");
  }
  if (call.method == management::kUpgrade) return upgrade(record, id, arguments->code);
  if (call.method != management::kDelete)
    return refused("the management canister has no method " + call.method);
  if (record.phase != CanisterPhase::Stopped) {
    return refused("the canister " + id + " is not stopped; stop it, and wait until it is");
  }
  canisters_.erase(id);
  state.canisters.erase(found);
  return done("the canister " + id + " is deleted");
}

TransactionResult CanisterRuntime::stop(State& state, Journal& journal, const std::string& id) {
  CanisterRecord& record = state.canisters.at(id);
  if (record.phase == CanisterPhase::Stopped) return done("the canister " + id + " is stopped");
  record.phase = CanisterPhase::Stopping;
  std::vector<ConnectionId> open;
  for (const auto& [connection, slot] : state.connections) {
    if (slot.record.canister == id && slot.record.phase != RecordPhase::Closed) open.push_back(connection);
  }
  for (const ConnectionId connection : open) {
    ConnectionSlot& slot = state.connections.change(connection);
    close_connection(state, slot, journal, end_for(slot.record, transcript::Cause::CanisterStopped), {},
                     params_);
  }
  return done("the canister " + id + " is stopping");
}

TransactionResult CanisterRuntime::upgrade(CanisterRecord& record, const std::string& id,
                                           const std::string& code) {
  const CanisterCode* found = library_.find(code);
  if (found == nullptr) return refused("there is no canister code " + code);
  // Between a stop and its end the canister would be told of the ends by code that has not seen the
  // beginnings.
  if (record.phase == CanisterPhase::Stopping)
    return refused("the canister " + id + " is stopping; wait until it is");
  Slot& slot = canisters_.at(id);
  Slot next{code, nullptr, {}, true};
  const auto trap = trap_of([&] {
    next.canister = found->make();
    next.canister->load(slot.saved);
    next.saved = next.canister->save();
  });
  if (trap) return refused("the code " + code + " does not take over the state: " + *trap);
  slot = std::move(next);
  record.code = code;
  return done("the canister " + id + " runs the code " + code);
}

void CanisterRuntime::finish_stops(State& state) const {
  const auto stopping = [](const auto& pair) { return pair.second.phase == CanisterPhase::Stopping; };
  // Rarely any; only then are the connections looked at.
  if (std::ranges::none_of(state.canisters, stopping)) return;
  std::set<std::string> waiting;
  for (const auto& [connection, slot] : state.connections) {
    if (!slot.inbox.empty()) waiting.insert(slot.record.canister);
  }
  for (auto& [id, record] : state.canisters) {
    if (record.phase == CanisterPhase::Stopping && !waiting.contains(id))
      record.phase = CanisterPhase::Stopped;
  }
}

}  // namespace icws::replica
