// Brings the adapter in line with the replicated state, and the observation logs in line with the adapter.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "replica/adapter_port.h"
#include "replica/block_step.h"
#include "replica/cluster_params.h"
#include "replica/code_library.h"
#include "replica/local_connection.h"
#include "replica/report_window.h"
#include "replica/state.h"
#include "replica/storage.h"

namespace icws::replica {

// What: this replica's side of all connections. Every command follows from the state and what is already
// done, so that it can be derived again after a crash of either side. Thread-safety: none. Ownership: a
// value.
class Reconciler {
 public:
  // `library` and `params` must outlive it.
  Reconciler(const ClusterParams& params, ReplicaIndex self, const CodeLibrary& library);

  // Before anything else: what an earlier process saved. `state`: as it was then.
  void load(const Storage& storage, const State& state);

  void on_event(const State& state, AdapterEvent event, LocalTime now);
  // Brings logs up to a block. Also for replayed blocks.
  LocalProgress advance(const State& state, const std::vector<AgreedStep>& steps, LocalTime now);
  // Opens, closes, sends and acknowledges. Only at the chain's head: never for replayed blocks.
  // Returns how many events were given up to make room in the reports.
  uint64_t reconcile(const State& state, const ReportWindow& window, LocalTime now);
  // Writes what has changed of the local records.
  void save(const State& state, WriteBatch& batch, LocalTime now);
  std::vector<AdapterCommand> take_commands() { return std::exchange(commands_, {}); }

  // Sections of connections that this replica is a member of, by turns that start at an index given by the
  // height, as many as fit into `bytes_max`.
  std::vector<agreement::Section> sections(const State& state, Height height, size_t bytes_max,
                                           LocalTime now);
  // Null: nothing known of it.
  const LocalConnection* find(ConnectionId id) const;

  // After a block at the chain's head: what this replica says of the connections that it owns (mode
  // delegated).
  std::vector<Bytes> batches(const State& state) const;
  // Gives up sockets whose lease is over: no block came for too long, and others may own them by now.
  void tick(const State& state, LocalTime now);

 private:
  // A connection with what the adapter has been told about it.
  struct Entry {
    LocalConnection local;
    bool open_told = false;
    uint64_t accepted_send = 0;
    EventSequence acknowledged;
    Bytes saved;
  };

  void restore(const State& state, LocalTime now);
  // As a member or as the owner, and still in the replica set.
  bool takes_part(const State& state, const Connection& record) const;
  // Of this replica, which must be a member.
  uint32_t place_of(const Connection& record) const;
  void on_up(const State& state, const AdapterUp& up, LocalTime now);
  void match_socket(const Connection& record, Entry& entry, const AdapterUp& up);
  void close_strangers(const AdapterUp& up);
  uint64_t observe(const State& state, const ReportWindow& window, LocalTime now);
  void drop_ended(const State& state);
  // New sockets and acknowledgements must be on disk before the adapter hears of them, else a crash in
  // between would forget the one or lose what the other freed.
  enum class Persisted : uint8_t { No, WithThisBlock };
  void bring_in_line(const State& state, Persisted persisted);
  void reconcile_one(const Global& global, const ConnectionSlot& slot, Entry& entry, Persisted persisted);
  // Copies what this replica's adapter still has to write before the state frees it.
  void keep_sends(const ConnectionSlot& slot, Entry& entry) const;
  void tell_close(const SocketKey& key, uint16_t code, const std::string& reason);
  void tell_open(const Connection& record, Entry& entry);

  const ClusterParams& params_;
  const CodeLibrary& library_;
  const ReplicaIndex self_;
  std::map<ConnectionId, LocalRecord> loaded_;
  std::map<ConnectionId, Entry> entries_;
  std::vector<ConnectionId> forgotten_;
  // The stream to the adapter is up and its sockets were matched.
  bool adapter_up_ = false;
  // Came before the head of the chain was reached.
  std::deque<AdapterEvent> early_;
  bool at_head_ = false;
  // When the newest block at the chain's head came.
  std::optional<LocalTime> last_block_;
  std::vector<AdapterCommand> commands_;
};

}  // namespace icws::replica
