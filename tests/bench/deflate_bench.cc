#include "tests/bench/deflate_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>

#include "base/prng.h"
#include "tests/unit/ws/frames.h"
#include "tests/unit/ws/peer_deflate.h"
#include "ws/decoder.h"
#include "ws/deflater.h"

namespace icws::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRun(200);
constexpr int kRuns = 5;
constexpr size_t kTextBytes = 4 * 1024 * 1024;
constexpr size_t kReadBytes = 64 * 1024;
constexpr uint8_t kCompressedText = 0xC1;
constexpr uint8_t kCompressedBinary = 0xC2;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "icws-bench-codec: %s\n", what);
  std::exit(1);
}

// Seconds of one call: the median of kRuns, each as many calls as fit.
double seconds(const std::function<void()>& work) {
  std::vector<double> out;
  work();
  for (int run = 0; run < kRuns; ++run) {
    const auto start = Clock::now();
    uint64_t rounds = 0;
    Clock::duration spent{};
    do {
      work();
      ++rounds;
      spent = Clock::now() - start;
    } while (spent < kRun);
    out.push_back(std::chrono::duration<double>(spent).count() / static_cast<double>(rounds));
  }
  std::ranges::sort(out);
  return out[kRuns / 2];
}

struct Texts {
  std::string name;
  std::vector<std::string> texts;
  size_t bytes = 0;
};

// As a feed has them: one form, other numbers.
Texts make_texts(std::string name, size_t tickers) {
  Prng prng(1);
  Texts out{std::move(name), {}, 0};
  while (out.bytes < kTextBytes) {
    std::string text = "[";
    for (size_t i = 0; i < tickers; ++i) {
      text += R"({"s":"BTC)" + std::to_string(prng.below(40)) + R"(","p":")" +
              std::to_string(27'000 + prng.below(900)) + "." + std::to_string(prng.below(100)) + R"(","t":)" +
              std::to_string(1'700'000'000'000 + out.bytes + prng.below(50)) + "},";
    }
    text.back() = ']';
    out.bytes += text.size();
    out.texts.push_back(std::move(text));
  }
  return out;
}

// The decoder over reads of 64 KiB. Returns how many bytes of messages there were.
uint64_t decode(BytesView stream, const ws::DecoderLimits& limits = {}) {
  ws::Decoder decoder(limits, ws::DeflateParameters{});
  uint64_t bytes = 0;
  while (!stream.empty()) {
    BytesView input = stream.substr(0, kReadBytes);
    stream.remove_prefix(input.size());
    while (true) {
      const auto event = decoder.next(input);
      if (!event) fail("the decoder refused a legal stream");
      if (event->kind == ws::EventKind::kNeedMore) break;
      bytes += event->payload.size();
    }
  }
  return bytes;
}

// What cannot be avoided: zlib, and nothing else, into the same buffer again and again.
uint64_t inflate_alone(const std::vector<Bytes>& messages, Bytes& buffer) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail("no memory");
  uint64_t bytes = 0;
  for (const Bytes& message : messages) {
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(message.data()));
    stream.avail_in = static_cast<uInt>(message.size());
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    if (inflate(&stream, Z_SYNC_FLUSH) != Z_OK) fail("zlib refused its own stream");
    bytes += buffer.size() - stream.avail_out;
  }
  inflateEnd(&stream);
  return bytes;
}

