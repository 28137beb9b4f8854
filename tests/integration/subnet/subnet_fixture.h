// A development subnet as a test's subject: real processes, on a directory of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"
#include "tools/replica_client.h"
#include "tools/subnet_layout.h"

namespace icws::support {

// Whether adapters may connect to 127.0.0.0/8, where the tests' servers are.
enum class Loopback { kAllowed, kDenied };

// A program of this build that ends by itself; -1: it did not.
struct ToolResult {
  int status = -1;
  std::string output;
  std::string errors;
};
ToolResult run_tool(const std::string& name, std::vector<std::string> arguments);

// What: icws-subnet with four replicas by default, and a client for each. Thread-safety: none.
// Ownership: the destructor ends the subnet with SIGTERM. Errors: construction throws std::runtime_error,
// with the program's output, if the subnet does not come up.
class Subnet {
 public:
  explicit Subnet(std::vector<std::string> flags = {}, Loopback loopback = Loopback::kAllowed);
  ~Subnet();

  ChildProcess& process() { return *process_; }
  const tools::SubnetLayout& layout() const { return layout_; }
  tools::ReplicaClient& replica(size_t i) { return *replicas_[i]; }
  static constexpr size_t kReplicas = 4;

  // The reply of a call that must succeed; throws otherwise.
  std::string call(const std::string& canister, const std::string& method, const std::string& arguments,
                   size_t replica = 0);
  std::string query(const std::string& canister, const std::string& method, const std::string& arguments,
                    size_t replica = 0);
  // Opens a connection of the echo canister; `more` are further members of the arguments, with a leading
  // comma.
  uint64_t open_echo(const std::string& url, const std::string& more = {});
  // The same, once every replica's socket is open: a socket that opens after the server has pushed a message
  // has missed it, and in mode ordered its replica stays out.
  uint64_t open_echo_everywhere(const std::string& url, const std::string& more = {});
  void send_echo(uint64_t connection, const std::string& text, size_t replica = 0);

  // Empty if the replica does not answer or has no such connection.
  std::optional<replica::v1::Connection> connection(size_t replica, uint64_t id);
  // False if it did not become so on each of `replicas` within kTestDeadline.
  using Condition = std::function<bool(const replica::v1::Connection&)>;
  [[nodiscard]] bool wait_for(uint64_t id, const Condition& condition,
                              const std::vector<size_t>& replicas = {0, 1, 2, 3});
  // All of `replicas` have at least this height.
  [[nodiscard]] bool wait_for_height(uint64_t height, const std::vector<size_t>& replicas = {0, 1, 2, 3});
  uint64_t height(size_t replica);
  // The first `count` entries' message contents; waits for them.
  std::vector<std::string> messages(size_t replica, uint64_t connection, size_t count);
  // The whole transcript, as long as the replica has it now. Throws if it has no such connection.
  std::vector<replica::v1::TranscriptEntry> transcript(size_t replica, uint64_t connection);
  // Of each replica's transcript of this connection: (entries, head).
  std::set<std::string> heads(uint64_t connection, const std::vector<size_t>& replicas = {0, 1, 2, 3});

  // From pids.json; waits until it is not 0 and not `but_not`.
  pid_t replica_pid(size_t i, pid_t but_not = 0);
  pid_t adapter_pid(size_t i, pid_t but_not = 0);
  // Under CometBFT.
  pid_t node_pid(size_t i, pid_t but_not = 0);

  // CometBFT: one more replica, in a process of its own, which follows the chain when this returns. Throws as
  // construction does. Give the next index.
  void join(size_t i);
  // Ends its processes.
  void stop_joined(size_t i) { joined_.erase(i); }

  // icwsctl, on this subnet's directory.
  ToolResult control(std::vector<std::string> arguments) const;

  // Ends all processes: with SIGTERM, or at once with SIGKILL. The directory stays.
  void stop(int signal = SIGTERM);
  // Goes on from the directory, and waits until it is up.
  void start();

 private:
  pid_t pid(const char* kind, size_t i, pid_t but_not);
  void wait_until_up();

  TemporaryDirectory directory_;
  tools::SubnetLayout layout_;
  ChildOptions options_;
  std::unique_ptr<ChildProcess> process_;
  std::vector<std::unique_ptr<tools::ReplicaClient>> replicas_;
  std::map<size_t, std::unique_ptr<ChildProcess>> joined_;
};

}  // namespace icws::support
