// Bringing one replica to the head of the block log.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "engine/local/block_log.h"
#include "engine/local/replica_link.h"

namespace icws::engine {

struct CaughtUp {
  Standpoint at;
  // Not empty: the replica contradicts the log, and why.
  std::string fault;
  // With a fault: the hash after that height that the log has, if it has one.
  std::optional<Digest> agreed;
};

// Asks the replica where it is, compares its app hash with the log's, and gives it the blocks that it lacks.
// Returns at the log's head, early when `stop` is asked for or a call fails.
Answer<CaughtUp> catch_up(ReplicaLink& link, const BlockLog& log, Milliseconds call_timeout,
                          std::stop_token stop);

// The outcome of a catch_up on another thread. Thread-safety: all methods from any thread.
class Recovery {
 public:
  void put(Answer<CaughtUp> outcome) {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
  }
  std::optional<Answer<CaughtUp>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcome_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<Answer<CaughtUp>> outcome_;
};

}  // namespace icws::engine
