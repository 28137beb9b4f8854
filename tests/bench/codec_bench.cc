// icws-bench-codec: how fast the WebSocket decoder reads a server's byte stream, in chunks of 64 KiB as a
// socket gives them, beside what could be reached at best: hopping over the frame headers, and copying the
// bytes once. Then what compression costs (deflate_bench.h).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "tests/bench/deflate_bench.h"
#include "ws/decoder.h"

namespace {

using icws::Bytes;
using icws::BytesView;
using Clock = std::chrono::steady_clock;

constexpr size_t kChunkBytes = 64 * 1024;
constexpr size_t kStreamBytes = 32 * 1024 * 1024;
// A run repeats the stream until it has lasted this long.
constexpr std::chrono::milliseconds kRun(300);
constexpr int kRuns = 5;

struct Stream {
  std::string name;
  Bytes bytes;
  uint64_t messages = 0;
  uint64_t payload_bytes = 0;
};

void append_text(Stream& stream, BytesView payload) {
  Bytes& out = stream.bytes;
  out.push_back('\x81');
  int length_bytes = 0;
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(payload.size()));
  } else {
    length_bytes = payload.size() < 65'536 ? 2 : 8;
    out.push_back(length_bytes == 2 ? 126 : 127);
  }
  for (int i = length_bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  out.append(payload);
  ++stream.messages;
  stream.payload_bytes += payload.size();
}

Stream make_stream(std::string name, size_t payload_bytes) {
  Stream out;
  out.name = std::move(name);
  const Bytes payload(payload_bytes, 'x');
  while (out.bytes.size() < kStreamBytes) append_text(out, payload);
  return out;
}

// The texts that a recorded client received (lines `TIME: TEXT`).
std::vector<std::string> read_texts(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> texts;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (colon != std::string::npos && line.find_first_not_of("0123456789.") == colon) {
      texts.push_back(line.substr(colon + 2));
    }
  }
  return texts;
}

// Repeated to the size of the other streams.
Stream read_capture(const std::string& path, const std::vector<std::string>& texts) {
  Stream out;
  out.name = path.substr(path.rfind('/') + 1);
  while (!texts.empty() && out.bytes.size() < kStreamBytes) {
    for (const std::string& text : texts) append_text(out, text);
  }
  return out;
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "icws-bench-codec: %s\n", what);
  std::exit(1);
}

// Calls `read` with one chunk after the other, each copied into the same buffer, as from a socket.
template <class Read>
void in_chunks(const Bytes& bytes, Read read) {
  static char buffer[kChunkBytes];
  for (BytesView rest = bytes; !rest.empty();) {
    const BytesView chunk = rest.substr(0, kChunkBytes);
    rest.remove_prefix(chunk.size());
    std::memcpy(buffer, chunk.data(), chunk.size());
    read(BytesView(buffer, chunk.size()));
  }
}

void decode(const Stream& stream) {
  icws::ws::Decoder decoder;
  uint64_t payload_bytes = 0;
  in_chunks(stream.bytes, [&](BytesView input) {
    while (true) {
      const auto event = decoder.next(input);
      if (!event) fail("the decoder refused its own stream");
      if (event->kind == icws::ws::EventKind::kNeedMore) return;
      payload_bytes += event->payload.size();
    }
  });
  if (payload_bytes != stream.payload_bytes || decoder.counters().messages != stream.messages) {
    fail("the decoder lost messages");
  }
}

void copy_only(const Stream& stream) {
  in_chunks(stream.bytes, [](BytesView input) { asm volatile("" : : "r"(input.data()) : "memory"); });
}

// Reads lengths and nothing else: no limits, no UTF-8, no state. The few headers that a chunk's end cuts are
// read from the stream itself.
void hop_headers(const Stream& stream) {
  uint64_t messages = 0;
  size_t begin = 0;
  size_t at = 0;
  in_chunks(stream.bytes, [&](BytesView chunk) {
    const size_t end = begin + chunk.size();
    const auto byte = [&](size_t i) {
      return static_cast<uint8_t>(i < end ? chunk[i - begin] : stream.bytes[i]);
    };
    for (; at < end; ++messages) {
      size_t length = byte(at + 1);
      const size_t length_bytes = length < 126 ? 0 : length == 126 ? 2 : 8;
      if (length_bytes > 0) length = 0;
      for (size_t i = 0; i < length_bytes; ++i) length = length << 8 | byte(at + 2 + i);
      at += 2 + length_bytes + length;
    }
    begin = end;
  });
  if (messages != stream.messages) fail("the headers were miscounted");
}

// Messages a second: the median of kRuns.
double measure(const Stream& stream, void (*work)(const Stream&)) {
  std::vector<double> rates;
  work(stream);
  for (int run = 0; run < kRuns; ++run) {
    const auto start = Clock::now();
    uint64_t rounds = 0;
    Clock::duration spent{};
    do {
      work(stream);
      ++rounds;
      spent = Clock::now() - start;
    } while (spent < kRun);
    rates.push_back(static_cast<double>(rounds * stream.messages) /
                    std::chrono::duration<double>(spent).count());
  }
  std::ranges::sort(rates);
  return rates[kRuns / 2];
}

void report(const Stream& stream) {
  const double decoded = measure(stream, decode);
  const double hopped = measure(stream, hop_headers);
  const double copied = measure(stream, copy_only);
  const double mean_bytes = static_cast<double>(stream.payload_bytes) / static_cast<double>(stream.messages);
  std::printf("%-20s %9.0f %12.3f %9.2f %12.3f %8.2f %12.3f %8.2f\n", stream.name.c_str(), mean_bytes,
              decoded / 1e6, decoded * mean_bytes / 1e9, hopped / 1e6, decoded / hopped, copied / 1e6,
              decoded / copied);
}

std::vector<std::string> capture_paths(int argc, char** argv) {
  std::vector<std::string> out(argv + 1, argv + argc);
  const char* folder = std::getenv("ICWS_CAPTURES");
  if (out.empty() && folder != nullptr) out.push_back(std::string(folder) + "/hitbtc-1.capture");
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1][0] == '-') {
    std::puts(
        "usage: icws-bench-codec [CAPTURE...]\n"
        "Decodes text messages of 64 B, 1 KiB and 64 KiB, and those of the captures (default: "
        "hitbtc-1.capture\n"
        "in the folder ICWS_CAPTURES, if that is set). One core; each figure is the median of 5 runs.\n"
        "  headers: hop from header to header; copy: one memcpy of the stream. The ratios are ours to "
        "theirs.\n"
        "Then compressed messages, beside zlib alone: times is how much smaller they were; sending by window "
        "bits.");
    return std::strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  std::printf("%-20s %9s %12s %9s %12s %8s %12s %8s\n", "stream", "mean B", "decode M/s", "GB/s",
              "headers M/s", "ratio", "copy M/s", "ratio");
  report(make_stream("64 B", 64));
  report(make_stream("1 KiB", 1024));
  report(make_stream("64 KiB", 64 * 1024));
  std::vector<std::string> captured;
  for (const std::string& path : capture_paths(argc, argv)) {
    const std::vector<std::string> texts = read_texts(path);
    if (texts.empty()) fail(("no messages in " + path).c_str());
    report(read_capture(path, texts));
    captured.insert(captured.end(), texts.begin(), texts.end());
  }
  icws::bench::report_deflate(captured);
}
