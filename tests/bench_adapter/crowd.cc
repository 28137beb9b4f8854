#include "tests/bench_adapter/crowd.h"

#include <chrono>
#include <cstdio>

#include "tests/support/test_certificates.h"

namespace icws::bench {
namespace {

constexpr size_t kServers = 4;
// Openings under way at a time: the deadlines are not the benchmark's subject.
constexpr size_t kOpening = 256;
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kOpenDeadline{120};
constexpr size_t kTickBytes = 64;

Bytes numbered(uint64_t number) {
  Bytes out = std::to_string(number);
  out.resize(kTickBytes, ' ');
  return out;
}

}  // namespace

Crowd::Crowd(CrowdOptions options) : options_(options) {
  const support::CertificateAuthority authority;
  support::WebSocketServerOptions server;
  if (options_.tls) server.tls = authority.localhost();
  support::WebSocketHandler& handler = *this;
  for (size_t i = 0; i < kServers; ++i) {
    servers_.push_back(std::make_unique<support::WebSocketServer>(handler, server));
  }
  const support::TemporaryDirectory directory;
  const std::string count = std::to_string(options_.connections_max);
  const std::string ca_file = support::write_file(directory / "ca.pem", authority.pem());
  adapter_ = std::make_unique<adapter::AdapterProcess>(
      std::vector<std::string>{"--connections-max", count, "--sockets-max", count, "--ca-file", ca_file,
                               "--connections-per-destination-max", count, "--opens-per-second-max",
                               "1000000", "--opens-per-second-per-destination-max", "1000000"});
  adapter_client::AdapterClientOptions client;
  client.target = "unix:" + adapter_->socket_path();
  client_ = std::make_unique<adapter_client::AdapterClient>(
      client, [this](std::vector<replica::AdapterEvent> events) { hear(std::move(events)); });
  // The CA file has been read by then.
  (void)progress_.wait_until([](const CrowdProgress& progress) { return progress.up; });
}

Crowd::~Crowd() {
  // Their threads call this object.
  client_.reset();
  servers_.clear();
}

void Crowd::submit_open() {
  replica::OpenCommand command;
  command.key = {ConnectionId(++submitted_), Epoch(1), Attempt(1)};
  command.url = servers_[submitted_ % kServers]->url();
  command.message_bytes_max = 1'000'000;
  client_->submit(std::move(command));
}

bool Crowd::open(size_t count) {
  const size_t target = submitted_ + count;
  while (submitted_ < target) {
    for (size_t i = 0; i < kOpening / 2 && submitted_ < target; ++i) submit_open();
    const size_t wanted = submitted_ < target ? submitted_ - kOpening / 2 : target;
    const bool opened = progress_.wait_until(
        [&](const CrowdProgress& progress) { return progress.opened >= wanted || progress.failed > 0; },
        kOpenDeadline);
    const auto progress = progress_.get();
    if (!opened || progress.failed > 0) {
      std::printf("%zu of %zu are open; %s\n", progress.opened, target, progress.first_failure.c_str());
      return false;
    }
  }
  return true;
}

uint64_t Crowd::stop_ticking() {
  const std::lock_guard lock(sent_mutex_);
  silent_ = true;
  return sent_total_;
}

void Crowd::on_open(support::WebSocketPeer& peer) {
  at_servers_.update([](size_t& count) { ++count; });
  if (options_.ticking) peer.arm_timer(kTick);
}

void Crowd::on_timer(support::WebSocketPeer& peer) {
  const std::lock_guard lock(sent_mutex_);
  if (silent_) return;
  ++sent_total_;
  peer.send(numbered(++sent_[&peer]), false);
  peer.arm_timer(kTick);
}

void Crowd::on_closed(support::WebSocketPeer&) {
  at_servers_.update([](size_t& count) { --count; });
}

void Crowd::hear(std::vector<replica::AdapterEvent> events) {
  progress_.update([&](CrowdProgress& progress) {
    for (const auto& event : events) {
      if (std::holds_alternative<replica::AdapterUp>(event)) progress.up = true;
      if (const auto* socket = std::get_if<replica::SocketEvent>(&event)) hear(*socket, progress);
    }
  });
}

void Crowd::hear(const replica::SocketEvent& event, CrowdProgress& progress) {
  if (std::holds_alternative<replica::SocketOpened>(event.what)) {
    ++progress.opened;
    if (options_.close_at_once) {
      client_->submit(replica::CloseCommand{event.key, 1000, {}});
      return;
    }
  } else if (const auto* message = std::get_if<replica::SocketMessage>(&event.what)) {
    ++progress.messages;
    const size_t connection = event.key.connection.value;
    if (newest_.size() <= connection) newest_.resize(connection + 1);
    if (std::stoull(message->content) != ++newest_[connection]) ++progress.out_of_order;
  } else {
    ++progress.failed;
    const auto* closed = std::get_if<replica::SocketClosed>(&event.what);
    const auto* refused = std::get_if<replica::SocketOpenFailed>(&event.what);
    if (progress.first_failure.empty()) progress.first_failure = closed ? closed->detail : refused->detail;
  }
  client_->submit(replica::AcknowledgeCommand{event.key, event.sequence, Position(0), Digest{}});
}

}  // namespace icws::bench
