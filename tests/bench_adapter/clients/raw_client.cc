// icws-bench-client-raw URL: the limit - read a plain socket, hop from header to header, look at nothing
// else.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/bench_adapter/clients/rate_meter.h"

namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr char kRequest[] =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// Of "ws://127.0.0.1:PORT/...".
int connect_to(const std::string& url) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1)));
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
  return socket;
}

// Counts the frames that end in a stream whose chunks it is given. A header that a chunk's end cuts is kept.
class FrameCounter {
 public:
  uint64_t count(const char* data, size_t size) {
    uint64_t frames = 0;
    size_t at = 0;
    while (true) {
      const size_t skipped = std::min(skip_, size - at);
      skip_ -= skipped;
      at += skipped;
      if (skip_ > 0 || at == size) return frames;
      if (cut_.empty() && size - at >= 10) {
        at += header(data + at);
      } else {
        cut_.push_back(data[at++]);
        if (cut_.size() < 2 || cut_.size() < 2 + length_bytes(cut_.data())) continue;
        header(cut_.data());
        cut_.clear();
      }
      ++frames;
    }
  }

 private:
  static size_t length_bytes(const char* frame) { return frame[1] < 126 ? 0 : frame[1] == 126 ? 2 : 8; }
  // Sets what to skip; returns the header's size.
  size_t header(const char* frame) {
    const size_t bytes = length_bytes(frame);
    skip_ = bytes == 0 ? static_cast<size_t>(frame[1]) : 0;
    for (size_t i = 0; i < bytes; ++i) skip_ = skip_ << 8 | static_cast<unsigned char>(frame[2 + i]);
    return 2 + bytes;
  }

  size_t skip_ = 0;
  std::string cut_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int socket = connect_to(argv[1]);
  if (socket < 0 || ::send(socket, kRequest, sizeof kRequest - 1, MSG_NOSIGNAL) < 0) return 1;
  std::vector<char> buffer(kReadBytes);
  std::string head;
  size_t frames_begin = std::string::npos;
  while (frames_begin == std::string::npos) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) return 1;
    head.append(buffer.data(), static_cast<size_t>(got));
    frames_begin = head.find("\r\n\r\n");
  }
  FrameCounter counter;
  icws::bench::RateMeter meter;
  meter.add(counter.count(head.data() + frames_begin + 4, head.size() - frames_begin - 4));
  while (true) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) return 1;
    if (!meter.add(counter.count(buffer.data(), static_cast<size_t>(got)))) break;
  }
  meter.print();
  ::close(socket);
  return 0;
}
