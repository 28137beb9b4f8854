// Echo, one message at a time: what the adapter adds to the raw socket, and where.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench_adapter/clients/local_adapter.h"
#include "tests/bench_adapter/figures.h"
#include "tests/bench_adapter/sections.h"
#include "tests/bench_adapter/subscriber.h"
#include "tests/integration/adapter/fixture.h"
#include "tests/support/hostile_server.h"
#include "tests/support_test/raw_client.h"

namespace icws::bench {
namespace {

namespace v1 = adapter::v1;
using Clock = std::chrono::steady_clock;

constexpr size_t kMessageBytes = 64;
constexpr size_t kWarmUp = 500;
// Of one round of one way.
constexpr size_t kEchoes = 4'000;

// Answers each read with one prepared frame, and notes when the read was done.
class EchoServer {
 public:
  std::string url() const { return server_.url(); }
  uint16_t port() const { return server_.port(); }
  Clock::time_point received() const { return Clock::time_point(Clock::duration(received_.load())); }

 private:
  std::atomic<Clock::rep> received_{0};
  support::HostileServer server_{std::nullopt, [this](support::RawConnection& connection) {
                                   const Bytes echo = support::server_frame(0x82, Bytes(kMessageBytes, 'x'));
                                   connection.accept_upgrade();
                                   while (!connection.read_some().empty()) {
                                     received_ = Clock::now().time_since_epoch().count();
                                     connection.send(echo);
                                   }
                                 }};
};

// Microseconds of each echo, and its two halves.
struct Way {
  const char* name;
  std::vector<double> out{};
  std::vector<double> back{};
  std::vector<double> whole{};

  void add(Clock::time_point sent, Clock::time_point at_server, Clock::time_point heard) {
    const auto us = [](Clock::duration span) {
      return std::chrono::duration<double, std::micro>(span).count();
    };
    out.push_back(us(at_server - sent));
    back.push_back(us(heard - at_server));
    whole.push_back(us(heard - sent));
  }
};

bool echo_raw(Way& way) {
  EchoServer server;
  support::RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  if (client.read_some().empty()) return false;
  // A masked frame's size; the server does not look into it.
  const Bytes frame(2 + 4 + kMessageBytes, 'x');
  for (size_t i = 0; i < kWarmUp + kEchoes; ++i) {
    const auto sent = Clock::now();
    client.send(frame);
    if (client.read(2 + kMessageBytes).empty()) return false;
    if (i >= kWarmUp) way.add(sent, server.received(), Clock::now());
  }
  return true;
}

// The adapter's connection and hub, on this thread.
bool echo_local(Way& way) {
  EchoServer server;
  const Bytes content(kMessageBytes, 'x');
  Clock::time_point sent;
  size_t events = 0;
  LocalAdapter* running = nullptr;
  LocalAdapter local(server.url(), [&](uint64_t) {
    // The first one says that it is open.
    if (events++ > kWarmUp) way.add(sent, server.received(), Clock::now());
    if (events > kWarmUp + kEchoes) return running->stop();
    sent = Clock::now();
    running->send(content);
  });
  running = &local;
  local.run();
  return events > kWarmUp + kEchoes;
}

// A Send call on this thread, the event on another.
bool echo_grpc(Way& way, Way& call) {
  EchoServer server;
  adapter::AdapterProcess adapter;
  if (!adapter.process().wait_for_errors("listening")) return false;
  const auto channel = open_channel(adapter.socket_path());
  const auto stub = v1::Adapter::NewStub(channel);
  const auto open = open_request(server.url());
  Subscriber subscriber(channel, open.key());
  grpc::ClientContext context;
  v1::OpenResponse opened;
  if (!stub->Open(&context, open, &opened).ok() || !subscriber.receive(1)) return false;
  support::Mailbox<Clock::time_point> heard;
  std::jthread listener([&] {
    for (size_t i = 0; i < kWarmUp + kEchoes && subscriber.receive(1); ++i) heard.put(Clock::now());
  });
  v1::SendRequest request;
  *request.mutable_key() = open.key();
  auto& message = *request.add_messages();
  message.set_kind(v1::MESSAGE_KIND_BINARY);
  message.set_content(Bytes(kMessageBytes, 'x'));
  for (size_t i = 0; i < kWarmUp + kEchoes; ++i) {
    message.set_sequence(i + 1);
    grpc::ClientContext send_context;
    v1::SendResponse response;
    const auto sent = Clock::now();
    const bool done = stub->Send(&send_context, request, &response).ok();
    const auto answered = Clock::now();
    const auto arrived = heard.take();
    if (!done || !arrived) return false;
    if (i < kWarmUp) continue;
    way.add(sent, server.received(), *arrived);
    call.whole.push_back(std::chrono::duration<double, std::micro>(answered - sent).count());
  }
  return true;
}

void print_quantiles(const std::vector<double>& values) {
  if (values.empty()) {
    std::printf(" %8s %8s", "", "");
  } else {
    std::printf(" %8.1f %8.1f", quantile(values, 0.5), quantile(values, 0.99));
  }
}

void print(const Way& way) {
  std::printf("%-24s", way.name);
  for (const auto* values : {&way.out, &way.back, &way.whole}) print_quantiles(*values);
  std::printf("\n");
}

void print_added(const char* name, const Way& more, const Way& less) {
  std::printf("%-24s", name);
  const auto added = [](const std::vector<double>& a, const std::vector<double>& b, double share) {
    return quantile(a, share) - quantile(b, share);
  };
  std::printf(" %8.1f %8.1f", added(more.out, less.out, 0.5), added(more.out, less.out, 0.99));
  std::printf(" %8.1f %8.1f", added(more.back, less.back, 0.5), added(more.back, less.back, 0.99));
  std::printf(" %8.1f %8.1f\n", added(more.whole, less.whole, 0.5), added(more.whole, less.whole, 0.99));
}

}  // namespace

bool bench_latency(const BenchOptions& options) {
  Way raw{"raw socket"};
  Way local{"adapter without gRPC"};
  Way grpc{"adapter and gRPC"};
  Way call{"  Send until answered"};
  for (size_t round = 0; round < options.rounds; ++round) {
    if (!echo_raw(raw) || !echo_local(local) || !echo_grpc(grpc, call)) {
      std::printf("latency: an echo did not come back\n");
      return false;
    }
  }
  std::printf("echo of %zu B, one at a time, microseconds, %zu rounds of %zu\n", kMessageBytes,
              options.rounds, kEchoes);
  std::printf("%-24s %17s %17s %17s\n", "", "until at server", "and back", "whole");
  std::printf("%-24s", "");
  for (int i = 0; i < 3; ++i) std::printf(" %8s %8s", "p50", "p99");
  std::printf("\n");
  for (const auto* way : {&raw, &local, &grpc, &call}) print(*way);
  print_added("added: asio, codec, hub", local, raw);
  print_added("added: gRPC, threads", grpc, local);
  print_added("added in all", grpc, raw);
  return true;
}

}  // namespace icws::bench
