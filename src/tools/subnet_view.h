// What icws-subnet shows: the replicas and, per connection, where each of them is.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "icws/replica/v1/replica.pb.h"

namespace icws::tools {

struct ReplicaPanel {
  size_t index = 0;
  pid_t pid = 0;
  pid_t adapter_pid = 0;
  // Empty: no answer.
  std::optional<replica::v1::StatusResponse> status;
  replica::v1::ListConnectionsResponse connections;
};

// What the engine says of itself and of the replicas.
struct EnginePanel {
  Height height;
  // Blocks are made.
  bool up = false;
  // For the first line, for example "failed rounds 3".
  std::string detail;
  // Proposals and reports.
  uint64_t refused = 0;
  // In the order of the replicas' panels.
  std::vector<std::string> standings;
  size_t live = 0;
};

struct SubnetPanel {
  std::string chain_id;
  EnginePanel engine;
  std::vector<ReplicaPanel> replicas;
  // Newest last.
  std::vector<std::string> notices;
};

// Several lines.
std::string format_panel(const SubnetPanel& panel);
// One line: for logs.
std::string format_summary(const SubnetPanel& panel);

}  // namespace icws::tools
