// The commands of icwsctl.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "replica/management.h"
#include "tools/replica_client.h"

namespace icws::tools {

struct CallArguments {
  std::string canister;
  std::string method;
  std::string arguments;
};

struct FollowArguments {
  uint64_t connection = 0;
  uint64_t from = 1;
  // 0: without end.
  uint64_t count = 0;
};

struct ExportArguments {
  uint64_t connection = 0;
  uint64_t from = 1;
  // 0: the newest.
  uint64_t to = 0;
  std::string output;
};

// What: prints answers on stdout and what went wrong on stderr; every command gives the exit status.
// Thread-safety: none.
class Control {
 public:
  Control(std::string socket, Milliseconds timeout);

  int status();
  int connections();
  int call(const CallArguments& arguments);
  int query(const CallArguments& arguments);
  int follow(const FollowArguments& arguments);
  int canisters();
  // A call of the management canister (replica/management.h).
  int manage(std::string_view method, const replica::ManagementArguments& arguments);
  // Writes a certificate to a file, whole or not at all.
  int export_transcript(const ExportArguments& arguments);

 private:
  int failed(const grpc::Status& status) const;

  const std::string socket_;
  const Milliseconds timeout_;
  ReplicaClient client_;
};

}  // namespace icws::tools
