// The newest lines for the operator, from any thread.
#pragma once

#include <deque>
#include <iostream>
#include <mutex>
#include <string>
#include <vector>

namespace icws::tools {

// What: keeps the newest lines for a live display; without one, prints each at once.
// Thread-safety: all methods from any thread.
class NoticeBoard {
 public:
  NoticeBoard(bool print, size_t lines_max) : print_(print), lines_max_(lines_max) {}

  void put(const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (print_) std::cout << line << std::endl;
    lines_.push_back(line);
    if (lines_.size() > lines_max_) lines_.pop_front();
  }
  // Oldest first.
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return {lines_.begin(), lines_.end()};
  }

 private:
  const bool print_;
  const size_t lines_max_;
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
};

}  // namespace icws::tools
