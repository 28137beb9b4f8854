// Runs all cases of a fuzzing server of Autobahn's testsuite against the adapter:
// icws-conformance ws://127.0.0.1:PORT AGENT. The server judges, and writes what it found into its reports.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/conformance/echo_client.h"

namespace {

// The slowest case (9.5.1, a MiB in pieces of 64 bytes) takes a few seconds on a loaded machine.
constexpr std::chrono::minutes kCaseDeadline{3};

int run_all(const std::string& server, const std::string& agent) {
  icws::conformance::EchoClient client;
  const auto counted = client.run(server + "/getCaseCount", kCaseDeadline);
  if (!counted || !counted->message) {
    std::fprintf(stderr, "conformance: no case count from %s: %s\n", server.c_str(),
                 counted ? counted->detail.c_str() : "no answer");
    return 1;
  }
  const int cases = std::atoi(counted->message->c_str());
  bool good = cases > 0;
  for (int i = 1; i <= cases; ++i) {
    const auto outcome =
        client.run(server + "/runCase?case=" + std::to_string(i) + "&agent=" + agent, kCaseDeadline);
    if (outcome && outcome->opened) continue;
    good = false;
    std::fprintf(stderr, "conformance: the case of index %d %s\n", i,
                 outcome ? ("did not open: " + outcome->detail).c_str() : "did not end in time");
  }
  const auto reported = client.run(server + "/updateReports?agent=" + agent, kCaseDeadline);
  std::printf("conformance: %d cases run as %s\n", cases, agent.c_str());
  return good && reported && reported->opened ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: icws-conformance ws://127.0.0.1:PORT AGENT\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run_all(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance: %s\n", error.what());
    return 1;
  }
}
