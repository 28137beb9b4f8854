// Runs canisters inside a block: user calls and deliveries, with their effects on connections.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "replica/application.h"
#include "replica/canister.h"
#include "replica/cluster_params.h"
#include "replica/code_library.h"
#include "replica/journal.h"
#include "replica/report_window.h"
#include "replica/state.h"

namespace icws::replica {

// What: the canisters of the subnet and their last saved states. Which there are, and what code they run, is
// in State::canisters. Deterministic; takes effects back when one traps. Thread-safety: none. Ownership: owns
// the canisters.
class CanisterRuntime {
 public:
  // All must outlive it.
  CanisterRuntime(std::vector<CanisterSet::Installed> canisters, const CodeLibrary& library,
                  const ClusterParams& params, const ReportWindow& window);

  // At genesis: the records of what is installed.
  void install(State& state) const;
  // After a restart: what the state says is there. Throws std::runtime_error if this build lacks a canister's
  // code, or a canister refuses its state.
  void load(const State& state, const std::function<std::optional<Bytes>(const std::string& id)>& saved);

  // Hands agreed entries to their canisters, up to the block's budget, connections by turns that start
  // at an index given by the height.
  void deliver(State& state, Journal& journal);
  TransactionResult run(State& state, Journal& journal, const UserCall& call);
  // Canisters that are Stopping, and have nothing left to be told, are Stopped. After deliver().
  void finish_stops(State& state) const;

  std::expected<Bytes, Reject> query(std::string_view id, std::string_view method, BytesView arguments) const;
  // By id, the states that are other ones than at the last call; at the first one all that were not loaded.
  std::map<std::string, Bytes> take_changed();
  uint64_t traps() const { return traps_; }

 private:
  struct Slot {
    std::string code;
    std::unique_ptr<Canister> canister;
    Bytes saved;
    bool changed = false;
  };
  // Runs one callback; on a trap nothing of it stays. True: no trap.
  bool guarded(State& state, Journal& journal, const std::string& id,
               const std::function<void(Canister&, CanisterContext&)>& callback, std::string& failure);
  uint64_t deliver_connection(State& state, Journal& journal, ConnectionSlot& slot, uint64_t budget);
  void note_result(State& state, ConnectionSlot& slot, Journal& journal, bool ok);

  TransactionResult manage(State& state, Journal& journal, const UserCall& call);
  TransactionResult stop(State& state, Journal& journal, const std::string& id);
  TransactionResult upgrade(CanisterRecord& record, const std::string& id, const std::string& code);

  const CodeLibrary& library_;
  const ClusterParams& params_;
  const ReportWindow& window_;
  std::map<std::string, Slot, std::less<>> canisters_;
  uint64_t traps_ = 0;
};

}  // namespace icws::replica
