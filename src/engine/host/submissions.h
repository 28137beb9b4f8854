// The calls that users submitted to this replica and that are in no committed block yet.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "replica/application.h"

namespace icws::engine {

struct SubmissionLimits {
  // Calls that wait at a time: each holds a thread of the server.
  size_t calls_max = 256;
  // Their bytes together.
  uint64_t bytes_max = 16 * 1024 * 1024;
};

struct CallOutcome {
  replica::TransactionResult result;
  Height height;
};

enum class SubmissionError : uint8_t {
  Full = 1,   // over a limit: try again when other calls have run
  Duplicate,  // the very same transaction waits already
  TimedOut,   // it ran in no block in time; it may still do so
  Stopping,   // the replica ends
};

// What: see above. A transaction stays here until a block holds it or its submitter gives up; who gives up
// leaves it to the block that may have taken it already. Thread-safety: all methods from any thread.
class Submissions {
 public:
  explicit Submissions(SubmissionLimits limits = {}) : limits_(limits) {}

  // Blocks until the transaction ran, at most `patience`.
  std::expected<CallOutcome, SubmissionError> submit(Bytes transaction, Milliseconds patience);
  // The oldest ones, at most `bytes_max` together, but for a first one that alone is larger: it would wait
  // for ever, and what is behind it. 0: none. They stay.
  std::vector<Bytes> oldest(uint64_t bytes_max) const;
  // All that wait and arrived at `from` or later, oldest first. Arrivals count from 0.
  struct Pending {
    uint64_t arrival = 0;
    Bytes transaction;
  };
  std::vector<Pending> pending(uint64_t from) const;
  // Until a transaction arrives that is `from` or later, at most `patience`. False: none, or stop().
  bool wait_for_arrival(uint64_t from, Milliseconds patience) const;
  // A block was committed.
  void on_block(const replica::Block& block, const replica::BlockResult& result);
  size_t waiting() const;
  // Lets every waiting call end with Stopping, and refuses new ones.
  void stop();

 private:
  struct Waiting {
    Bytes transaction;
    std::optional<CallOutcome> outcome;
  };

  const SubmissionLimits limits_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool stopping_ = false;
  uint64_t bytes_ = 0;
  // By arrival.
  std::map<uint64_t, std::shared_ptr<Waiting>> waiting_;
  std::map<Bytes, uint64_t, std::less<>> arrivals_;
  uint64_t next_arrival_ = 0;
};

}  // namespace icws::engine
