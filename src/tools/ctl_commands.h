// The commands of icwsctl.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

struct ProposeArguments {
  std::vector<uint32_t> remove;
  // "INDEX=PUBLIC KEY", in hexadecimal.
  std::vector<std::string> rotate;
  // Public keys in hexadecimal; they get the next indices, in this order.
  std::vector<std::string> add;
  // How many blocks from now the change is to be active: time enough to sign and submit it.
  uint64_t blocks_ahead = 1'200;
  std::string file;
};

struct SignArguments {
  std::string file;
  std::vector<std::string> keys;
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
  // The replica set, and its changes (replica_commands.cc).
  int replicas();
  int propose_change(const ProposeArguments& arguments);
  int sign_change(const SignArguments& arguments);
  int submit_change(const std::string& file);

 private:
  int failed(const grpc::Status& status) const;

  const std::string socket_;
  const Milliseconds timeout_;
  ReplicaClient client_;
};

// Makes the key file that a replica goes over to when a change gives it that key; prints the public key.
int create_next_key(const std::string& key_file);

}  // namespace icws::tools
