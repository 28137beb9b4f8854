// One real replica under the clock, and members that report what it reports.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/signature.h"
#include "engine/local/report_signature.h"
#include "replica/replica.h"

namespace icws::bench {

using Duration = std::chrono::duration<double>;  // seconds

// The thread's own time on a core: what else runs on the machine disturbs it little.
struct Clock {
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock, duration>;
  static time_point now();
};

// What one replica spends on its one core, by step.
struct Spent {
  Duration append{0};   // adapter events: transform (off), log
  Duration report{0};   // its report, with encoding
  Duration sign{0};     // the report's signature
  Duration verify{0};   // the others' reports: signature and encoding
  Duration propose{0};  // its proposal: one block in n
  Duration check{0};    // the proposal that it votes on
  Duration execute{0};  // decisions, transcript, canister, state hash, writes into a store in memory
  uint64_t blocks = 0;
  uint64_t messages = 0;
  // Each step as often as it comes up on one replica of `members`.
  double seconds(uint32_t members) const {
    return (append + report + sign + verify + check + execute).count() + propose.count() / members;
  }
};

struct SubnetSetup {
  uint32_t members = 4;
  replica::Mode mode = replica::Mode::Ordered;
  size_t connections = 1;
  // 0: the default.
  uint32_t report_bytes_max = 0;
};

// What: see above. Member 0 is real and proposes every block; the others saw on their sockets what it saw, so
// that their reports are its bytes under their own signatures, unless a test distorts them.
// Thread-safety: none. Errors: aborts when a block is refused.
class Subnet {
 public:
  // The report of `member`, made from that of the real one.
  using Distort = std::function<Bytes(uint32_t member, const Bytes& own)>;

  // All connections are open when it returns.
  explicit Subnet(const SubnetSetup& setup);

  // Messages of `bytes` on the index-th connection's socket.
  void receive(size_t connection, size_t messages, size_t bytes);
  // One block, and the reports for the next one.
  void block();
  // The next block as it would be proposed and checked; nothing is executed. `cold`: by a replica that has
  // not seen any of its reports before. Seconds.
  struct Checked {
    double seconds = 0;
    size_t content_bytes = 0, report_bytes = 0, decisions = 0;
  };
  Checked check_next(bool cold);
  // Reports of the next blocks are other than the real one's.
  void distort(Distort distort) { distort_ = std::move(distort); }
  // Verification of the signatures alone, of the newest reports. Seconds.
  double verify_signatures() const;

  const Spent& spent() const { return spent_; }
  void forget_spent() { spent_ = {}; }
  // Of all connections, not agreed yet.
  uint64_t unsettled() const;
  uint64_t agreed() const { return replica_->metrics().entries_agreed; }

 private:
  std::unique_ptr<replica::Replica> make() const;
  replica::Block next_block() const;
  void open_connections();
  void perform();
  void report(Height height);

  SubnetSetup setup_;
  replica::ClusterParams params_;
  std::vector<SigningKey> keys_;
  std::unique_ptr<engine::LocalReportVerifier> verifier_;
  mutable std::unique_ptr<replica::Storage> storage_;
  std::unique_ptr<replica::Replica> replica_;
  std::vector<replica::SignedReport> reports_;
  std::vector<Bytes> transactions_;
  struct Socket {
    replica::SocketKey key;
    uint64_t events = 0;
  };
  std::vector<Socket> sockets_;
  uint64_t serial_ = 0;
  LocalTime now_{Milliseconds(1'000'000)};
  Distort distort_;
  Spent spent_;
};

}  // namespace icws::bench
