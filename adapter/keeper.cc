#include "adapter/keeper.h"

namespace icws::adapter {

void Keeper::add(Kept& kept) {
  kept.place_ = kept_.size();
  kept_.push_back(&kept);
  if (kept_.size() == 1) arm();
}

// The last one takes its place.
void Keeper::remove(Kept& kept) {
  kept_[kept.place_] = kept_.back();
  kept_[kept.place_]->place_ = kept.place_;
  kept_.pop_back();
  if (kept_.empty()) timer_.cancel();
}

void Keeper::arm() {
  timer_.expires_after(period_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) visit();
  });
}

// From the back: whoever is moved by a removal has been visited.
void Keeper::visit() {
  const auto now = std::chrono::steady_clock::now();
  for (size_t i = kept_.size(); i > 0; --i) {
    if (i <= kept_.size()) kept_[i - 1]->keep(now);
  }
  if (!kept_.empty()) arm();
}

}  // namespace icws::adapter
