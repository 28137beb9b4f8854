#include "tests/integration/subnet/subnet_fixture.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/bytes.h"
#include "tests/support/waiting.h"

namespace icws::support {
namespace {

constexpr Milliseconds kCallTimeout{20'000};
constexpr Milliseconds kLookTimeout{2'000};
// Where one look decides, a replica that waits for its disk is no failure.
constexpr Milliseconds kPatientLookTimeout = kTestDeadline;
ChildOptions subnet_options(const tools::SubnetLayout& layout, std::vector<std::string> flags,
                            Loopback loopback) {
  ChildOptions out;
  out.program = built_program("icws-subnet");
  out.arguments = {"--directory", layout.directory.string()};
  if (loopback == Loopback::kAllowed) {
    out.arguments.insert(out.arguments.end(), {"--allow-network", "127.0.0.0/8"});
  }
  out.arguments.insert(out.arguments.end(), flags.begin(), flags.end());
  return out;
}

}  // namespace

ToolResult run_tool(const std::string& name, std::vector<std::string> arguments) {
  ChildOptions options;
  options.program = built_program(name);
  options.arguments = std::move(arguments);
  ChildProcess child(std::move(options));
  const auto exit = child.wait_exit();
  return {exit ? exit->status.value_or(-1) : -1, child.output(), child.errors()};
}

Subnet::Subnet(std::vector<std::string> flags, Loopback loopback)
    : layout_{directory_ / "s"},
      options_(subnet_options(layout_, std::move(flags), loopback)),
      process_(std::make_unique<ChildProcess>(options_)) {
  for (size_t i = 0; i < kReplicas; ++i) {
    replicas_.push_back(std::make_unique<tools::ReplicaClient>(layout_.replica_socket(i).string()));
  }
  wait_until_up();
}

void Subnet::wait_until_up() {
  // The subnet is up with its first block, which a quorum makes: the last replica may not listen yet.
  const auto listens = [](const auto& replica) {
    return poll([&] { return replica->status(kLookTimeout).has_value(); });
  };
  if (process_->wait_for_output("subnet is up") && std::ranges::all_of(replicas_, listens)) return;
  throw std::runtime_error("the subnet did not come up:\n" + process_->output() + process_->errors());
}

Subnet::~Subnet() { stop(); }

void Subnet::join(size_t i) {
  ChildOptions options;
  options.program = built_program("icws-subnet");
  options.arguments = {"--directory", layout_.directory.string(), "--engine",        "cometbft",
                       "--join",      std::to_string(i),          "--allow-network", "127.0.0.0/8"};
  auto& process = joined_[i] = std::make_unique<ChildProcess>(options);
  if (replicas_.size() == i) {
    replicas_.push_back(std::make_unique<tools::ReplicaClient>(layout_.replica_socket(i).string()));
  }
  if (process->wait_for_output("follows") && wait_for_height(height(0), {i})) return;
  throw std::runtime_error("the replica did not join:\n" + process->output() + process->errors());
}

ToolResult Subnet::control(std::vector<std::string> arguments) const {
  const std::vector<std::string> where{"--directory", layout_.directory.string()};
  arguments.insert(arguments.begin(), where.begin(), where.end());
  return run_tool("icwsctl", std::move(arguments));
}

void Subnet::stop(int signal) {
  for (const auto& [i, process] : joined_) process->kill(signal);
  for (const auto& [i, process] : joined_) process->wait_exit();
  joined_.clear();
  process_->kill(signal);
  process_->wait_exit();
}

void Subnet::start() {
  process_ = std::make_unique<ChildProcess>(options_);
  wait_until_up();
}

std::string Subnet::call(const std::string& canister, const std::string& method, const std::string& arguments,
                         size_t replica) {
  const auto answer = replicas_[replica]->call(canister, method, arguments, kCallTimeout);
  if (!answer) throw std::runtime_error(method + ": " + answer.error().error_message());
  if (!answer->ok()) throw std::runtime_error(method + " was rejected: " + answer->reply());
  return answer->reply();
}

std::string Subnet::query(const std::string& canister, const std::string& method,
                          const std::string& arguments, size_t replica) {
  const auto answer = replicas_[replica]->query(canister, method, arguments, kPatientLookTimeout);
  if (!answer) throw std::runtime_error(method + ": " + answer.error().error_message());
  if (!answer->ok()) throw std::runtime_error(method + " was rejected: " + answer->reply());
  return answer->reply();
}

uint64_t Subnet::open_echo(const std::string& url, const std::string& more) {
  const std::string reply = call("echo", "open", "{\"url\": \"" + url + "\"" + more + "}");
  return boost::json::parse(reply).at("connection").to_number<uint64_t>();
}

uint64_t Subnet::open_echo_everywhere(const std::string& url, const std::string& more) {
  const uint64_t id = open_echo(url, more);
  const auto open = [](const auto& view) { return view.state() == "open" && view.socket() == "live"; };
  if (!wait_for(id, open)) throw std::runtime_error("not open on every replica: " + url);
  return id;
}

void Subnet::send_echo(uint64_t connection, const std::string& text, size_t replica) {
  call("echo", "send", "{\"connection\": " + std::to_string(connection) + ", \"text\": \"" + text + "\"}",
       replica);
}

std::optional<replica::v1::Connection> Subnet::connection(size_t replica, uint64_t id) {
  const auto answer = replicas_[replica]->connections(kPatientLookTimeout);
  if (!answer) return std::nullopt;
  const auto found = std::ranges::find(answer->connections(), id, &replica::v1::Connection::connection_id);
  if (found == answer->connections().end()) return std::nullopt;
  return *found;
}

bool Subnet::wait_for(uint64_t id, const Condition& condition, const std::vector<size_t>& replicas) {
  return std::ranges::all_of(replicas, [&](size_t i) {
    return poll([&] {
      const auto view = connection(i, id);
      return view && condition(*view);
    });
  });
}

uint64_t Subnet::height(size_t replica) {
  const auto status = replicas_[replica]->status(kLookTimeout);
  return status ? status->height() : 0;
}

bool Subnet::wait_for_height(uint64_t wanted, const std::vector<size_t>& replicas) {
  return std::ranges::all_of(replicas, [&](size_t i) { return poll([&] { return height(i) >= wanted; }); });
}

std::vector<std::string> Subnet::messages(size_t replica, uint64_t connection, size_t count) {
  std::vector<std::string> out;
  const bool there = poll([&] {
    const auto view = this->connection(replica, connection);
    return view && view->messages() >= count;
  });
  if (!there) return out;
  replicas_[replica]->follow(connection, 1, [&](const replica::v1::TranscriptEntry& entry) {
    if (entry.has_message()) out.push_back(entry.message().content());
    return out.size() < count;
  });
  return out;
}

std::vector<replica::v1::TranscriptEntry> Subnet::transcript(size_t replica, uint64_t connection) {
  const auto view = this->connection(replica, connection);
  if (!view) throw std::runtime_error("no connection " + std::to_string(connection));
  std::vector<replica::v1::TranscriptEntry> out;
  if (view->entries() == 0) return out;
  replicas_[replica]->follow(connection, 1, [&](const replica::v1::TranscriptEntry& entry) {
    out.push_back(entry);
    return out.size() < view->entries();
  });
  return out;
}

std::set<std::string> Subnet::heads(uint64_t id, const std::vector<size_t>& replicas) {
  std::set<std::string> out;
  for (const size_t i : replicas) {
    const auto view = connection(i, id);
    out.insert(view ? std::to_string(view->entries()) + " " + to_hex(view->head()) : "no answer");
  }
  return out;
}

pid_t Subnet::replica_pid(size_t i, pid_t but_not) { return pid("replicas", i, but_not); }
pid_t Subnet::adapter_pid(size_t i, pid_t but_not) { return pid("adapters", i, but_not); }

pid_t Subnet::node_pid(size_t i, pid_t but_not) { return pid("nodes", i, but_not); }

pid_t Subnet::pid(const char* kind, size_t i, pid_t but_not) {
  pid_t out = 0;
  const bool by_itself = joined_.contains(i);
  const bool found = poll([&] {
    std::ifstream in(by_itself ? layout_.pids_file(i) : layout_.pids_file());
    std::ostringstream text;
    text << in.rdbuf();
    out = boost::json::parse(text.str()).at(kind).at(by_itself ? 0 : i).to_number<pid_t>();
    return out != 0 && out != but_not;
  });
  if (!found) throw std::runtime_error(std::string("no process in ") + kind);
  return out;
}

}  // namespace icws::support
