// The replica's side of the Events call, without gRPC.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "adapter/event_hub.h"
#include "adapter/metrics.h"
#include "base/bytes.h"
#include "tests/support/waiting.h"

namespace icws::adapter {

// What: subscribes to a hub as EventStream does - one batch under way at a time, its bytes read and the next
// one asked for on another thread than the one that published - with two threads in gRPC's place.
// Thread-safety: all methods from any thread. Ownership: owns its threads; hub and metrics must outlive it.
class HubSubscriber {
 public:
  // The bytes of an EventsResponse, on either thread: of one stream in order, of two streams (the one that
  // was taken over from may have a batch under way) at the same time.
  using OnBatch = std::function<void(const Bytes&)>;

  HubSubscriber(EventHub& hub, Metrics& metrics, OnBatch on_batch);
  // Ends the stream, and waits for what is under way.
  ~HubSubscriber();

  // As a replica that restarts: a new stream, which the hub begins anew and for which it ends the old one.
  void attach();

 private:
  class Stream;
  // What gRPC would have a thread do: write a batch, or (nothing) forget a stream that is over.
  struct Job {
    std::shared_ptr<Stream> stream;
    std::optional<Batch> batch;
  };

  void run();

  EventHub& hub_;
  Metrics& metrics_;
  const OnBatch on_batch_;
  support::Mailbox<Job> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace icws::adapter
