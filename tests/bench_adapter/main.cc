// icws-bench-adapter: messages a second from a server's socket, through an icws-adapter process, to a gRPC
// subscriber. Prints the median of several runs for each size.
//
// Three processes or threads work at once on what may be two cores: a source that writes prepared frames, the
// adapter, and the subscriber, which counts from the raw bytes and acknowledges.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "icws/adapter/v1/adapter.grpc.pb.h"
#include "tests/support/child_process.h"
#include "tests/support/hostile_server.h"
#include "tests/support/temporary_directory.h"

namespace icws {
namespace {

namespace v1 = adapter::v1;
using Clock = std::chrono::steady_clock;

constexpr int kRuns = 5;
constexpr size_t kSourceWriteBytes = 256 * 1024;

struct Case {
  const char* name;
  size_t bytes;
  uint64_t messages;
};
constexpr Case kCases[] = {{"64 B", 64, 5'000'000}, {"1 KiB", 1024, 1'000'000}, {"64 KiB", 65'536, 30'000}};

Bytes prepared_frames(size_t bytes, uint64_t& frames) {
  const Bytes frame = support::server_frame(0x81, Bytes(bytes, 'x'));
  Bytes out;
  for (frames = 0; out.size() < kSourceWriteBytes; ++frames) out += frame;
  return out;
}

// Reads the wire format just so far as counting and the newest sequence need it.
class Counter {
 public:
  explicit Counter(BytesView input) : at_(input.data()), end_(at_ + input.size()) {}

  // Events of all sockets in an EventsResponse; `newest` is the last one's sequence.
  uint64_t count(uint64_t& newest) {
    uint64_t events = 0;
    while (at_ < end_) {
      const auto tag = varint();
      const auto size = varint();
      const char* stop = at_ + size;
      if (tag == (2 << 3 | 2)) events += socket(stop, newest);
      at_ = stop;
    }
    return events;
  }

 private:
  uint64_t socket(const char* stop, uint64_t& newest) {
    uint64_t events = 0;
    while (at_ < stop) {
      const auto tag = varint();
      const auto value = varint();
      if ((tag & 7) != 2) continue;
      const char* next = at_ + value;
      if (tag == (2 << 3 | 2)) {
        ++events;
        varint();
        newest = varint();
      }
      at_ = next;
    }
    return events;
  }

  uint64_t varint() {
    uint64_t out = 0;
    for (int shift = 0; at_ < end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      out |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) break;
    }
    return out;
  }

  const char* at_;
  const char* end_;
};

Bytes flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return {};
  Bytes out;
  out.reserve(buffer.Length());
  for (const auto& slice : slices) out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
}

grpc::ByteBuffer acknowledge(const v1::SocketKey& key, uint64_t event) {
  v1::EventsRequest request;
  auto& entry = *request.add_acknowledgements();
  *entry.mutable_key() = key;
  entry.set_event(event);
  const grpc::Slice slice(request.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

// The Events stream on a completion queue: one read and one write under way.
class Subscriber {
 public:
  Subscriber(const std::shared_ptr<grpc::Channel>& channel, v1::SocketKey key)
      : stub_(channel), key_(std::move(key)) {
    call_ = stub_.PrepareCall(&context_, "/icws.adapter.v1.Adapter/Events", &queue_);
    call_->StartCall(tag(kStarted));
    wait();
    call_->Read(&read_, tag(kRead));
    // Hello.
    wait();
    call_->Read(&read_, tag(kRead));
  }
  ~Subscriber() {
    context_.TryCancel();
    queue_.Shutdown();
    void* ignored = nullptr;
    bool ok = false;
    while (queue_.Next(&ignored, &ok)) {
    }
  }

  // Until `events` came; false if the stream ended.
  bool receive(uint64_t events) {
    for (uint64_t seen = 0; seen < events;) {
      const auto [which, ok] = wait();
      if (!ok) return false;
      if (which == kRead) {
        const Bytes raw = flatten(read_);
        seen += Counter(raw).count(newest_);
        call_->Read(&read_, tag(kRead));
      } else {
        writing_ = false;
      }
      if (!writing_ && newest_ > acknowledged_) {
        writing_ = true;
        acknowledged_ = newest_;
        write_ = acknowledge(key_, newest_);
        call_->Write(write_, tag(kWritten));
      }
    }
    return true;
  }

 private:
  enum Which : intptr_t { kStarted = 1, kRead, kWritten };
  static void* tag(Which which) { return reinterpret_cast<void*>(which); }
  std::pair<Which, bool> wait() {
    void* which = nullptr;
    bool ok = false;
    queue_.Next(&which, &ok);
    return {static_cast<Which>(reinterpret_cast<intptr_t>(which)), ok};
  }

  grpc::GenericStub stub_;
  v1::SocketKey key_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer read_;
  grpc::ByteBuffer write_;
  bool writing_ = false;
  uint64_t newest_ = 0;
  uint64_t acknowledged_ = 0;
};

// Messages a second; 0 if it failed.
double run(const Case& size) {
  uint64_t frames = 0;
  const Bytes chunk = prepared_frames(size.bytes, frames);
  support::HostileServer source(std::nullopt, [&](support::RawConnection& connection) {
    connection.accept_upgrade();
    while (connection.send(chunk)) {
    }
  });
  support::TemporaryDirectory directory;
  const std::string path = directory / "adapter.sock";
  support::ChildProcess adapter(
      {support::built_program("icws-adapter"), {"--socket", path, "--allow-network", "127.0.0.0/8"}, {}, {}});
  if (!adapter.wait_for_errors("listening")) return 0;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel =
      grpc::CreateCustomChannel("unix:" + path, grpc::InsecureChannelCredentials(), arguments);
  v1::OpenRequest open;
  open.mutable_key()->set_connection_id(1);
  open.mutable_key()->set_epoch(1);
  open.mutable_key()->set_attempt(1);
  open.set_url(source.url());
  open.set_message_bytes_max(1'000'000);
  Subscriber subscriber(channel, open.key());
  grpc::ClientContext context;
  v1::OpenResponse opened;
  if (!v1::Adapter::NewStub(channel)->Open(&context, open, &opened).ok()) return 0;
  // Warm: buffers have grown, all threads run.
  if (!subscriber.receive(size.messages / 10)) return 0;
  const auto begin = Clock::now();
  if (!subscriber.receive(size.messages)) return 0;
  const std::chrono::duration<double> seconds = Clock::now() - begin;
  return static_cast<double>(size.messages) / seconds.count();
}

}  // namespace
}  // namespace icws

int main() {
  std::printf("adapter: socket -> gRPC subscriber, %u cores, median of %d\n",
              std::thread::hardware_concurrency(), icws::kRuns);
  std::printf("%-8s %14s %10s\n", "message", "messages/s", "MB/s");
  for (const auto& size : icws::kCases) {
    std::vector<double> rates;
    for (int i = 0; i < icws::kRuns; ++i) rates.push_back(icws::run(size));
    std::ranges::sort(rates);
    const double median = rates[icws::kRuns / 2];
    if (rates.front() == 0) return 1;
    std::printf("%-8s %14.0f %10.0f\n", size.name, median, median * static_cast<double>(size.bytes) / 1e6);
    std::fflush(stdout);
  }
  return 0;
}
