// Four validators on this machine: block interval, latency, agreed messages a second, bytes, and CometBFT's
// own key-value store with the same messages as transactions. One run of all of it: icws-bench-comet.
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "engine/cometbft/node_client.h"
#include "tests/bench_comet/kvstore.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"

namespace {

using namespace icws;
using Clock = std::chrono::steady_clock;

constexpr size_t kMessageBytes = 128;
constexpr size_t kOrderedMessages = 50'000;
constexpr size_t kFeedMessages = 15'000;
constexpr size_t kKvstoreMessages = 10'000;
constexpr uint64_t kIdleBlocks = 100;
constexpr size_t kPacedMessages = 500;
constexpr std::chrono::milliseconds kPace{20};
constexpr Milliseconds kTimeout{10'000};

std::string message(size_t number) {
  std::string out = std::to_string(number) + " ";
  out.resize(kMessageBytes, 'm');
  return out;
}

// A header's time, nanoseconds since the epoch; only differences count.
int64_t nanoseconds(const std::string& text) {
  std::tm parts{};
  std::istringstream in(text);
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
  int64_t fraction = 0;
  if (in.peek() == '.') {
    in.get();
    int64_t scale = 100'000'000;
    for (; std::isdigit(in.peek()) != 0; scale /= 10) fraction += (in.get() - '0') * scale;
  }
  return int64_t{::timegm(&parts)} * 1'000'000'000 + fraction;
}

struct Blocks {
  std::vector<double> intervals_ms;
  uint64_t bytes = 0;
  uint64_t count = 0;
};

class Bench {
 public:
  Bench() : subnet_({"--engine", "cometbft"}), node_(rpc_address()) {}

  void idle() {
    const uint64_t from = subnet_.height(0);
    if (!subnet_.wait_for_height(from + kIdleBlocks)) throw std::runtime_error("no blocks");
    print_blocks("idle", from, subnet_.height(0), 0);
  }

  void paced() {
    const auto id = open("ordered");
    const uint64_t from = subnet_.height(0);
    const support::Event never;
    for (size_t i = 0; i < kPacedMessages; ++i) {
      server_.push(message(i));
      static_cast<void>(never.wait(kPace));
    }
    wait_for(id, kPacedMessages);
    print_blocks("50 messages/s, ordered", from, subnet_.height(0), kPacedMessages);
    uint32_t p50 = 0;
    uint32_t p99 = 0;
    for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
      const auto status = subnet_.replica(i).status(kTimeout);
      if (!status) continue;
      p50 = std::max(p50, status->latency_p50_ms());
      p99 = std::max(p99, status->latency_p99_ms());
    }
    std::cout << "latency, a replica's receipt to its commit, the slowest replica's: p50 " << p50
              << " ms, p99 " << p99 << " ms\n";
    close(id);
  }

  double flood(const std::string& mode, size_t count) {
    const auto id = open(mode);
    const uint64_t from = subnet_.height(0);
    const auto begin = Clock::now();
    for (size_t i = 0; i < count; ++i) server_.push(message(i));
    wait_for(id, count);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const double rate = static_cast<double>(count) / seconds;
    std::cout << mode << ", one connection: " << static_cast<uint64_t>(rate) << " messages/s\n";
    print_blocks("during it", from, subnet_.height(0), count);
    close(id);
    return rate;
  }

 private:
  uint64_t open(const std::string& mode) {
    const auto id = subnet_.open_echo(server_.url(), ", \"mode\": \"" + mode + "\"");
    if (!subnet_.wait_for(id,
                          [](const auto& view) { return view.state() == "open" && view.socket() == "live"; }))
      throw std::runtime_error("the connection did not open");
    return id;
  }
  void close(uint64_t id) {
    subnet_.call("echo", "close", "{\"connection\": " + std::to_string(id) + "}");
    if (!subnet_.wait_for(id, [](const auto& view) { return view.state() == "closed"; }))
      throw std::runtime_error("the connection did not close");
  }
  void wait_for(uint64_t id, size_t count) {
    if (!subnet_.wait_for(id, [&](const auto& view) { return view.messages() + view.gaps() >= count; }))
      throw std::runtime_error("the messages were not agreed on");
  }

  std::string rpc_address() {
    std::ifstream in(subnet_.layout().node(0) / "config/config.toml");
    for (std::string line, section; std::getline(in, line);) {
      if (line.starts_with("[")) section = line;
      const std::string key = "laddr = \"tcp://";
      if (section == "[rpc]" && line.starts_with(key))
        return line.substr(key.size(), line.size() - key.size() - 1);
    }
    throw std::runtime_error("the node's configuration has no RPC address");
  }

  // Blocks (from, to].
  Blocks blocks(uint64_t from, uint64_t to) {
    Blocks out;
    int64_t last = 0;
    for (uint64_t low = from; low < to; low += 20) {
      const auto answer = node_.call(
          "blockchain",
          {{"minHeight", std::to_string(low + 1)}, {"maxHeight", std::to_string(std::min(to, low + 20))}},
          kTimeout);
      if (!answer) throw std::runtime_error(answer.error());
      auto metas = answer->at("block_metas").as_array();
      std::ranges::reverse(metas);
      for (const auto& meta : metas) {
        const int64_t time = nanoseconds(std::string(meta.at("header").at("time").as_string()));
        if (last != 0) out.intervals_ms.push_back(static_cast<double>(time - last) / 1e6);
        last = time;
        out.bytes += std::stoull(std::string(meta.at("block_size").as_string()));
        ++out.count;
      }
    }
    std::ranges::sort(out.intervals_ms);
    return out;
  }

  void print_blocks(const std::string& what, uint64_t from, uint64_t to, size_t messages) {
    const Blocks seen = blocks(from, to);
    if (seen.intervals_ms.empty()) return;
    const auto at = [&](size_t percent) {
      return static_cast<uint64_t>(seen.intervals_ms[(seen.intervals_ms.size() - 1) * percent / 100]);
    };
    std::cout << what << ": block interval p50 " << at(50) << " ms, p99 " << at(99) << " ms; "
              << seen.bytes / seen.count << " B a block";
    if (messages > 0) std::cout << ", " << seen.bytes / messages << " B in blocks a message";
    std::cout << "\n";
  }

  support::EchoServer server_;
  support::Subnet subnet_;
  engine::NodeClient node_;
};

}  // namespace

int main() {
  try {
    double ordered = 0;
    double feed = 0;
    {
      Bench bench;
      bench.idle();
      bench.paced();
      ordered = bench.flood("ordered", kOrderedMessages);
      feed = bench.flood("feed", kFeedMessages);
    }
    const double kvstore =
        bench::kvstore_rate(support::built_program("cometbft"), kKvstoreMessages, kMessageBytes);
    std::cout << "CometBFT's kvstore, the same bytes as transactions: " << static_cast<uint64_t>(kvstore)
              << "/s; ordered is " << ordered / kvstore << " times that, feed " << feed / kvstore << "\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "icws-bench-comet: " << error.what() << "\n";
    return 1;
  }
}
