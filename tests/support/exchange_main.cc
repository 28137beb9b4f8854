// icws-exchange: the replay server as a process, for demos and for tests that kill it.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>

#include "tests/support/exchange_model.h"
#include "tests/support/replay_server.h"

namespace icws::support {
namespace {

constexpr const char* kUsage =
    "usage: icws-exchange [--captures DIR | --synthetic SEED] [options]\n"
    "Serves recorded market-data streams to WebSocket clients, another to each.\n"
    "  --captures DIR      folder with hitbtc-1.capture and so on (default: ICWS_CAPTURES,\n"
    "                      else the synthetic exchange)\n"
    "  --synthetic SEED    a made-up exchange with the same traits\n"
    "  --port N            port of 127.0.0.1; 0: any free one (default 0)\n"
    "  --speed X           1: recorded time; 10: ten times as fast; 0: no delays (default 1)\n"
    "  --subscriptions N   messages a client must send first (default: as recorded)\n"
    "  --from-now          a client that comes back begins at the current stream time\n"
    "  --close-at-end      close with 1000 after the last message\n"
    "Prints `listening on 127.0.0.1:PORT` as its first line; SIGTERM or SIGINT ends it.\n";

struct Arguments {
  Feed feed;
  ReplayOptions replay;
};

template <class Number>
bool parse(const std::string& text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

Feed synthetic_feed(uint64_t seed) {
  ExchangeOptions options;
  options.seed = seed;
  return {ExchangeModel(options).streams(4), false, "synthetic exchange, seed " + std::to_string(seed)};
}

// Reads one option and its value; false if it is not understood.
bool read_option(const std::string& name, const std::string& value, Arguments& out) {
  if (name == "--captures") {
    out.feed = {read_captures(value, "hitbtc"), true, "recorded streams in " + value};
    if (out.feed.streams.empty()) std::fprintf(stderr, "no hitbtc-1.capture in %s\n", value.c_str());
    return !out.feed.streams.empty();
  }
  if (name == "--synthetic") {
    uint64_t seed = 0;
    if (!parse(value, seed)) return false;
    out.feed = synthetic_feed(seed);
    return true;
  }
  if (name == "--subscriptions") {
    size_t count = 0;
    if (!parse(value, count)) return false;
    out.replay.subscriptions_expected = count;
    return true;
  }
  if (name == "--port") return parse(value, out.replay.server.port);
  if (name == "--speed") return parse(value, out.replay.speed);
  return false;
}

std::optional<Arguments> read_arguments(int argc, char** argv) {
  Arguments out;
  out.replay.speed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--from-now") {
      out.replay.from_now = true;
    } else if (name == "--close-at-end") {
      out.replay.close_at_end = true;
    } else if (i + 1 >= argc || !read_option(name, argv[i + 1], out)) {
      std::fprintf(stderr, "cannot use %s\n%s", name.c_str(), kUsage);
      return std::nullopt;
    } else {
      ++i;
    }
  }
  if (out.feed.streams.empty()) out.feed = load_feed();
  return out;
}

int run(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--help") return std::fputs(kUsage, stdout) < 0;
  sigset_t ending;
  ::sigemptyset(&ending);
  ::sigaddset(&ending, SIGTERM);
  ::sigaddset(&ending, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before the server's thread begins, which inherits it
  auto arguments = read_arguments(argc, argv);
  if (!arguments) return 2;
  const std::string origin = arguments->feed.origin;
  const size_t streams = arguments->feed.streams.size();
  const ReplayServer server(std::move(arguments->feed.streams), arguments->replay);
  std::printf("listening on 127.0.0.1:%u\n%zu streams: %s\n", server.port(), streams, origin.c_str());
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&ending, &signal);
  return 0;
}

}  // namespace
}  // namespace icws::support

int main(int argc, char** argv) {
  try {
    return icws::support::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "icws-exchange: %s\n", error.what());
    return 1;
  }
}
