// What the main of icws-replica does after its flags are parsed.
#pragma once

#include <functional>
#include <memory>

#include "replica/adapter_port.h"
#include "replica/application.h"
#include "tools/replica_options.h"
#include "tools/signals.h"

namespace icws::tools {

// Where a test's Byzantine replica differs from an honest one; the defaults are honest.
struct ReplicaHooks {
  // Wraps the core for the engine. Empty: the core itself.
  std::function<std::unique_ptr<replica::Application>(replica::Application& core)> wrap;
  // Looks at, and may change, each event before the core gets it.
  std::function<void(replica::AdapterEvent&)> alter_event;
};

// Serves until SIGTERM or SIGINT; prints "ready" on stdout once it does, and tells systemd. Returns the exit status.
int run_replica(const ReplicaOptions& options, const ReplicaHooks& hooks, const Signals& signals);

}  // namespace icws::tools
