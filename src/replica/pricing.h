// What connections cost: the prices, what was used, and what a canister still has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace icws::replica {

struct OpenArguments;

using Cycles = uint64_t;

// Prices in cycles; n is the size of the connection's committee. The figures are those of the Internet
// Computer's HTTPS outcalls (version 2) for the same work, without its 800 n^3: nodes sign one report for all
// connections, not a share of each response. Each at most kPriceMax; 0 makes it free.
struct PriceParams {
  // (a + b n) n for each epoch: name resolution, TLS and the handshake on every node, and agreeing on the
  // outcome.
  Cycles open_per_node = 1'000'000;
  Cycles open_per_pair = 140'000;
  // a n for each second: a place in the adapters and in every report, as 300 cycles a millisecond of an
  // outcall.
  Cycles second_per_node = 300'000;
  // (a + b n) n for each byte of agreed content and key: in a block once, sent to all, executed by all.
  Cycles byte_per_node = 650;
  Cycles byte_per_pair = 10;
  // Bytes that an agreed entry costs beside its content: what it takes of the inbox and of a block.
  uint64_t message_overhead_bytes = 64;
  // a for each byte that a writer sends, the script included: a byte of an outcall's request.
  Cycles send_byte_per_writer = 50;
  // Bytes that a message to be sent costs beside its content: what it takes of the outbox.
  uint64_t send_overhead_bytes = 32;
  // Open time is paid so long in advance; what is not used comes back when the epoch ends. A connection's
  // record changes once in this time for it.
  Milliseconds time_prepaid{60'000};

  static void fields(auto& archive, auto& self) {
    archive(self.open_per_node, self.open_per_pair, self.second_per_node, self.byte_per_node,
            self.byte_per_pair, self.message_overhead_bytes, self.send_byte_per_writer,
            self.send_overhead_bytes, self.time_prepaid);
  }
  // What is wrong, a sentence each.
  std::vector<std::string> faults() const;
};
inline constexpr Cycles kPriceMax = 1'000'000'000'000;

// What a connection, or all connections of a canister, have used and paid.
struct Usage {
  Cycles cycles = 0;
  // Epochs that were begun.
  uint64_t opens = 0;
  // Paid for; the rest of an advance comes off when the epoch ends.
  Milliseconds open_time{0};
  // Agreed entries that were paid for: messages and gap marks, and the bytes of contents and keys.
  uint64_t messages = 0;
  uint64_t bytes = 0;
  // Messages and bytes that the canister has sent, times writers.
  uint64_t sends = 0;
  uint64_t send_bytes = 0;
  static void fields(auto& archive, auto& self) {
    archive(self.cycles, self.opens, self.open_time, self.messages, self.bytes, self.sends, self.send_bytes);
  }
  bool operator==(const Usage&) const = default;
};

struct Account {
  Cycles balance = 0;
  Usage usage;
  static void fields(auto& archive, auto& self) { archive(self.balance, self.usage); }
};

// What one step costs, and how it counts. Prices saturate: what is too dear for 64 bits cannot be paid.
// What a new epoch costs, the script for every member and the last entry included: an epoch can always be
// closed.
Usage open_price(const PriceParams& prices, uint32_t members, const OpenArguments& arguments);
Usage time_price(const PriceParams& prices, uint32_t members, Milliseconds time);
// An agreed message or gap mark of `bytes` of content and key.
Usage entry_price(const PriceParams& prices, uint32_t members, uint64_t bytes);
Usage send_price(const PriceParams& prices, uint32_t writers, uint64_t bytes);
Usage operator+(const Usage& left, const Usage& right);

// Takes `price` from the account and counts it on both sides; false, and nothing happens: there is not
// enough.
[[nodiscard]] bool pay(Account& account, Usage& connection, const Usage& price);
// Gives back a part of what was paid.
void pay_back(Account& account, Usage& connection, const Usage& part);
// False, and nothing happens: the balance would not fit.
[[nodiscard]] bool deposit(Account& account, Cycles cycles);

}  // namespace icws::replica
