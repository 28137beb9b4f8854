// icws-bench-transform: how fast messages are made equal, beside what could be reached at best: copying them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/prng.h"
#include "tests/support/capture.h"
#include "transform/transform.h"

namespace {

using icws::Bytes;
using icws::transform::Delivered;
using icws::transform::MessageKind;
using icws::transform::Transform;
using icws::transform::TransformSpec;
using Clock = std::chrono::steady_clock;

// A run repeats the messages until it has lasted this long.
constexpr std::chrono::milliseconds kRun(300);
constexpr int kRuns = 5;
constexpr int kMessages = 1'000;

struct Messages {
  std::string name;
  std::vector<Bytes> texts;
};

size_t total_bytes(const Messages& messages) {
  size_t out = 0;
  for (const Bytes& text : messages.texts) out += text.size();
  return out;
}

Bytes decimal(icws::Prng& prng) {
  return std::to_string(prng.below(100)) + "." + std::to_string(1'000 + prng.below(90'000));
}

// A ticker as exchanges send it; its values as strings or as numbers.
Messages make_tickers(const char* name, const char* quote) {
  icws::Prng prng(1);
  Messages out;
  out.name = name;
  for (int i = 0; i < kMessages; ++i) {
    Bytes text = R"({"jsonrpc":"2.0","method":"ticker","params":{)";
    for (const char* field : {"ask", "bid", "last", "open", "low", "high", "volume", "volumeQuote"}) {
      text.append("\"").append(field).append("\":").append(quote).append(decimal(prng)).append(quote);
      text += ',';
    }
    text += R"("timestamp":"2021-07-15T03:06:44.273Z","symbol":"SYM)" + std::to_string(prng.below(50));
    out.texts.push_back(text + R"("},"id":)" + std::to_string(i) + "}");
  }
  return out;
}

// One large array of numbers and one of escaped strings: nothing that a feed sends, but a server may.
Messages make_arrays(const char* name, const char* element) {
  Messages out;
  out.name = name;
  Bytes text = "[";
  while (text.size() < 500'000) text.append(element).append(",");
  text.back() = ']';
  out.texts.push_back(text);
  return out;
}

Messages recorded() {
  const icws::support::Feed feed = icws::support::load_feed();
  Messages out;
  out.name = feed.recorded ? "recorded feed" : "synthetic feed";
  for (const auto& message : feed.streams.front().messages) out.texts.push_back(message.text);
  return out;
}

Transform json_transform() {
  TransformSpec spec;
  spec.input = TransformSpec::Input::Json;
  spec.drop_if_not_json = true;
  spec.drop_pointers = {"/id"};
  spec.key_pointers = {"/method", "/params/symbol"};
  return Transform::compile(spec).value();
}

// Rounds over all messages a second: the median of kRuns.
double measure(const Messages& messages, Transform transform) {
  Delivered out;
  std::vector<double> rates;
  for (int run = 0; run <= kRuns; ++run) {
    const auto start = Clock::now();
    uint64_t rounds = 0;
    Clock::duration spent{};
    do {
      for (const Bytes& text : messages.texts) {
        if (transform.apply(MessageKind::Text, text, out) != icws::transform::Outcome::Delivered) {
          std::fprintf(stderr, "icws-bench-transform: a message of \"%s\" is not JSON\n",
                       messages.name.c_str());
          std::exit(1);
        }
      }
      ++rounds;
      spent = Clock::now() - start;
    } while (spent < kRun);
    // The first run only warms up.
    if (run > 0) rates.push_back(static_cast<double>(rounds) / std::chrono::duration<double>(spent).count());
  }
  std::ranges::sort(rates);
  return rates[kRuns / 2];
}

void report(const Messages& messages) {
  const double bytes = static_cast<double>(total_bytes(messages));
  const double count = static_cast<double>(messages.texts.size());
  const double json = measure(messages, json_transform());
  const double pass = measure(messages, Transform::compile(TransformSpec()).value());
  std::printf("%-18s %9.0f %10.3f %9.0f %12.0f %8.3f\n", messages.name.c_str(), bytes / count,
              json * count / 1e6, json * bytes / 1e6, pass * bytes / 1e6, json / pass);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    std::puts(
        "usage: icws-bench-transform\n"
        "Transforms messages: drops /id, takes /method and /params/symbol as the key, writes RFC 8785. The "
        "feed is\n"
        "that of the recordings in the folder ICWS_CAPTURES, else a synthetic one. One core; each figure is "
        "the "
        "median\n"
        "of 5 runs. copy: input `pass`, the bytes unread. The ratio is ours to this.");
    return std::strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  std::printf("%-18s %9s %10s %9s %12s %8s\n", "messages", "mean B", "M/s", "MB/s", "copy MB/s", "ratio");
  report(make_tickers("ticker, strings", "\""));
  report(make_tickers("ticker, numbers", ""));
  report(recorded());
  report(make_arrays("500 kB of numbers", "1.18784"));
  report(make_arrays("500 kB, 17 digits", "333333333.33333325"));
  report(make_arrays("500 kB of escapes", R"("\u20ac\n\ud83d\ude02")"));
}
