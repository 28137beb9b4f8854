#include "tests/unit/replica/harness.h"

#include <algorithm>

#include "agreement/delegated_rules.h"
#include "replica/batches.h"

namespace icws::replica {

SignedReport HashVerifier::sign(ReplicaIndex member, Height height, Bytes report, BytesView public_key) {
  const Digest digest = Sha256()
                            .update_sized(public_key)
                            .update_u64(member.value)
                            .update_u64(height.value)
                            .update(report)
                            .finish();
  return SignedReport{member, height, std::move(report), Bytes(digest.view())};
}

bool HashVerifier::verify(const SignedReport& report, const Bytes& public_key) const {
  return sign(report.member, report.height, report.report, public_key).signature == report.signature;
}

ClusterParams test_params(uint32_t replicas) {
  ClusterParams params;
  params.chain_id = "test";
  params.replica_keys.assign(replicas, kTestKey);
  return params;
}

Bytes HashVerifier::sign_batch(ReplicaIndex member, BytesView message, BytesView public_key) {
  return Bytes(Sha256().update_sized(public_key).update_u64(member.value).update(message).finish().view());
}

OpenArguments test_open(Mode mode) {
  OpenArguments out;
  out.url = "ws://echo.test/";
  out.mode = mode;
  return out;
}

Harness::Harness(ClusterParams params, size_t nodes) : params_(std::move(params)), nodes_(nodes) {
  for (size_t i = 0; i < nodes_.size(); ++i) start(i);
}

std::unique_ptr<Replica> Harness::make(size_t i) {
  CanisterSet canisters;
  canisters.canisters.push_back({"probe", std::make_unique<ProbeCanister>(hooks_)});
  const auto make = [hooks = hooks_] { return std::make_unique<ProbeCanister>(hooks); };
  canisters.code = {{"probe", make, probe_transforms()},
                    {"probe-2", [hooks = hooks_] { return std::make_unique<SecondProbe>(hooks); }, {}},
                    {"stranger", [] { return std::make_unique<StrangerCanister>(); }, {}}};
  return std::make_unique<Replica>(Replica::Config{params_, ReplicaIndex(static_cast<uint32_t>(i))},
                                   verifier_, *nodes_[i].storage, std::move(canisters));
}

void Harness::flush(size_t i) {
  for (const AdapterCommand& command : replica(i).take_commands()) adapter(i).perform(command);
}

void Harness::attach(size_t i) {
  adapter(i).attach([this, i](AdapterEvent event) {
    if (!up(i)) return;
    replica(i).on_adapter_event(std::move(event), local_now());
    flush(i);
  });
}

void Harness::crash(size_t i) {
  nodes_.at(i).replica.reset();
  adapter(i).detach();
}

void Harness::replay(size_t i) {
  while (replica(i).info().height.value < chain_.size()) {
    replica(i).finalize_block(chain_[replica(i).info().height.value]);
    replica(i).commit(local_now());
    flush(i);
  }
}

void Harness::start(size_t i) {
  nodes_.at(i).replica = make(i);
  replay(i);
  attach(i);
}

void Harness::restore(size_t i, const Bytes& snapshot, const ApplicationInfo& at) {
  crash(i);
  wipe(i);
  nodes_.at(i).replica = make(i);
  attach(i);
  replica(i).begin_restore(at.height, at.app_hash);
  for (size_t from = 0; from < snapshot.size(); from += 1'000)
    ASSERT_TRUE(replica(i).restore(BytesView(snapshot).substr(from, 1'000)));
  ASSERT_TRUE(replica(i).finish_restore());
  replay(i);
}

Bytes Harness::key_of(size_t i, Height height) {
  const auto* member = replica(i).replicas_at(height).find(ReplicaIndex(static_cast<uint32_t>(i)));
  return member == nullptr ? kTestKey : member->public_key;
}

std::vector<Bytes> Harness::batches(const std::set<size_t>& silent) {
  std::vector<Bytes> out;
  for (size_t i = 0; i < size(); ++i) {
    if (!up(i) || silent.contains(i)) continue;
    for (const Bytes& batch : replica(i).batches()) {
      const Bytes message = agreement::batch_sign_bytes(params_.chain_id, batch);
      const ReplicaIndex member(static_cast<uint32_t>(i));
      const Bytes key = key_of(i, replica(i).info().height.next());
      out.push_back(encode_batch_transaction({batch, HashVerifier::sign_batch(member, message, key)}));
    }
  }
  return out;
}

Block Harness::propose(Round round) {
  for (Bytes& batch : batches(round.silent)) round.transactions.push_back(std::move(batch));
  now_ += round.after;
  Block block{Height(chain_.size() + 1),
              BlockTime(Milliseconds(1'700'000'000'000) + now_),
              {},
              std::move(round.transactions)};
  block.payload =
      replica(round.proposer).prepare_proposal({block.height, block.time, reports_, block.transactions});
  return block;
}

std::expected<void, Rejection> Harness::judge(const Block& block, size_t by) {
  return replica(by % nodes_.size()).process_proposal(block);
}

BlockResult Harness::execute(Block block, const std::set<size_t>& silent) {
  reports_.clear();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!up(i)) continue;
    const ReplicaIndex member(static_cast<uint32_t>(i));
    SignedReport report = HashVerifier::sign(
        member, block.height, replica(i).extend_vote(block.height, local_now()), key_of(i, block.height));
    EXPECT_EQ(replica(i).verify_vote_extension(report).has_value(),
              replica(i).replicas_at(block.height).find(member) != nullptr);
    if (!silent.contains(i)) reports_.push_back(std::move(report));
  }
  chain_.push_back(block);
  std::optional<BlockResult> first;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!up(i)) continue;
    BlockResult result = replica(i).finalize_block(block);
    replica(i).commit(local_now());
    flush(i);
    if (!first) first = std::move(result);
    EXPECT_EQ(replica(i).info().app_hash, first->app_hash) << "replica " << i << ", height " << chain_.size();
  }
  return first.value_or(BlockResult{});
}

BlockResult Harness::block(Round round) {
  const std::set<size_t> silent = round.silent;
  while (!up(round.proposer)) round.proposer = (round.proposer + 1) % size();
  const Block block = propose(std::move(round));
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!up(i)) continue;
    const auto judged = judge(block, i);
    EXPECT_TRUE(judged.has_value()) << judged.error().message;
  }
  return execute(block, silent);
}

