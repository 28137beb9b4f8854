#include "tests/bench_adapter/subscriber.h"

#include <vector>

#include "base/bytes.h"

namespace icws::bench {
namespace {

namespace v1 = adapter::v1;

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

}  // namespace

Subscriber::Subscriber(const std::shared_ptr<grpc::Channel>& channel, v1::SocketKey key)
    : stub_(channel), key_(std::move(key)) {
  call_ = stub_.PrepareCall(&context_, "/icws.adapter.v1.Adapter/Events", &queue_);
  call_->StartCall(tag(kStarted));
  wait();
  call_->Read(&read_, tag(kRead));
  // Hello.
  wait();
  call_->Read(&read_, tag(kRead));
}

Subscriber::~Subscriber() {
  context_.TryCancel();
  queue_.Shutdown();
  void* ignored = nullptr;
  bool ok = false;
  while (queue_.Next(&ignored, &ok)) {
  }
}

bool Subscriber::receive(uint64_t events) {
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

std::pair<Subscriber::Which, bool> Subscriber::wait() {
  void* which = nullptr;
  bool ok = false;
  queue_.Next(&which, &ok);
  return {static_cast<Which>(reinterpret_cast<intptr_t>(which)), ok};
}

std::shared_ptr<grpc::Channel> open_channel(const std::string& socket_path) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel("unix:" + socket_path, grpc::InsecureChannelCredentials(), arguments);
}

v1::OpenRequest open_request(const std::string& url) {
  v1::OpenRequest out;
  out.mutable_key()->set_connection_id(1);
  out.mutable_key()->set_epoch(1);
  out.mutable_key()->set_attempt(1);
  out.set_url(url);
  out.set_message_bytes_max(1'000'000);
  return out;
}

}  // namespace icws::bench
