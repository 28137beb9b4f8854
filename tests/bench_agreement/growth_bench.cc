// How the cost of a block grows with what is in it.
#include <algorithm>
#include <cstdio>

#include "tests/bench_agreement/bench_subnet.h"
#include "tests/bench_agreement/scaling_sections.h"

namespace icws::bench {
namespace {

using replica::Mode;

constexpr int kBlocks = 7;

// Milliseconds that one replica spends on a block: the median over kBlocks pairs of blocks, `fill` before
// each. In pairs, since a report is made before the block of its height is known: where a log is longer than
// its report, the next block finds only what this one settles, and decides nothing.
double block_cost(Subnet& subnet, uint32_t members, const std::function<void()>& fill) {
  std::vector<double> costs;
  for (int i = 0; i < kBlocks + 1; ++i) {
    subnet.forget_spent();
    for (int block = 0; block < 2; ++block) {
      fill();
      subnet.block();
    }
    if (i >= 1) costs.push_back(subnet.spent().seconds(members) * 1e3 / 2);
  }
  std::ranges::sort(costs);
  return costs[kBlocks / 2];
}

class Table {
 public:
  explicit Table(const char* csv) : csv_(csv == nullptr ? nullptr : std::fopen(csv, "w")) {
    if (csv_ != nullptr) std::fprintf(csv_, "panel,series,x,milliseconds\n");
  }
  ~Table() {
    if (csv_ != nullptr) std::fclose(csv_);
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  void add(const char* panel, const char* series, size_t x, double milliseconds) {
    std::printf("%-12s %-32s %8zu %10.3f ms\n", panel, series, x, milliseconds);
    std::fflush(stdout);
    if (csv_ != nullptr) std::fprintf(csv_, "%s,%s,%zu,%.4f\n", panel, series, x, milliseconds);
  }

 private:
  std::FILE* csv_;
};

// Half of what a report covers is settled by the block of its height, and as much comes anew.
void by_backlog(Table& table) {
  for (const size_t backlog : {2, 8, 32, 128, 512, 2'048, 8'192}) {
    Subnet subnet({13, Mode::Ordered, 1, 0});
    table.add("backlog", "ordered: in the log", backlog,
              block_cost(subnet, 13, [&] { subnet.receive(0, backlog / 2, 64); }));
  }
  for (const size_t listed : {2, 8, 32, 128, 512, 1'024}) {
    Subnet subnet({13, Mode::Feed, 1, 48 * 1'024});
    table.add("backlog", "feed: listed", listed,
              block_cost(subnet, 13, [&] { subnet.receive(0, listed / 2, 64); }));
  }
  for (const size_t logged : {1'000, 3'000, 10'000, 30'000, 100'000}) {
    Subnet subnet({13, Mode::Feed, 1, 0});
    subnet.receive(0, logged, 64);
    const auto refill = [&] { subnet.receive(0, logged - std::min(logged, subnet.unsettled()), 64); };
    table.add("backlog", "feed: in the log", logged, block_cost(subnet, 13, refill));
  }
}

void by_connections(Table& table) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    for (const size_t connections : {1, 10, 100, 300, 1'000, 3'000}) {
      Subnet subnet({13, mode, connections, 0});
      const bool feed = mode == Mode::Feed;
      table.add("connections", feed ? "feed: idle" : "ordered: idle", connections,
                block_cost(subnet, 13, [] {}));
      table.add("connections", feed ? "feed: a message a block each" : "ordered: a message a block each",
                connections, block_cost(subnet, 13, [&] {
                  for (size_t i = 0; i < connections; ++i) subnet.receive(i, 1, 64);
                }));
    }
  }
}

void by_members(Table& table) {
  for (const uint32_t members : {4u, 7u, 13u, 19u, 28u, 40u}) {
    Subnet ordered({members, Mode::Ordered, 1, 0});
    table.add("members", "ordered: 1000 messages a block", members,
              block_cost(ordered, members, [&] { ordered.receive(0, 1'000, 64); }));
    Subnet feed({members, Mode::Feed, 1, 0});
    table.add("members", "feed: 400 messages a block", members,
              block_cost(feed, members, [&] { feed.receive(0, 400, 64); }));
  }
}

}  // namespace

void print_growth(const char* csv) {
  std::printf("one replica's core time for a block, median of %d; n = 13 unless it is the axis\n", kBlocks);
  Table table(csv);
  by_backlog(table);
  by_connections(table);
  by_members(table);
  std::printf("\n");
}

}  // namespace icws::bench
