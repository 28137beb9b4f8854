#include "tools/replica_program.h"

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <latch>

#include "adapter/systemd.h"
#include "adapter_client/adapter_client.h"
#include "engine/cometbft/abci_server.h"
#include "engine/cometbft/comet_signature.h"
#include "engine/cometbft/mempool_feeder.h"
#include "engine/host/replica_host.h"
#include "engine/host/replica_service.h"
#include "engine/host/snapshot_store.h"
#include "engine/local/application_service.h"
#include "engine/local/report_signature.h"
#include "engine/storage/rocks_storage.h"
#include "replica/divergence.h"
#include "replica/replica.h"
#include "tools/canister_names.h"
#include "tools/exit_status.h"
#include "tools/key_ring.h"

namespace icws::tools {
namespace {

// An owner's lease ends within an eighth of the shortest timeout of mode delegated.
constexpr Milliseconds kPause{250};
constexpr Milliseconds kShutdownPatience{2'000};

LocalTime steady_now() {
  return LocalTime(
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now().time_since_epoch()));
}

engine::ReplicaServiceConfig service_config(const ReplicaOptions& options) {
  engine::ReplicaServiceConfig out;
  out.chain_id = options.cluster.chain_id;
  out.self = options.self;
  out.genesis = agreement::genesis_replicas(options.cluster.replica_keys);
  out.signature_scheme = options.engine == EngineKind::CometBft ? proof::SignatureScheme::CometBft
                                                                : proof::SignatureScheme::Local;
  out.transaction_bytes_max = options.cluster.transaction_bytes_max;
  return out;
}

// A node that goes away between FinalizeBlock and Commit leaves a core that is ahead of its disk. The disk is
// right, and so is the replay of the node's next life: this one ends.
constexpr int kExitNodeLost = 75;

void say(const std::string& line) { std::cerr << line << std::endl; }

// Beside the state and named like it, so that what empties the one leaves the other, and no two replicas
// share one.
std::filesystem::path snapshot_directory(const ReplicaOptions& options) {
  const auto state =
      (std::filesystem::absolute(options.state_directory) / ".").lexically_normal().parent_path();
  return state.string() + "-snapshots";
}

// ABCI for this replica's node, and its users' calls into the node's mempool.
class NodeSide {
 public:
  NodeSide(const ReplicaOptions& options, engine::ReplicaHost& host, const engine::RocksStorage& storage)
      : host_(host),
        snapshots_(
            {.directory = snapshot_directory(options),
             .interval = options.snapshot_interval,
             .params = options.cluster.hash(),
             .height = host.info().height},
            [&storage] { return storage.view(); }, say),
        application_(host, options.cluster, {options.blocks_kept, &snapshots_}, say),
        server_({.socket = options.abci_socket}, application_, [this](const auto& why) { on_end(why); }),
        feeder_({.chain_id = options.cluster.chain_id, .self = options.self, .node = options.node_rpc}, host,
                say) {}

 private:
  void on_end(const std::string& why) const {
    say("a connection of the node has ended: " + why);
    if (!host_.finalized()) return;
    say("a block is finalized and not committed; ending, to start again from the disk");
    std::_Exit(kExitNodeLost);
  }

