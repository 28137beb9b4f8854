// The replicated state in storage, and back.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/merkle_map.h"
#include "replica/block_step.h"
#include "replica/journal.h"
#include "replica/keys.h"
#include "replica/report_window.h"
#include "replica/state.h"
#include "replica/storage.h"

namespace icws::replica {

// The app hashes after the last heights: a report names the one that it was made on.
struct AppHashes {
  struct At {
    Height height;
    Digest hash;
    static void fields(auto& archive, auto& self) { archive(self.height, self.hash); }
  };
  std::deque<At> newest;
  static void fields(auto& archive, auto& self) { archive(self.newest); }

  std::optional<Digest> after(Height height) const;
  void push(Height height, const Digest& hash);
};

// What: keeps the Merkle tree whose root is the app hash, and collects one block's writes. A block costs what
// it has changed. Thread-safety: none.
class Persistence {
 public:
  // Fills `state`, `window` and `hashes` from storage; false where storage is empty.
  // Throws std::runtime_error if storage holds something that does not decode or another app hash.
  bool load(const Storage& storage, State& state, ReportWindow& window, AppHashes& hashes);

  // Before anything of a block is staged.
  void begin(Height height);
  void stage_reports(const BlockReports& block, Height oldest_in_force);
  // A change that runs in this block.
  void stage_set_change(const SignedSetChange& change);
  // At last: hashes the state after the block and stages what changed, of connections what the table says.
  // `canisters`: states that have changed. `hashes`: after the heights before. Returns the app hash.
  Digest stage(State& state, const std::map<std::string, Bytes>& canisters, const Journal& journal,
               const std::vector<Forgotten>& forgotten, const AppHashes& hashes, const ClusterParams& params);
  // The leaves that the block at `height` wrote, with the beginnings of their values' digests, for people.
  // Empty: not known any more.
  std::string changed_at(Height height) const;
  // That the last staged state has what it has under this key. Empty: there is no such leaf.
  std::optional<MerkleProof> prove(BytesView key) { return tree_.prove(key); }
  WriteBatch take_batch() { return std::exchange(batch_, {}); }

 private:
  // Sequences of the messages of one outbox that are in storage: [first, last].
  struct Stored {
    SendSequence first;
    SendSequence last;
  };

  struct Changes {
    Height height;
    uint64_t count = 0;
    std::string text;
  };

  void load_state(const Storage& storage, State& state);
  void load_connections(const Storage& storage, State& state);
  void load_outboxes(const Storage& storage, State& state);
  void load_canisters(const Storage& storage, State& state);
  void load_transactions(const Storage& storage, State& state);
  void load_reports(const Storage& storage, ReportWindow& window);

  void put(const Bytes& key, Bytes value);
  void remove(const Bytes& key);
  void note_change(const Bytes& key, BytesView value);
  void stage_connection(const ConnectionSlot& slot);
  void stage_outbox(ConnectionId id, const Outbox& outbox);
  void stage_transactions(State& state, const ClusterParams& params);
  void remove_connection(const Forgotten& forgotten, uint32_t entries_kept);
  void remove_deleted(const State& state);
  void prune_entries(const Journal& journal, uint32_t entries_kept);

  MerkleMap tree_;
  std::map<ConnectionId, Stored> outboxes_;
  // Those that have leaves.
  std::vector<std::string> canisters_;
  // Of the newest blocks, ascending.
  std::deque<Changes> changes_;
  std::set<Height> stored_reports_;
  WriteBatch batch_;
};

}  // namespace icws::replica
