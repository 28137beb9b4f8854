// How long a replica needs for process_proposal on full blocks: honest ones, and the worst that liars can
// build.
#include <algorithm>
#include <cstdio>

#include "agreement/report_codec.h"
#include "base/prng.h"
#include "tests/bench_agreement/bench_subnet.h"
#include "tests/bench_agreement/scaling_sections.h"

namespace icws::bench {
namespace {

using agreement::FeedItem;
using agreement::Report;
using replica::Mode;

constexpr uint32_t kMembers = 40;
constexpr uint32_t kFaulty = 13;
constexpr int kRounds = 5;

void print(const char* what, Subnet& subnet) {
  std::vector<double> cold, warm, signatures;
  Subnet::Checked checked;
  for (int i = 0; i < kRounds; ++i) {
    checked = subnet.check_next(true);
    cold.push_back(checked.seconds * 1e3);
    warm.push_back(subnet.check_next(false).seconds * 1e3);
    signatures.push_back(subnet.verify_signatures() * 1e3);
  }
  for (auto* values : {&cold, &warm, &signatures}) std::ranges::sort(*values);
  std::printf("%-52s %8zu %8zu %10zu %8.1f %8.1f %10.1f\n", what, checked.content_bytes / 1'024,
              checked.report_bytes / 1'024, checked.decisions, cold[kRounds / 2], warm[kRounds / 2],
              signatures[kRounds / 2]);
  std::fflush(stdout);
}

// Every one of `connections` receives `messages` of `bytes`; then reports are full and waiting.
void honest(const char* what, Mode mode, size_t connections, size_t messages, size_t bytes) {
  Subnet subnet({kMembers, mode, connections, 0});
  for (size_t i = 0; i < connections; ++i) subnet.receive(i, messages, bytes);
  subnet.block();
  print(what, subnet);
}

Bytes with_items(const Bytes& own, const std::function<void(std::vector<FeedItem>&)>& change) {
  auto report = agreement::decode_report(own, agreement::AgreementParams{});
  for (agreement::Section& section : report->sections) change(section.items);
  return agreement::encode_report(*report);
}

void hostile(const char* what, const Subnet::Distort& distort) {
  Subnet subnet({kMembers, Mode::Feed, 1, 0});
  subnet.receive(0, 880, 2'048);
  subnet.distort(distort);
  subnet.block();
  print(what, subnet);
}

void shuffle(std::vector<FeedItem>& items, Prng& prng) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[prng.below(i)]);
}

}  // namespace

void print_validation() {
  std::printf(
      "process_proposal with %u reports on one core, ms, median of %d; cold: none of the reports seen "
      "before\n",
      kMembers, kRounds);
  std::printf("%-52s %8s %8s %10s %8s %8s %10s\n", "block", "KiB", "reports", "decisions", "cold", "warm",
              "signatures");
  honest("ordered, 1 connection, 1 KiB messages", Mode::Ordered, 1, 2'000, 1'024);
  honest("ordered, 16 connections, 8 B messages", Mode::Ordered, 16, 8'000, 8);
  honest("ordered, 200 connections, 1 KiB messages", Mode::Ordered, 200, 10, 1'024);
  honest("ordered, 400 connections, 64 B messages", Mode::Ordered, 400, 65, 64);
  honest("feed, 1 connection, 2 KiB messages", Mode::Feed, 1, 880, 2'300);
  honest("feed, 100 connections, 2 KiB messages", Mode::Feed, 100, 10, 2'048);
  honest("feed, 300 connections, 2 KiB messages", Mode::Feed, 300, 10, 2'048);
  hostile("feed, all members' lists shuffled", [](uint32_t member, const Bytes& own) {
    Prng prng(member);
    return with_items(own, [&](std::vector<FeedItem>& items) { shuffle(items, prng); });
  });
  hostile("feed, f liars' lists shuffled", [](uint32_t member, const Bytes& own) {
    if (member > kFaulty) return own;
    Prng prng(member);
    return with_items(own, [&](std::vector<FeedItem>& items) { shuffle(items, prng); });
  });
  hostile("feed, all neighbours swapped at random", [](uint32_t member, const Bytes& own) {
    Prng prng(member);
    return with_items(own, [&](std::vector<FeedItem>& items) {
      for (size_t i = 1; i < items.size(); ++i) {
        if (prng.chance(1, 3)) std::swap(items[i - 1], items[i]);
      }
    });
  });
  hostile("feed, f liars list digests of one hash", [](uint32_t member, const Bytes& own) {
    if (member > kFaulty) return own;
    return with_items(own, [&](std::vector<FeedItem>& items) {
      for (size_t i = 0; i < items.size(); ++i) {
        items[i].content.digest = sha256(std::to_string(member) + "/" + std::to_string(i));
        std::fill_n(items[i].content.digest.bytes.begin(), 8, uint8_t{0});
      }
    });
  });
  std::printf("\n");
}

}  // namespace icws::bench
