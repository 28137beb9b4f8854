#include "tools/replica_program.h"

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <latch>

#include "adapter_client/adapter_client.h"
#include "engine/host/replica_host.h"
#include "engine/host/replica_service.h"
#include "engine/local/application_service.h"
#include "engine/local/report_signature.h"
#include "engine/storage/rocks_storage.h"
#include "replica/divergence.h"
#include "replica/replica.h"
#include "tools/canister_names.h"
#include "tools/exit_status.h"

namespace icws::tools {
namespace {

constexpr Milliseconds kPause{1'000};
constexpr Milliseconds kShutdownPatience{2'000};

LocalTime steady_now() {
  return LocalTime(
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now().time_since_epoch()));
}

engine::ReplicaServiceConfig service_config(const ReplicaOptions& options) {
  engine::ReplicaServiceConfig out;
  out.chain_id = options.cluster.chain_id;
  out.self = options.self;
  out.replicas = static_cast<uint32_t>(options.cluster.replica_keys.size());
  out.transaction_bytes_max = options.cluster.transaction_bytes_max;
  return out;
}

// Serves both interfaces until a signal.
int serve(const ReplicaOptions& options, engine::ReplicaHost& host, const Signals& signals) {
  engine::ApplicationService application(host, options.cluster.chain_id, options.self,
                                         SigningKey(options.seed));
  engine::ReplicaService users(host, service_config(options));
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + options.socket, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(engine::kEngineMessageBytesMax);
  builder.SetMaxSendMessageSize(engine::kEngineMessageBytesMax);
  builder.RegisterService(&application);
  builder.RegisterService(&users);
  const auto server = builder.BuildAndStart();
  if (!server) {
    std::cerr << "icws-replica: cannot listen on " << options.socket << "\n";
    return kExitFailure;
  }
  std::cout << "ready: replica " << options.self.value << " of " << options.cluster.chain_id << " at height "
            << host.info().height.value << " on " << options.socket << std::endl;
  std::optional<int> signal;
  while (signal != SIGTERM && signal != SIGINT) signal = signals.wait(kPause);
  host.stop();
  server->Shutdown(std::chrono::system_clock::now() + kShutdownPatience);
  return kExitOk;
}

}  // namespace

int run_replica(const ReplicaOptions& options, const ReplicaHooks& hooks, const Signals& signals) {
  try {
    ::umask(077);
    auto canisters = make_canisters(options.canisters);
    if (!canisters) throw std::runtime_error(canisters.error());
    engine::RocksStorage storage(options.state_directory);
    const engine::LocalReportVerifier verifier(options.cluster.chain_id, options.cluster.replica_keys);
    replica::Replica core({options.cluster, options.self}, verifier, storage, std::move(*canisters));
    const auto wrapper = hooks.wrap ? hooks.wrap(core) : nullptr;
    replica::Application& application = wrapper ? *wrapper : core;

    adapter_client::AdapterClient* commands_to = nullptr;
    engine::ReplicaHost::Hooks host_hooks;
    host_hooks.now = steady_now;
    host_hooks.command = [&](std::vector<replica::AdapterCommand> commands) {
      for (auto& command : commands) commands_to->submit(std::move(command));
    };
    engine::ReplicaHost host(core, application, std::move(host_hooks));
    // The client delivers as soon as it exists; the events' commands must find it.
    std::latch assembled(1);
    adapter_client::AdapterClientOptions adapter_options;
    adapter_options.target = "unix:" + options.adapter_socket;
    adapter_client::AdapterClient adapter(adapter_options, [&](std::vector<replica::AdapterEvent> events) {
      assembled.wait();
      if (hooks.alter_event) std::ranges::for_each(events, hooks.alter_event);
      host.on_adapter_events(std::move(events));
    });
    commands_to = &adapter;
    assembled.count_down();
    return serve(options, host, signals);
  } catch (const replica::StateDiverged& stopped) {
    std::cerr << "icws-replica: " << stopped.what() << "\n";
    return kExitDiverged;
  } catch (const std::exception& error) {
    std::cerr << "icws-replica: " << error.what() << "\n";
    return kExitFailure;
  }
}

}  // namespace icws::tools
