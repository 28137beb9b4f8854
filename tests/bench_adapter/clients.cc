// From socket to message, one core each side.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "tests/bench_adapter/figures.h"
#include "tests/bench_adapter/sections.h"
#include "tests/bench_adapter/source.h"
#include "tests/support/child_process.h"

namespace icws::bench {
namespace {

constexpr unsigned kSourceCore = 0;
constexpr const char* kClientCore = "1";

struct Size {
  const char* name;
  size_t bytes;
};
constexpr Size kSizes[] = {{"64 B", 64}, {"1 KiB", 1024}, {"64 KiB", 64 * 1024}};
constexpr size_t kSizeCount = std::size(kSizes);

struct Client {
  std::string name;
  // Followed by the URL, then by what is in `after`.
  std::vector<std::string> command;
  std::vector<std::string> after{};
  // Why it is left out; empty if it is not.
  std::string missing{};
};

std::string source_of(const std::string& name) {
  return support::source_file("tests/bench_adapter/clients/" + name);
}

std::string program(const std::string& name) { return support::built_program("icws-bench-client-" + name); }

bool runs(const std::vector<std::string>& command) {
  try {
    support::ChildProcess child({command[0], {command.begin() + 1, command.end()}, {}, {}});
    const auto exit = child.wait_exit();
    return exit && exit->ok();
  } catch (const std::system_error&) {
    return false;
  }
}

// The first is what the others are compared with.
std::vector<Client> find_clients(const BenchOptions& options) {
  std::vector<Client> out;
  out.push_back({"icws", {program("icws")}});
  out.push_back({"raw socket", {program("raw")}});
  out.push_back({"beast", {program("beast")}});
  Client ws{"npm ws", {"node", source_of("ws_client.mjs")}, {options.peers}};
  if (!std::filesystem::exists(options.peers + "/node_modules/ws")) {
    ws.missing = "no package ws in " + options.peers;
  } else if (!runs({"node", "--version"})) {
    ws.missing = "no node";
  }
  out.push_back(ws);
  // Debian's: another Python may come first in PATH and not have the package.
  Client python{"websockets", {"/usr/bin/python3", source_of("websockets_client.py")}};
  if (!runs({"/usr/bin/python3", "-c", "import websockets"})) python.missing = "no python3-websockets";
  out.push_back(python);
  Client lws{"libwebsockets", {program("libwebsockets")}};
  if (!std::filesystem::exists(lws.command[0])) lws.missing = "built without libwebsockets-dev";
  out.push_back(lws);
  return out;
}

// Messages a second; nothing if the client failed.
std::optional<double> measure(const Client& client, size_t bytes) {
  Source source(bytes, kSourceCore);
  std::vector<std::string> arguments{"--cpu-list", kClientCore};
  arguments.insert(arguments.end(), client.command.begin(), client.command.end());
  arguments.push_back(source.url());
  arguments.insert(arguments.end(), client.after.begin(), client.after.end());
  support::ChildProcess child({"taskset", arguments, {}, {}});
  const auto exit = child.wait_exit();
  if (!exit || !exit->ok()) {
    std::printf("%s failed: %s\n", client.name.c_str(), child.errors().c_str());
    return std::nullopt;
  }
  return std::atof(child.output().c_str());
}

// Of one client, by size, a figure each round.
using Rates = std::vector<std::vector<double>>;

void print_row(const Client& client, const Rates& rates) {
  std::printf("%-14s", client.name.c_str());
  for (const auto& of_size : rates) std::printf(" %14.0f", median(of_size));
  std::printf("\n");
}

// Ours to theirs, of the same round.
void print_ratios(const Client& other, const Rates& ours, const Rates& theirs) {
  std::printf("%-14s", ("/ " + other.name).c_str());
  for (size_t size = 0; size < ours.size(); ++size) {
    std::vector<double> ratios;
    for (size_t round = 0; round < ours[size].size(); ++round) {
      ratios.push_back(ours[size][round] / theirs[size][round]);
    }
    std::printf(" %14.2f", median(ratios));
  }
  std::printf("\n");
}

}  // namespace

bool bench_clients(const BenchOptions& options) {
  if (std::thread::hardware_concurrency() < 2) {
    std::printf("clients: left out, this needs two cores\n");
    return true;
  }
  auto clients = find_clients(options);
  std::erase_if(clients, [&](const Client& client) {
    const auto& wanted = options.clients;
    return !wanted.empty() && client.name != "icws" && std::ranges::find(wanted, client.name) == wanted.end();
  });
  for (const auto& client : clients) {
    if (!client.missing.empty()) {
      std::printf("LEFT OUT: %s (%s); see scripts/bench-peers\n", client.name.c_str(),
                  client.missing.c_str());
    }
  }
  std::erase_if(clients, [](const Client& client) { return !client.missing.empty(); });
  std::vector<Rates> rates(clients.size(), Rates(kSizeCount));
  for (size_t round = 0; round < options.rounds; ++round) {
    for (size_t size = 0; size < kSizeCount; ++size) {
      for (size_t i = 0; i < clients.size(); ++i) {
        const auto rate = measure(clients[i], kSizes[size].bytes);
        if (!rate) return false;
        rates[i][size].push_back(*rate);
      }
    }
  }
  std::printf("client, socket -> message, text, source and client on a core each, median of %zu rounds\n",
              options.rounds);
  std::printf("%-14s", "messages/s");
  for (const auto& size : kSizes) std::printf(" %14s", size.name);
  std::printf("\n");
  for (size_t i = 0; i < clients.size(); ++i) print_row(clients[i], rates[i]);
  std::printf("icws to the others, median of the rounds' ratios\n");
  for (size_t i = 1; i < clients.size(); ++i) print_ratios(clients[i], rates[0], rates[i]);
  return true;
}

}  // namespace icws::bench