  engine::ReplicaHost& host_;
  engine::SnapshotStore snapshots_;
  engine::AbciApplication application_;
  engine::AbciServer server_;
  engine::MempoolFeeder feeder_;
};

bool has_left(const engine::ReplicaHost& host, ReplicaIndex self) {
  return host.replica_sets().front().has_left(self);
}

// Serves the engine and the users until a signal.
int serve(const ReplicaOptions& options, engine::ReplicaHost& host, const engine::RocksStorage& storage,
          KeyRing& keys, const Signals& signals, const adapter::SystemdNotifier& systemd) {
  std::unique_ptr<engine::ApplicationService> orderer_side;
  std::unique_ptr<NodeSide> node_side;
  engine::ReplicaService users(host, service_config(options));
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + options.socket, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(engine::kEngineMessageBytesMax);
  builder.SetMaxSendMessageSize(engine::kEngineMessageBytesMax);
  builder.RegisterService(&users);
  if (options.engine == EngineKind::Local) {
    orderer_side = std::make_unique<engine::ApplicationService>(host, options.cluster.chain_id, options.self);
    builder.RegisterService(orderer_side.get());
  }
  const auto server = builder.BuildAndStart();
  if (!server) {
    std::cerr << "icws-replica: cannot listen on " << options.socket << "\n";
    return kExitFailure;
  }
  if (options.engine == EngineKind::CometBft) node_side = std::make_unique<NodeSide>(options, host, storage);
  std::cout << "ready: replica " << options.self.value << " of " << options.cluster.chain_id << " at height "
            << host.info().height.value << " on " << options.socket << std::endl;
  systemd.ready();
  std::optional<int> signal;
  bool left = false;
  while (signal != SIGTERM && signal != SIGINT) {
    signal = signals.wait(kPause);
    host.tick();
    // An engine may sign elsewhere, and a key that is missing must be told of before it is needed.
    keys.expect(host.own_key(host.info().height.next()));
    if (!std::exchange(left, has_left(host, options.self)) && left) {
      say("replica " + std::to_string(options.self.value) +
          " has left the replica set: its sockets are closed, it reports no more, and may be stopped");
    }
  }
  systemd.stopping();
  host.stop();
  node_side.reset();
  server->Shutdown(std::chrono::system_clock::now() + kShutdownPatience);
  return kExitOk;
}

std::unique_ptr<replica::ReportVerifier> make_verifier(const ReplicaOptions& options) {
  const std::string& chain_id = options.cluster.chain_id;
  if (options.engine == EngineKind::CometBft) return std::make_unique<engine::CometReportVerifier>(chain_id);
  return std::make_unique<engine::LocalReportVerifier>(chain_id);
}

}  // namespace

int run_replica(const ReplicaOptions& options, const ReplicaHooks& hooks, const Signals& signals) {
  try {
    const adapter::SystemdNotifier systemd(adapter::take_systemd_environment().notify_socket);
    ::umask(077);
    auto canisters = make_canisters(options.canisters);
    if (!canisters) throw std::runtime_error(canisters.error());
    engine::RocksStorage storage(options.state_directory);
    const auto verifier = make_verifier(options);
    replica::Replica core({options.cluster, options.self}, *verifier, storage, std::move(*canisters));
    const auto wrapper = hooks.wrap ? hooks.wrap(core) : nullptr;
    replica::Application& application = wrapper ? *wrapper : core;

    adapter_client::AdapterClient* commands_to = nullptr;
    engine::ReplicaHost::Hooks host_hooks;
    host_hooks.now = steady_now;
    KeyRing keys(options.key_file, options.seed, say);
    host_hooks.sign = [&keys](const Bytes& public_key, BytesView message) {
      return keys.sign(public_key, message);
    };
    host_hooks.command = [&](std::vector<replica::AdapterCommand> commands) {
      for (auto& command : commands) commands_to->submit(std::move(command));
    };
    engine::ReplicaHost host(core, application, options.cluster.chain_id, std::move(host_hooks));
    // The client delivers as soon as it exists; the events' commands must find it.
    std::latch assembled(1);
    adapter_client::AdapterClientOptions adapter_options;
    adapter_options.target = "unix:" + options.adapter_socket;
    adapter_options.proxies = options.proxies;
    adapter_client::AdapterClient adapter(adapter_options, [&](std::vector<replica::AdapterEvent> events) {
      assembled.wait();
      if (hooks.alter_event) std::ranges::for_each(events, hooks.alter_event);
      host.on_adapter_events(std::move(events));
    });
    commands_to = &adapter;
    assembled.count_down();
    return serve(options, host, storage, keys, signals, systemd);
  } catch (const replica::StateDiverged& stopped) {
    std::cerr << "icws-replica: " << stopped.what() << "\n";
    return kExitDiverged;
  } catch (const std::exception& error) {
    std::cerr << "icws-replica: " << error.what() << "\n";
    return kExitFailure;
  }
}

}  // namespace icws::tools
