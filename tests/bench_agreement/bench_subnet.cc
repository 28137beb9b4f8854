#include "tests/bench_agreement/bench_subnet.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "agreement/report_codec.h"

namespace icws::bench {
namespace {

using namespace icws::replica;  // NOLINT: a benchmark of that module

constexpr const char* kChain = "bench";

// Opens as many connections as it is asked for, and counts what it gets.
class CountingCanister final : public Canister {
 public:
  Bytes call(CanisterContext& context, std::string_view method, BytesView arguments) override {
    const auto mode = method == "feed" ? Mode::Feed : Mode::Ordered;
    for (uint64_t left = std::stoull(std::string(arguments)); left > 0; --left) {
      OpenArguments open;
      open.url = "wss://bench.test/";
      open.mode = mode;
      open.message_bytes_max = 100'000;
      if (!context.ws_open(open)) throw std::runtime_error("no room for a connection");
    }
    return {};
  }
  void ws_opened(CanisterContext&, const OpenedCall&) override {}
  void ws_data(CanisterContext&, const DataCall& call) override { messages_ += call.entries.size(); }
  void ws_closed(CanisterContext&, const ClosedCall&) override {}
  Bytes query(std::string_view, BytesView) const override { return {}; }
  Bytes save() const override { return archive_encode(messages_); }
  void load(BytesView state) override { messages_ = archive_decode<uint64_t>(state).value(); }

 private:
  uint64_t messages_ = 0;
};

template <class Work>
auto timed(Duration& spent, Work work) {
  const auto start = Clock::now();
  if constexpr (std::is_void_v<decltype(work())>) {
    work();
    spent += Clock::now() - start;
  } else {
    auto out = work();
    spent += Clock::now() - start;
    return out;
  }
}

void must(const std::expected<void, Rejection>& checked) {
  if (checked) return;
  std::fprintf(stderr, "bench: refused: %s\n", checked.error().message.c_str());
  std::abort();
}

std::string canister_name(size_t index) { return "counter-" + std::to_string(index); }

}  // namespace

Clock::time_point Clock::now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

Subnet::Subnet(const SubnetSetup& setup) : setup_(setup), storage_(std::make_unique<MemoryStorage>()) {
  params_.chain_id = kChain;
  if (setup.report_bytes_max > 0) params_.report_bytes_max = setup.report_bytes_max;
  for (uint32_t i = 0; i < setup.members; ++i) {
    keys_.emplace_back(sha256("member " + std::to_string(i)).view());
    params_.replica_keys.push_back(keys_.back().public_key());
  }
  verifier_ = std::make_unique<engine::LocalReportVerifier>(kChain);
  replica_ = make();
  replica_->on_adapter_event(AdapterUp{1, {}}, now_);
  open_connections();
}

std::unique_ptr<Replica> Subnet::make() const {
  CanisterSet canisters;
  const size_t share = params_.connections_per_canister_max;
  for (size_t i = 0; i * share < setup_.connections; ++i) {
    canisters.canisters.push_back({canister_name(i), std::make_unique<CountingCanister>()});
  }
  return std::make_unique<Replica>(Replica::Config{params_, ReplicaIndex(0)}, *verifier_, *storage_,
                                   std::move(canisters));
}

void Subnet::open_connections() {
  const size_t share = params_.connections_per_canister_max;
  for (size_t i = 0; i * share < setup_.connections; ++i) {
    const size_t count = std::min(share, setup_.connections - i * share);
    const char* method = setup_.mode == Mode::Feed ? "feed" : "ordered";
    transactions_.push_back(encode_user_call(
        UserCall{"nonce" + std::to_string(i), canister_name(i), method, std::to_string(count)}));
  }
  block();
  transactions_.clear();
  const auto all_open = [&] {
    for (const ConnectionView& view : replica_->connections()) {
      if (view.state != "open") return false;
    }
    return sockets_.size() == setup_.connections;
  };
  for (int i = 0; i < 200 && !all_open(); ++i) block();
  if (!all_open()) std::abort();
  forget_spent();
}

// What the adapter would do: every open succeeds at once.
void Subnet::perform() {
  for (const AdapterCommand& command : replica_->take_commands()) {
    const auto* open = std::get_if<OpenCommand>(&command);
    if (open == nullptr) continue;
    sockets_.push_back(Socket{open->key, 1});
    replica_->on_adapter_event(SocketEvent{open->key, EventSequence(1), SocketOpened{}}, now_);
  }
}

void Subnet::receive(size_t connection, size_t messages, size_t bytes) {
  Socket& socket = sockets_.at(connection);
  for (size_t i = 0; i < messages; ++i) {
    Bytes content = "message number " + std::to_string(++serial_);
    content.resize(bytes, '.');
    AdapterEvent event =
        SocketEvent{socket.key, EventSequence(++socket.events), SocketMessage{MessageKind::Text, content}};
    timed(spent_.append, [&] { replica_->on_adapter_event(std::move(event), now_); });
  }
}

Block Subnet::next_block() const {
  const Height height = replica_->info().height.next();
  return Block{height, BlockTime(now_.time_since_epoch()), {}, transactions_};
}

void Subnet::block() {
  now_ += Milliseconds(100);
  Block block = next_block();
  const ProposalRequest request{block.height, block.time, reports_, block.transactions};
  const uint64_t before = agreed();
  block.payload = timed(spent_.propose, [&] { return replica_->prepare_proposal(request); });
  timed(spent_.check, [&] { must(replica_->process_proposal(block)); });
  report(block.height);
  timed(spent_.execute, [&] {
    replica_->finalize_block(block);
    replica_->commit(now_);
  });
  perform();
  ++spent_.blocks;
  spent_.messages += agreed() - before;
}

void Subnet::report(Height height) {
  const Bytes own = timed(spent_.report, [&] { return replica_->extend_vote(height, now_); });
  reports_.clear();
  reports_.push_back(timed(
      spent_.sign, [&] { return engine::sign_report(keys_[0], kChain, ReplicaIndex(0), height, own); }));
  for (uint32_t i = 1; i < setup_.members; ++i) {
    const Bytes bytes = distort_ ? distort_(i, own) : own;
    reports_.push_back(engine::sign_report(keys_[i], kChain, ReplicaIndex(i), height, bytes));
    timed(spent_.verify, [&] { must(replica_->verify_vote_extension(reports_.back())); });
  }
}

Subnet::Checked Subnet::check_next(bool cold) {
  Block block = next_block();
  block.payload = replica_->prepare_proposal({block.height, block.time, reports_, block.transactions});
  Checked out;
  const auto payload = agreement::decode_payload(block.payload, [&](ConnectionId) { return setup_.mode; });
  for (const auto& carried : payload->reports) out.report_bytes += carried.report.size();
  for (const auto& carried : payload->decisions)
    out.content_bytes += agreement::carried_bytes(carried.decision);
  out.decisions = payload->decisions.size();
  std::unique_ptr<Replica> other;
  if (cold) other = make();
  Replica& judge = cold ? *other : *replica_;
  Duration spent{0};
  timed(spent, [&] { must(judge.process_proposal(block)); });
  out.seconds = spent.count();
  return out;
}

double Subnet::verify_signatures() const {
  Duration spent{0};
  timed(spent, [&] {
    for (const SignedReport& report : reports_) {
      if (!verifier_->verify(report, params_.replica_keys[report.member.value])) std::abort();
    }
  });
  return spent.count();
}

uint64_t Subnet::unsettled() const {
  uint64_t out = 0;
  for (const ConnectionView& view : replica_->connections()) out += view.unsettled;
  return out;
}

}  // namespace icws::bench
