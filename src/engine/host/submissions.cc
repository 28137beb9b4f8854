#include "engine/host/submissions.h"

#include <algorithm>

namespace icws::engine {

std::expected<CallOutcome, SubmissionError> Submissions::submit(Bytes transaction, Milliseconds patience) {
  const auto mine = std::make_shared<Waiting>();
  mine->transaction = std::move(transaction);
  const uint64_t size = mine->transaction.size();
  std::unique_lock lock(mutex_);
  if (stopping_) return std::unexpected(SubmissionError::Stopping);
  if (arrivals_.contains(mine->transaction)) return std::unexpected(SubmissionError::Duplicate);
  if (waiting_.size() >= limits_.calls_max || bytes_ + size > limits_.bytes_max) {
    return std::unexpected(SubmissionError::Full);
  }
  const uint64_t arrival = next_arrival_++;
  waiting_.emplace(arrival, mine);
  arrivals_.emplace(mine->transaction, arrival);
  bytes_ += size;
  changed_.notify_all();
  changed_.wait_for(lock, patience, [&] { return stopping_ || mine->outcome.has_value(); });
  waiting_.erase(arrival);
  arrivals_.erase(mine->transaction);
  bytes_ -= size;
  if (mine->outcome) return std::move(*mine->outcome);
  return std::unexpected(stopping_ ? SubmissionError::Stopping : SubmissionError::TimedOut);
}

std::vector<Bytes> Submissions::oldest(uint64_t bytes_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<Bytes> out;
  if (bytes_max == 0) return out;
  for (const auto& [arrival, waiting] : waiting_) {
    if (waiting->outcome) continue;
    if (!out.empty() && waiting->transaction.size() > bytes_max) break;
    bytes_max -= std::min<uint64_t>(bytes_max, waiting->transaction.size());
    out.push_back(waiting->transaction);
  }
  return out;
}

std::vector<Submissions::Pending> Submissions::pending(uint64_t from) const {
  const std::lock_guard lock(mutex_);
  std::vector<Pending> out;
  for (auto waiting = waiting_.lower_bound(from); waiting != waiting_.end(); ++waiting) {
    if (!waiting->second->outcome) out.push_back({waiting->first, waiting->second->transaction});
  }
  return out;
}

bool Submissions::wait_for_arrival(uint64_t from, Milliseconds patience) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return stopping_ || next_arrival_ > from; });
  return !stopping_ && next_arrival_ > from;
}

void Submissions::on_block(const replica::Block& block, const replica::BlockResult& result) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < block.transactions.size() && i < result.results.size(); ++i) {
    const auto found = arrivals_.find(block.transactions[i]);
    if (found == arrivals_.end()) continue;
    Waiting& waiting = *waiting_.at(found->second);
    if (!waiting.outcome) waiting.outcome = CallOutcome{result.results[i], block.height};
  }
  changed_.notify_all();
}

size_t Submissions::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void Submissions::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

}  // namespace icws::engine