void Harness::blocks(size_t count, Milliseconds after) {
  for (size_t i = 0; i < count; ++i) block({.proposer = i % nodes_.size(), .after = after});
}

void Harness::until(const std::function<bool()>& done) {
  for (int i = 0; i < 200 && !done(); ++i) blocks(1);
  EXPECT_TRUE(done()) << "not within 200 blocks; log:\n" << log();
}

Bytes Harness::transaction(std::function<Bytes(CanisterContext&)> what) {
  const std::string method = "m" + std::to_string(++calls_);
  hooks_->calls[method] = std::move(what);
  return encode_user_call(UserCall{"nonce " + method, "probe", method, {}});
}

TransactionResult Harness::call(std::function<Bytes(CanisterContext&)> what) {
  return block({.transactions = {transaction(std::move(what))}}).results.at(0);
}

TransactionResult Harness::manage(std::string_view method, const ManagementArguments& arguments) {
  const UserCall call{"manage " + std::to_string(++calls_), std::string(kManagementCanister),
                      std::string(method), archive_encode(arguments)};
  return block({.transactions = {encode_user_call(call)}}).results.at(0);
}

std::optional<CanisterRecord> Harness::canister(const std::string& id, size_t i) {
  for (const CanisterView& view : replica(i).canisters()) {
    if (view.id == id) return view.record;
  }
  return std::nullopt;
}

ConnectionId Harness::open(const OpenArguments& arguments) {
  const TransactionResult result = call([arguments](CanisterContext& context) {
    const auto id = context.ws_open(arguments);
    if (!id) throw std::runtime_error(id.error().message);
    return std::to_string(id->value);
  });
  EXPECT_TRUE(result.ok) << result.reply;
  return ConnectionId(result.ok ? std::stoull(result.reply) : 0);
}

void Harness::send(ConnectionId id, const Bytes& text) {
  const TransactionResult result = call([id, text](CanisterContext& context) {
    const auto sent = context.ws_data(id, MessageKind::Text, text);
    if (!sent) throw std::runtime_error(sent.error().message);
    return std::to_string(sent->value);
  });
  EXPECT_TRUE(result.ok) << result.reply;
}

void Harness::opens(size_t i, ConnectionId id) { adapter(i).add(socket(i, id), SocketOpened{}); }

void Harness::sees(size_t i, ConnectionId id, const Bytes& text) {
  adapter(i).add(socket(i, id), SocketMessage{MessageKind::Text, text});
}

void Harness::closes(size_t i, ConnectionId id, bool clean, uint16_t code) {
  SocketClosed closed;
  closed.clean = clean;
  closed.code = clean ? code : uint16_t{1006};
  closed.cause = clean ? transcript::Cause::Server : transcript::Cause::Connection;
  adapter(i).add(socket(i, id), closed);
}

void Harness::all_open(ConnectionId id) {
  for (size_t i = 0; i < size(); ++i) opens(i, id);
}

void Harness::all_see(ConnectionId id, const Bytes& text) {
  for (size_t i = 0; i < size(); ++i) sees(i, id, text);
}

void Harness::all_close(ConnectionId id, bool clean) {
  for (size_t i = 0; i < size(); ++i) closes(i, id, clean);
}

ConnectionId Harness::opened(const OpenArguments& arguments) {
  const ConnectionId id = open(arguments);
  all_open(id);
  until([&] { return view(id).state == "open"; });
  return id;
}

ConnectionView Harness::view(ConnectionId id, size_t i) {
  for (const ConnectionView& view : replica(i).connections()) {
    if (view.id == id) return view;
  }
  return {};
}

std::string Harness::log(size_t i) { return replica(i).query("probe", "log", {}).value_or("(no log)"); }

size_t Harness::count(const std::string& text, size_t i) {
  const std::string all = log(i);
  size_t out = 0;
  for (size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + text.size())) ++out;
  return out;
}

const SignedReport* Harness::report(size_t i) const {
  const auto it = std::ranges::find(reports_, ReplicaIndex(static_cast<uint32_t>(i)), &SignedReport::member);
  return it == reports_.end() ? nullptr : &*it;
}

std::optional<agreement::Section> Harness::section(size_t i, ConnectionId id) const {
  const SignedReport* signed_report = report(i);
  if (signed_report == nullptr) return std::nullopt;
  const auto decoded = agreement::decode_report(signed_report->report, params_.agreement);
  if (!decoded) return std::nullopt;
  for (const agreement::Section& section : decoded->sections) {
    if (section.connection == id) return section;
  }
  return std::nullopt;
}

}  // namespace icws::replica
