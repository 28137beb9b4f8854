#include "tests/soak/weather.h"

namespace icws::soak {
namespace {

using support::Direction;

constexpr std::chrono::milliseconds kDelay{50};
// An open that was refused is tried again for some seconds before it is said to have failed.
constexpr std::chrono::seconds kRefusalHeard{15};

}  // namespace

Weather::Weather(size_t proxies, uint16_t server_port) {
  for (size_t i = 0; i < proxies; ++i) proxies_.push_back(std::make_unique<Proxy>(server_port));
}

std::string Weather::url(size_t proxy) const {
  return "ws://127.0.0.1:" + std::to_string(proxies_[proxy]->proxy.port()) + "/";
}

void Weather::strike(size_t index, Fault fault) {
  auto& proxy = *proxies_[index];
  {
    // Before it happens: the break may be heard before the proxy says that it is done.
    const std::lock_guard lock(mutex_);
    ++strikes_[static_cast<size_t>(fault)];
    if (fault == Fault::kCut || fault == Fault::kReset) {
      proxy.breaks_left += proxy.proxy.progress().get().open;
    }
    if (fault == Fault::kRefuse) proxy.refuses = true;
  }
  switch (fault) {
    case Fault::kDelay:
      proxy.proxy.set_delay(Direction::kToServer, kDelay);
      proxy.proxy.set_delay(Direction::kToClient, kDelay);
      break;
    case Fault::kStall:
      proxy.proxy.stall(Direction::kToClient);
      break;
    case Fault::kCut:
      proxy.proxy.cut();
      break;
    case Fault::kReset:
      proxy.proxy.reset();
      break;
    case Fault::kRefuse:
      proxy.proxy.refuse(true);
      break;
  }
}

void Weather::calm(size_t index) {
  auto& proxy = *proxies_[index];
  proxy.proxy.set_delay(Direction::kToServer, std::chrono::milliseconds(0));
  proxy.proxy.set_delay(Direction::kToClient, std::chrono::milliseconds(0));
  proxy.proxy.resume();
  proxy.proxy.refuse(false);
  const std::lock_guard lock(mutex_);
  if (proxy.refuses) proxy.refused_until = Clock::now();
  proxy.refuses = false;
}

bool Weather::explain_break(size_t index) {
  const std::lock_guard lock(mutex_);
  auto& left = proxies_[index]->breaks_left;
  if (left == 0) return false;
  --left;
  return true;
}

bool Weather::explain_failure(size_t index) const {
  const std::lock_guard lock(mutex_);
  const auto& proxy = *proxies_[index];
  return proxy.refuses || Clock::now() - proxy.refused_until < kRefusalHeard;
}

std::vector<size_t> Weather::strikes() const {
  const std::lock_guard lock(mutex_);
  return strikes_;
}

}  // namespace icws::soak
