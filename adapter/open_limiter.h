// How many connections and opens there may be: of the node, of a canister, to a destination.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/limit.h"
#include "adapter/token_bucket.h"
#include "base/time.h"

namespace icws::adapter {

// For the operator's log and the canister's developer: what was met.
std::string limit_text(Limit limit);

struct OpenLimits {
  uint64_t connections_per_canister_max = 600;
  uint64_t connections_per_destination_max = 256;
  uint64_t opens_per_second_max = 100;
  uint64_t opens_per_second_per_canister_max = 20;
  uint64_t opens_per_second_per_destination_max = 10;
  // An open above a rate waits for its turn, if that comes within this.
  Milliseconds open_wait{10'000};
};

// What: counts connections and paces opens, so that no canister takes all of the node, and no canister turns
// the subnet's n replicas into a flood of one server. A destination is a name with its port, or an address
// with its port: a connection counts for both, so that many names of one address help nobody.
// Thread-safety: none. Pure: time is an argument.
// Ownership: places refer to the limiter, which must outlive them.
// Memory: a canister or destination is remembered while it has connections or its rate's burst is not whole
// again (two seconds): bounded by the connections and by the node's own rate of opens.
class OpenLimiter {
  struct Account;
  using Accounts = std::map<std::string, Account, std::less<>>;

 public:
  using Time = TokenBucket::Time;

  // What: one connection's part of an account. Movable; the destructor gives it back.
  class Place {
   public:
    Place() = default;
    explicit Place(Account& account);
    ~Place() { leave(); }
    Place(Place&& other) noexcept : account_(std::exchange(other.account_, nullptr)) {}
    Place& operator=(Place&& other) noexcept;
    explicit operator bool() const { return account_ != nullptr; }

   private:
    void leave();
    Account* account_ = nullptr;
  };

  explicit OpenLimiter(const OpenLimits& limits);
  OpenLimiter(const OpenLimiter&) = delete;
  OpenLimiter& operator=(const OpenLimiter&) = delete;
  // For opens from now on; rates begin with a whole burst.
  void set_limits(const OpenLimits& limits);

  // A connection of the canister; an empty id has no limit and no account.
  std::expected<Place, Limit> enter_canister(std::string_view canister, Time now);
  // A connection to the destination, "api.example.com:443" or "192.0.2.1:443".
  std::expected<Place, Limit> enter_destination(std::string_view destination, Time now);

  // One open of the canister to the destination (a retry is another): how long it must wait for its turn,
  // which it has taken with this, or the limit whose turn would come too late; then nothing is taken.
  std::expected<TokenBucket::Duration, Limit> reserve_open(std::string_view canister,
                                                           std::string_view destination, Time now);
  // One attempt at an address of a name whose open was reserved: at once or not at all.
  std::expected<void, Limit> take_attempt(std::string_view destination, Time now);

  // Accounts kept.
  size_t canisters() const { return canisters_.size(); }
  size_t destinations() const { return destinations_.size(); }

 private:
  struct Account {
    TokenBucket opens;
    uint64_t connections = 0;
  };

  Account& find(Accounts& accounts, std::string_view name, uint64_t opens_per_second, Time now);

  OpenLimits limits_;
  TokenBucket opens_;
  Accounts canisters_;
  Accounts destinations_;
  // Accounts at the last sweep: the next comes when there are twice as many.
  std::array<size_t, 2> swept_{};
};

}  // namespace icws::adapter
