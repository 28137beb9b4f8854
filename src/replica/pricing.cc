#include "replica/pricing.h"

#include <limits>

#include "replica/canister.h"

namespace icws::replica {
namespace {

constexpr Cycles kCyclesMax = std::numeric_limits<Cycles>::max();

Cycles plus(Cycles a, Cycles b) {
  Cycles out = 0;
  return __builtin_add_overflow(a, b, &out) ? kCyclesMax : out;
}

Cycles times(Cycles a, Cycles b) {
  Cycles out = 0;
  return __builtin_mul_overflow(a, b, &out) ? kCyclesMax : out;
}

// (a + b n) n.
Cycles for_members(Cycles per_node, Cycles per_pair, uint32_t n) {
  return times(plus(per_node, times(per_pair, n)), n);
}

}  // namespace

std::vector<std::string> PriceParams::faults() const {
  std::vector<std::string> out;
  const auto at_most = [&](const char* name, uint64_t value, uint64_t maximum) {
    if (value > maximum) out.push_back(std::string(name) + " must be at most " + std::to_string(maximum));
  };
  at_most("open_per_node", open_per_node, kPriceMax);
  at_most("open_per_pair", open_per_pair, kPriceMax);
  at_most("second_per_node", second_per_node, kPriceMax);
  at_most("byte_per_node", byte_per_node, kPriceMax);
  at_most("byte_per_pair", byte_per_pair, kPriceMax);
  at_most("message_overhead_bytes", message_overhead_bytes, kPriceMax);
  at_most("send_byte_per_writer", send_byte_per_writer, kPriceMax);
  at_most("send_overhead_bytes", send_overhead_bytes, kPriceMax);
  if (time_prepaid < Milliseconds(1'000)) out.emplace_back("time_prepaid must be at least 1,000 ms");
  return out;
}

Usage open_price(const PriceParams& prices, uint32_t members, const OpenArguments& arguments) {
  Usage out = entry_price(prices, members, 0);
  out.messages = 0;
  out.opens = 1;
  out.cycles = plus(out.cycles, for_members(prices.open_per_node, prices.open_per_pair, members));
  for (const OutgoingMessage& message : arguments.script) {
    out = out + send_price(prices, members, message.content.size());
  }
  return out;
}

Usage time_price(const PriceParams& prices, uint32_t members, Milliseconds time) {
  Usage out;
  out.open_time = time;
  out.cycles = times(times(prices.second_per_node, members), static_cast<uint64_t>(time.count())) / 1'000;
  return out;
}

Usage entry_price(const PriceParams& prices, uint32_t members, uint64_t bytes) {
  Usage out;
  out.messages = 1;
  out.bytes = bytes;
  out.cycles = times(for_members(prices.byte_per_node, prices.byte_per_pair, members),
                     bytes + prices.message_overhead_bytes);
  return out;
}

Usage send_price(const PriceParams& prices, uint32_t writers, uint64_t bytes) {
  Usage out;
  out.sends = writers;
  out.send_bytes = times(bytes, writers);
  out.cycles = times(times(prices.send_byte_per_writer, writers), bytes + prices.send_overhead_bytes);
  return out;
}

Usage operator+(const Usage& left, const Usage& right) {
  Usage out;
  out.cycles = plus(left.cycles, right.cycles);
  out.opens = plus(left.opens, right.opens);
  out.open_time = left.open_time + right.open_time;
  out.messages = plus(left.messages, right.messages);
  out.bytes = plus(left.bytes, right.bytes);
  out.sends = plus(left.sends, right.sends);
  out.send_bytes = plus(left.send_bytes, right.send_bytes);
  return out;
}

bool pay(Account& account, Usage& connection, const Usage& price) {
  if (price.cycles > account.balance) return false;
  account.balance -= price.cycles;
  account.usage = account.usage + price;
  connection = connection + price;
  return true;
}

void pay_back(Account& account, Usage& connection, const Usage& part) {
  account.balance = plus(account.balance, part.cycles);
  for (Usage* usage : {&account.usage, &connection}) {
    usage->cycles -= part.cycles;
    usage->open_time -= part.open_time;
  }
}

bool deposit(Account& account, Cycles cycles) {
  if (cycles > kCyclesMax - account.balance) return false;
  account.balance += cycles;
  return true;
}

}  // namespace icws::replica
