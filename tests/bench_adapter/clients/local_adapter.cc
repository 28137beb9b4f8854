#include "tests/bench_adapter/clients/local_adapter.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace icws::bench {
namespace {

const replica::SocketKey kKey{ConnectionId(1), Epoch(1), Attempt(1)};

adapter::AdapterConfig loopback_config() {
  adapter::AdapterConfig out;
  out.allow_networks = {"127.0.0.0/8"};
  out.receive_bytes_per_second_max = uint64_t{1} << 40;
  return out;
}

replica::OpenCommand open_command(const std::string& url) {
  replica::OpenCommand out;
  out.key = kKey;
  out.url = url;
  out.message_bytes_max = 2'000'000;
  return out;
}

}  // namespace

struct LocalAdapter::Parts {
  explicit Parts(boost::asio::io_context& io)
      : egress(io.get_executor(), config, metrics),
        keeper(io.get_executor(), adapter::keeper_period(config)) {}

  adapter::AdapterConfig config = loopback_config();
  adapter::Metrics metrics;
  const adapter::Log log{adapter::LogLevel::kError};
  adapter::Egress egress;
  adapter::EventHub hub{adapter::HubLimits{}};
  adapter::MaskKeys mask_keys;
  Bytes read_buffer = Bytes(adapter::kReadBytes, '\0');
  adapter::Keeper keeper;
};

LocalAdapter::LocalAdapter(const std::string& url, OnEvents on_events)
    : on_events_(std::move(on_events)), parts_(std::make_unique<Parts>(io_)) {
  const adapter::ConnectionParts shared{parts_->config,    parts_->egress,      parts_->hub,
                                        parts_->mask_keys, parts_->read_buffer, parts_->keeper,
                                        parts_->metrics,   parts_->log};
  connection_ = std::make_unique<adapter::Connection>(io_.get_executor(), open_command(url), shared);
  parts_->hub.add(kKey, [this] { connection_->room(); });
  // Not the hub's to delete.
  generation_ = parts_->hub.attach(std::shared_ptr<EventSink>(this, [](EventSink*) {})).generation;
  wake();
}

LocalAdapter::~LocalAdapter() = default;

void LocalAdapter::run() {
  boost::asio::co_spawn(io_, connection_->run(), boost::asio::detached);
  io_.run();
}

void LocalAdapter::send(BytesView content) {
  connection_->send(++sent_, replica::MessageKind::Binary, content);
}

void LocalAdapter::wake() {
  while (const auto batch = parts_->hub.next_batch(generation_)) {
    events_ += batch->events;
    if (batch->events == 0) continue;
    parts_->hub.acknowledge({kKey, EventSequence(events_), Position(0), Digest{}});
    on_events_(batch->events);
  }
}

}  // namespace icws::bench
