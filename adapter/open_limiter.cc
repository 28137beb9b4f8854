#include "adapter/open_limiter.h"

#include <algorithm>
#include <utility>

namespace icws::adapter {
namespace {

// A burst is what comes in so many seconds: a subnet that reconnects opens many at once.
constexpr uint64_t kBurstSeconds = 2;
// Below it a sweep is not worth the walk.
constexpr size_t kSweepMin = 64;

TokenBucket bucket(uint64_t per_second) { return TokenBucket(per_second, per_second * kBurstSeconds); }

}  // namespace

std::string limit_text(Limit limit) {
  const auto text = [limit] {
    switch (limit) {
      case Limit::kConnectionsPerCanisterMax:
        return "the canister has as many connections as one may have";
      case Limit::kConnectionsPerDestinationMax:
        return "there are as many connections to the destination as there may be";
      case Limit::kOpensPerSecondPerCanisterMax:
        return "the canister opens more often than one may";
      case Limit::kOpensPerSecondPerDestinationMax:
        return "the destination is opened more often than one may be";
      default:
        return "the node opens more often than it may";
    }
  }();
  return std::string(text) + " (" + std::string(kLimitNames[static_cast<size_t>(limit)]) + ")";
}

OpenLimiter::Place::Place(Account& account) : account_(&account) { ++account.connections; }

OpenLimiter::Place& OpenLimiter::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  leave();
  account_ = std::exchange(other.account_, nullptr);
  return *this;
}

void OpenLimiter::Place::leave() {
  if (account_) --account_->connections;
  account_ = nullptr;
}

OpenLimiter::OpenLimiter(const OpenLimits& limits)
    : limits_(limits), opens_(bucket(limits.opens_per_second_max)) {}

void OpenLimiter::set_limits(const OpenLimits& limits) {
  limits_ = limits;
  opens_ = bucket(limits.opens_per_second_max);
  for (auto& [name, account] : canisters_) account.opens = bucket(limits.opens_per_second_per_canister_max);
  for (auto& [name, account] : destinations_) {
    account.opens = bucket(limits.opens_per_second_per_destination_max);
  }
}

OpenLimiter::Account& OpenLimiter::find(Accounts& accounts, std::string_view name, uint64_t opens_per_second,
                                        Time now) {
  if (const auto found = accounts.find(name); found != accounts.end()) return found->second;
  size_t& swept = swept_[&accounts == &canisters_ ? 0 : 1];
  if (accounts.size() >= std::max(2 * swept, kSweepMin)) {
    std::erase_if(accounts, [&](const auto& entry) {
      return entry.second.connections == 0 && entry.second.opens.full(now);
    });
    swept = accounts.size();
  }
  return accounts.emplace(std::string(name), Account{bucket(opens_per_second)}).first->second;
}

std::expected<OpenLimiter::Place, Limit> OpenLimiter::enter_canister(std::string_view canister, Time now) {
  if (canister.empty()) return Place();
  auto& account = find(canisters_, canister, limits_.opens_per_second_per_canister_max, now);
  if (account.connections >= limits_.connections_per_canister_max) {
    return std::unexpected(Limit::kConnectionsPerCanisterMax);
  }
  return Place(account);
}

std::expected<OpenLimiter::Place, Limit> OpenLimiter::enter_destination(std::string_view destination,
                                                                        Time now) {
  auto& account = find(destinations_, destination, limits_.opens_per_second_per_destination_max, now);
  if (account.connections >= limits_.connections_per_destination_max) {
    return std::unexpected(Limit::kConnectionsPerDestinationMax);
  }
  return Place(account);
}

std::expected<TokenBucket::Duration, Limit> OpenLimiter::reserve_open(std::string_view canister,
                                                                      std::string_view destination,
                                                                      Time now) {
  std::pair<TokenBucket*, Limit> rates[] = {
      {&find(destinations_, destination, limits_.opens_per_second_per_destination_max, now).opens,
       Limit::kOpensPerSecondPerDestinationMax},
      {&opens_, Limit::kOpensPerSecondMax},
      {nullptr, Limit::kOpensPerSecondPerCanisterMax}};
  if (!canister.empty()) {
    rates[2].first = &find(canisters_, canister, limits_.opens_per_second_per_canister_max, now).opens;
  }
  for (const auto& [rate, limit] : rates) {
    if (rate && rate->wait(now) > limits_.open_wait) return std::unexpected(limit);
  }
  TokenBucket::Duration out{0};
  for (const auto& [rate, limit] : rates) {
    if (rate) out = std::max(out, rate->reserve(1, now));
  }
  return out;
}

std::expected<void, Limit> OpenLimiter::take_attempt(std::string_view destination, Time now) {
  auto& account = find(destinations_, destination, limits_.opens_per_second_per_destination_max, now);
  if (account.opens.wait(now) > TokenBucket::Duration::zero())
    return std::unexpected(Limit::kOpensPerSecondPerDestinationMax);
  account.opens.take(1, now);
  return {};
}

}  // namespace icws::adapter