void report_receiving(const Texts& texts) {
  ws::testing::PeerDeflater peer;
  Bytes stream;
  std::vector<Bytes> messages;
  size_t largest = 0;
  for (const std::string& text : texts.texts) {
    Bytes message = peer.message(text);
    stream += ws::testing::frame(kCompressedText, message);
    messages.push_back(message.append(ws::testing::kDeflateTail));
    largest = std::max(largest, text.size());
  }
  Bytes buffer(largest + 1'024, '\0');
  const double ours = seconds([&] {
    if (decode(stream) != texts.bytes) fail("the decoder lost something");
  });
  const double alone = seconds([&] {
    if (inflate_alone(messages, buffer) != texts.bytes) fail("zlib lost something");
  });
  const auto count = static_cast<double>(texts.texts.size());
  const auto bytes = static_cast<double>(texts.bytes);
  std::printf("%-20s %9.0f %9.1f %12.3f %9.2f %12.3f %8.2f\n", texts.name.c_str(), bytes / count,
              bytes / static_cast<double>(stream.size()), count / ours / 1e6, bytes / ours / 1e9,
              count / alone / 1e6, alone / ours);
}

void report_sending(const Texts& texts) {
  std::printf("%-20s %9.0f", texts.name.c_str(),
              static_cast<double>(texts.bytes) / static_cast<double>(texts.texts.size()));
  for (const uint8_t bits : {9, 12, 15}) {
    uint64_t sent = 0;
    const double taken = seconds([&] {
      ws::Deflater deflater({}, bits);
      Bytes wire;
      sent = 0;
      for (const std::string& text : texts.texts) {
        sent += deflater.compress(text, wire) ? wire.size() : text.size();
      }
    });
    std::printf(" %9.1f %9.0f", static_cast<double>(texts.bytes) / static_cast<double>(sent),
                static_cast<double>(texts.bytes) / taken / 1e6);
  }
  std::printf("\n");
}

// Writes DEFLATE bit by bit.
class Bits {
 public:
  void put(uint32_t value, int count) {
    for (int i = 0; i < count; ++i) {
      if (used_ % 8 == 0) out_.push_back('\0');
      if ((value >> i & 1) != 0) out_.back() = static_cast<char>(out_.back() | 1 << used_ % 8);
      ++used_;
    }
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
  size_t used_ = 0;
};

// Blocks of RFC 1951, section 3.2.7 without content whose tables are as large as they can be, with as few
// bits as that takes: 226 codes of 8 bits and 60 of 9, distances of 4 and 5 bits, mostly by repetition.
Bytes dynamic_headers(size_t blocks) {
  Bits bits;
  // Code lengths of the code lengths 16 (repeat), 4, 5, 8, 9: 1, 4, 4, 2, 3 bits; canonical codes below.
  static constexpr int kOrder[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4};
  const auto length_of = [](int symbol) {
    return symbol == 16 ? 1 : symbol == 8 ? 2 : symbol == 9 ? 3 : symbol == 4 || symbol == 5 ? 4 : 0;
  };
  const auto symbol = [&](int length) {
    // Huffman codes go with their most significant bit first: 16 0, 8 10, 9 110, 4 1110, 5 1111.
    const char* code = length == 16  ? "0"
                       : length == 8 ? "10"
                       : length == 9 ? "110"
                       : length == 4 ? "1110"
                                     : "1111";
    for (; *code != '\0'; ++code) bits.put(*code == '1' ? 1 : 0, 1);
  };
  const auto run = [&](int length, int count) {
    symbol(length);
    for (--count; count >= 3;) {
      const int times = std::min(count, 6);
      symbol(16);
      bits.put(static_cast<uint32_t>(times - 3), 2);
      count -= times;
    }
    for (; count > 0; --count) symbol(length);
  };
  for (size_t i = 0; i < blocks; ++i) {
    bits.put(0b100, 3);
    bits.put(286 - 257, 5);
    bits.put(30 - 1, 5);
    bits.put(std::size(kOrder) - 4, 4);
    for (const int of : kOrder) bits.put(static_cast<uint32_t>(length_of(of)), 3);
    run(8, 226);
    run(9, 60);
    run(4, 2);
    run(5, 28);
    // The end of the block is symbol 256: the 31st of the codes of 9 bits, which begin at 452.
    for (int bit = 8; bit >= 0; --bit) bits.put((452 + 30) >> bit & 1, 1);
  }
  bits.put(0, 3);
  return bits.take();
}

Bytes repeated(BytesView part, size_t bytes) {
  Bytes out;
  while (out.size() + part.size() < bytes) out += part;
  return out + '\0';
}

void report_worst(const char* name, const Bytes& stream, const ws::DecoderLimits& limits = {}) {
  const double taken = seconds([&] { decode(stream, limits); });
  std::printf("%-32s %12.2f\n", name,
              taken * 1e3 * static_cast<double>(kReadBytes) / static_cast<double>(stream.size()));
}

void report_worst_inputs() {
  std::printf("\n%-32s %12s\n", "worst inputs", "ms / 64 KiB");
  const auto one = [](BytesView payload) { return ws::testing::frame(kCompressedBinary, payload); };
  report_worst("tables without content", one(dynamic_headers(8'000)));
  report_worst("final blocks without content", one(repeated(BytesView("\x03\x00", 2), 256 * 1024)));
  report_worst("stored blocks without content", one(repeated(ws::testing::kSyncFlush, 256 * 1024)));
  Bytes tiny;
  for (int i = 0; i < 50'000; ++i) tiny += one(BytesView("\0", 1));
  report_worst("messages without content", tiny);
  // As compressible as the ratio lets it be for ever.
  ws::testing::PeerDeflater peer;
  Bytes ratio;
  for (int i = 0; i < 2'000; ++i) ratio += one(peer.message(Bytes(1'900, '\0')));
  report_worst("messages of zeros, 1,900 B", ratio, {.inflate_ratio_max = 1'032});
}

}  // namespace

void report_deflate(const std::vector<std::string>& captured) {
  std::vector<Texts> all;
  all.push_back(make_texts("JSON, 1 ticker", 1));
  all.push_back(make_texts("JSON, 10 tickers", 10));
  all.push_back(make_texts("JSON, 500 tickers", 500));
  if (!captured.empty()) {
    Texts texts{"captured", {}, 0};
    while (texts.bytes < kTextBytes) {
      for (const std::string& text : captured) {
        texts.bytes += text.size();
        texts.texts.push_back(text);
      }
    }
    all.push_back(std::move(texts));
  }
  std::printf("\n%-20s %9s %9s %12s %9s %12s %8s\n", "receive compressed", "mean B", "times", "decode M/s",
              "GB/s", "zlib M/s", "ratio");
  for (const Texts& texts : all) report_receiving(texts);
  std::printf("\n%-20s %9s %9s %9s %9s %9s %9s %9s\n", "send compressed", "mean B", "9: times", "MB/s",
              "12: times", "MB/s", "15: times", "MB/s");
  for (const Texts& texts : all) report_sending(texts);
  report_worst_inputs();
}

}  // namespace icws::bench
