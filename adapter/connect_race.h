// Which address to try when: Happy Eyeballs, version 2 (RFC 8305).
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "base/time.h"

namespace icws::adapter {

enum class Family : uint8_t { kV6, kV4 };
inline constexpr std::array<Family, 2> kFamilies = {Family::kV6, Family::kV4};

struct RaceSettings {
  // IPv4 addresses that come first wait so long for IPv6 ones (section 3's recommendation).
  Milliseconds resolution_delay{50};
  // Between attempts, unless the newest fails before (section 5's recommendation).
  Milliseconds attempt_delay{250};
  // Between attempts in any case, failures included (section 5: MUST NOT be less): one name with many
  // addresses that refuse is no burst of SYNs.
  Milliseconds attempt_delay_min{10};
  // Attempts of one race. Section 5 has no limit; names with hundreds of addresses do exist.
  size_t addresses_max = 8;
};

// What: the schedule of one race. Two look-ups bring addresses, in the order in which the resolver prefers
// them; attempts begin with IPv6, then the families take turns (section 4, First Address Family Count 1).
// Addresses that come later join those that wait.
// Thread-safety: none. Pure: time is an argument; the caller connects, and ends the race at a success, at
// its deadline, or when it is over().
class ConnectRace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Address = boost::asio::ip::address;

  explicit ConnectRace(const RaceSettings& settings) : settings_(settings) {}

  // A family's look-up has ended; with nothing if it failed. Once for each family. Addresses that may not be
  // connected to are left out by the caller.
  void resolved(Family family, std::span<const Address> addresses, Time now);
  // There is nothing to look up: the race is about this address alone.
  void only(const Address& address, Time now);

  // The address to try now, if it is time for one; asked again until there is none. Counts as running.
  std::optional<Address> next(Time now);
  // An attempt has failed. `newest`: it was the one that next() gave last.
  void failed(bool newest, Time now);
  // When next() gives something although nothing happens; nothing: only news will do.
  std::optional<Time> wake() const;
  // All looked up, all tried, all failed.
  bool over() const;
  // There are addresses that were not tried.
  bool waiting() const { return !waiting_[0].empty() || !waiting_[1].empty(); }

 private:
  bool resolved_both() const { return resolved_[0] && resolved_[1]; }
  // When the next attempt may begin, if there is an address for it.
  std::optional<Time> due() const;

  RaceSettings settings_;
  std::array<bool, 2> resolved_{};
  // By family.
  std::array<std::deque<Address>, 2> waiting_;
  // Set by the first answer with an address: attempts begin then, at the earliest.
  std::optional<Time> first_;
  // Before it only a failure brings the next attempt.
  std::optional<Time> pace_;
  // Of the newest attempt.
  Time begun_{};
  Family turn_ = Family::kV6;
  size_t attempts_ = 0;
  size_t running_ = 0;
};

}  // namespace icws::adapter
