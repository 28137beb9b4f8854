// The replica's side of the adapter's gRPC interface.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "replica/adapter_port.h"

namespace icws::adapter_client {

struct AdapterClientOptions {
  // A gRPC target: "unix:/run/icws/adapter.sock".
  std::string target;
  // Pause before a new Events stream after one ended.
  Milliseconds reconnect_delay{100};
  // The adapter must answer a unary call within this.
  Milliseconds call_timeout{5'000};
  // Pause before a Send that the adapter's full queue turned down is repeated.
  Milliseconds send_retry_delay{20};
  // Bytes of commands that are not carried out yet; beyond it the stream is begun anew, which drops them.
  size_t queued_bytes_max = 64 * 1024 * 1024;
  // Sockets with a unary call under way.
  size_t calls_max = 64;
  // Added to those of each Open: OpenRequest.proxies, with its limits and its grammar.
  std::vector<std::string> proxies{};
};

// What: carries commands to the adapter and its events back. Per socket, commands are carried out in the
// order of submission, one call at a time (waiting Sends share one); acknowledgements are coalesced per
// socket and go up the stream. While there is no stream, submitted commands are dropped: AdapterDown says so,
// AdapterUp lists what the adapter holds, and the replica's core issues again what is needed. The same
// happens when the queue overflows, when the adapter does not answer a call, or when it stops. An Open that
// the adapter refuses (no room, malformed) comes back as the socket's SocketOpenFailed. Thread-safety:
// submit() from any thread. Events are delivered in order from one thread of the client's own, never while
// the destructor has returned; `deliver` may block (gRPC's flow control then holds the adapter back) and may
// call submit(), not the destructor. Ownership: the destructor stops and joins. Errors: none but
// std::bad_alloc; failures are events.
class AdapterClient {
 public:
  // Consecutive events, at least one.
  using Deliver = std::function<void(std::vector<replica::AdapterEvent>)>;

  AdapterClient(AdapterClientOptions options, Deliver deliver);
  ~AdapterClient();
  AdapterClient(const AdapterClient&) = delete;
  AdapterClient& operator=(const AdapterClient&) = delete;

  // Never blocks.
  void submit(replica::AdapterCommand command);

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace icws::adapter_client
