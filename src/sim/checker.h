// What must hold after every block of every run, and at the end of some.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "replica/replica.h"
#include "sim/server.h"

namespace icws::sim {

// What: safety and liveness, apart. Thread-safety: none. A violation is a sentence; the run goes on to its
// end.
class Checker {
 public:
  // What the sockets of the honest replicas have received so far.
  struct Truth {
    // How many have received a text.
    std::function<uint32_t(const std::string& text)> seen;
    // Some has received `later` and not `earlier`: then their order is not promised against a liar.
    std::function<bool(const std::string& earlier, const std::string& later)> lacks;
  };

  Checker(uint32_t replicas, Truth truth);

  // All replicas that executed a block: the same app hash.
  void block(Height height, const std::map<uint32_t, Digest>& app_hashes);
  // New entries of an honest replica's transcript.
  void entries(const replica::Replica& replica);
  // No fault happens any more: gaps count from here on.
  void quiet();
  // A feed's messages that every honest replica saw, and none before quiet(), are agreed or counted in a gap.
  void everything_agreed(const std::set<std::string>& seen_by_all);
  // In a run in which no adapter died: the sequence came to its end, and the echo gave back `echoes`
  // messages.
  void ordered_complete(const std::vector<replica::ConnectionView>& views, uint64_t echoes);
  // Of a run that ends at `end` of virtual time: the newest reading of values is not older than some
  // intervals.
  void values_read(Milliseconds end);
  void trapped(uint64_t traps);
  // A replica found that its state is not the agreed one, and stopped.
  void diverged(uint32_t replica, const std::string& what);
  // How often the server got what was sent with writers `some` or `single`.
  void order_written(const std::string& order, uint32_t copies);
  // An honest replica has numbered sends with a hole.
  void holes(uint32_t replica, uint64_t count);
  static std::string echo_text(uint64_t number) { return "text" + std::to_string(number); }

  const std::vector<std::string>& violations() const { return violations_; }
  uint64_t messages() const { return messages_; }
  // Of all app hashes: equal for equal seeds.
  Digest run_digest() const { return digest_; }

 private:
  struct Connection {
    EntrySequence last;
    std::map<uint32_t, uint64_t> serials;
    std::set<std::string> texts;
    // Of the sequence and of the echo: how many messages have come.
    uint64_t sequence = 0;
    uint64_t gaps = 0;
    uint64_t gaps_before_quiet = 0;
    bool feed = false;
    bool observations = false;
    // Observations: of the newest reading, in virtual time.
    std::optional<Milliseconds> read_at;
  };
  void message(ConnectionId id, Connection& connection, const replica::ConnectionView& view,
               const std::string& text);
  void reading(Connection& connection, const transcript::Reading& reading, Milliseconds at);
  void violation(std::string what);

  const uint32_t faulty_max_;
  Truth truth_;
  std::map<ConnectionId, Connection> connections_;
  std::vector<std::string> violations_;
  uint64_t messages_ = 0;
  Digest digest_;
};

}  // namespace icws::sim
