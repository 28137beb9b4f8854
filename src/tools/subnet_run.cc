#include "tools/subnet_run.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <fstream>
#include <iostream>

#include "base/signature.h"
#include "tools/comet_home.h"
#include "tools/exit_status.h"

namespace icws::tools {
namespace {

constexpr Milliseconds kTurn{200};
constexpr uint64_t kTurnsPerSummary = 25;
constexpr Milliseconds kReplicaStopPatience{5'000};
// The adapter's own stop_timeout is 8 s.
constexpr Milliseconds kAdapterStopPatience{10'000};
constexpr Milliseconds kWatchTimeout{300};
constexpr size_t kNoticesShown = 8;

std::filesystem::path beside_this_program(const char* name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

}  // namespace

SubnetRun::SubnetRun(const SubnetOptions& options, Subnet subnet, const Signals& signals)
    : options_(options),
      indices_(options.indices()),
      subnet_(std::move(subnet)),
      signals_(signals),
      live_display_(::isatty(STDOUT_FILENO) == 1),
      notices_(!live_display_, kNoticesShown),
      supervisor_(signals, options.restart, [this](const std::string& line) { notices_.put(line); }),
      panels_(indices_.size()) {
  for (size_t place = 0; place < indices_.size(); ++place) panels_[place].index = indices_[place];
  const SubnetParts parts{options_, subnet_, supervisor_, notices_};
  // First: a second subnet on this directory ends here, before it starts anything.
  engine_ = options_.engine == EngineKind::Local ? make_local_engine(parts) : make_comet_engine(parts);
  start_children();
  engine_->start(replicas_);
  write_pids();
  watch_thread_ = std::jthread([this](std::stop_token stop) { watch_replicas(stop); });
}

SubnetRun::~SubnetRun() { watch_thread_ = {}; }

void SubnetRun::start_children() {
  const auto& layout = subnet_.layout;
  for (const size_t i : indices_) {
    ChildSpec spec{"adapter " + std::to_string(i),
                   beside_this_program("icws-adapter"),
                   {"--socket", layout.adapter_socket(i).string()},
                   layout.adapter_log(i),
                   {},
                   {}};
    for (const auto& network : options_.allow_networks) {
      spec.arguments.insert(spec.arguments.end(), {"--allow-network", network});
    }
    if (!options_.adapter_config.empty())
      spec.arguments.insert(spec.arguments.end(), {"--config", options_.adapter_config});
    if (!options_.ca_file.empty())
      spec.arguments.insert(spec.arguments.end(), {"--ca-file", options_.ca_file});
    if (options_.compression) spec.arguments.insert(spec.arguments.end(), {"--compression", "true"});
    adapters_.push_back(supervisor_.start(std::move(spec)));
  }
  for (const size_t i : indices_) {
    SubnetOptions::Program program{beside_this_program("icws-replica"), {}};
    if (const auto other = options_.replica_programs.find(i); other != options_.replica_programs.end()) {
      program = other->second;
    }
    ChildSpec spec{"replica " + std::to_string(i), program.path, program.arguments,
                   layout.replica_log(i),          {},           {}};
    spec.arguments.insert(spec.arguments.end(),
                          {"--index", std::to_string(i), "--state-dir", layout.state(i).string(), "--socket",
                           layout.replica_socket(i).string(), "--adapter-socket",
                           layout.adapter_socket(i).string(), "--cluster", layout.cluster_file().string(),
                           "--key", layout.key_file(i).string(), "--canisters", options_.canisters});
    const auto engine_flags = replica_engine_flags(options_, subnet_, i);
    spec.arguments.insert(spec.arguments.end(), engine_flags.begin(), engine_flags.end());
    replicas_.push_back(supervisor_.start(std::move(spec)));
  }
}

// Written anew whenever a child is started or dies, so that a test can kill a single one.
void SubnetRun::write_pids() const {
  boost::json::array replicas;
  boost::json::array adapters;
  boost::json::array nodes;
  for (const size_t child : replicas_) replicas.push_back(supervisor_.pid(child));
  for (const size_t child : adapters_) adapters.push_back(supervisor_.pid(child));
  for (size_t i = 0; i < replicas_.size(); ++i) nodes.push_back(engine_->node_pid(i));
  boost::json::object root;
  root["subnet"] = ::getpid();
  root["replicas"] = std::move(replicas);
  root["adapters"] = std::move(adapters);
  root["nodes"] = std::move(nodes);
  const auto& layout = subnet_.layout;
  const std::filesystem::path file = options_.join ? layout.pids_file(*options_.join) : layout.pids_file();
  const std::filesystem::path fresh = file.string() + ".new";
  std::ofstream(fresh) << boost::json::serialize(root) << "\n";
  std::filesystem::rename(fresh, file);
}

void SubnetRun::watch_replicas(std::stop_token stop) {
  std::vector<std::unique_ptr<ReplicaClient>> clients;
  for (const size_t i : indices_) {
    clients.push_back(std::make_unique<ReplicaClient>(subnet_.layout.replica_socket(i).string()));
  }
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    for (size_t i = 0; i < clients.size() && !stop.stop_requested(); ++i) {
      auto status = clients[i]->status(kWatchTimeout);
      auto connections = clients[i]->connections(kWatchTimeout);
      const std::lock_guard lock(panels_mutex_);
      panels_[i].status = status ? std::optional(std::move(*status)) : std::nullopt;
      if (connections) panels_[i].connections = std::move(*connections);
    }
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, 2 * kTurn, [] { return false; });
  }
}

SubnetPanel SubnetRun::panel() const {
  SubnetPanel out;
  out.chain_id = subnet_.cluster.chain_id;
  out.notices = notices_.lines();
  {
    const std::lock_guard lock(panels_mutex_);
    out.replicas = panels_;
  }
  for (size_t i = 0; i < out.replicas.size(); ++i) {
    out.replicas[i].pid = supervisor_.pid(replicas_[i]);
    out.replicas[i].adapter_pid = supervisor_.pid(adapters_[i]);
  }
  out.engine = engine_->panel(out.replicas);
  return out;
}

void SubnetRun::announce_joined() const {
  const auto& layout = subnet_.layout;
  const std::string ctl = beside_this_program("icwsctl").string();
  const Bytes key = SigningKey(read_seed(layout.key_file(*options_.join))).public_key();
  std::cout << "replica " << *options_.join << " follows " << subnet_.cluster.chain_id << "\n"
            << "to let it take part, in another terminal:\n"
            << "  " << ctl << " --directory " << layout.directory.string()
            << " replicas propose change --add " << to_hex(key) << std::endl;
}

void SubnetRun::announce() const {
  if (options_.join) return announce_joined();
  const std::string directory = subnet_.layout.directory.string();
  const std::string engine_flag = options_.engine == EngineKind::Local ? "" : " --engine cometbft";
  const std::string ctl = beside_this_program("icwsctl").string() + " --directory " + directory;
  std::cout << "subnet is up: " << options_.replicas << " replicas in " << directory << "\n"
            << "next, in another terminal:\n"
            << "  " << ctl << " status\n"
            << "  " << ctl << " connections\n"
            << "  " << ctl << " call echo open '{\"url\": \"ws://127.0.0.1:9001/\"}'\n"
            << "  " << ctl << " transcript follow 1\n"
            << "end with Ctrl-C; `icws-subnet --replicas " << options_.replicas << engine_flag
            << " --directory " << directory << "` goes on from there" << std::endl;
}

void SubnetRun::show() {
  const SubnetPanel now = panel();
  if (!announced_ && now.engine.up) {
    announced_ = true;
    announce();
  }
  if (!announced_) return;
  if (live_display_) {
    // Home, then each line erased to its end, then everything below.
    std::string text = "\x1b[H";
    for (const char c : format_panel(now)) text += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    std::cout << text << "\x1b[J" << std::flush;
  } else if (turns_ % kTurnsPerSummary == 0) {
    std::cout << format_summary(now) << std::endl;
  }
  ++turns_;
}

void SubnetRun::tend() {
  if (supervisor_.tend()) write_pids();
}

int SubnetRun::run() {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + options_.run_for;
  bool ended = false;
  while (!ended && !engine_->failed()) {
    const auto signal = signals_.wait(kTurn);
    ended = signal == SIGINT || signal == SIGTERM || (options_.run_for.count() > 0 && Clock::now() >= end);
    tend();
    if (signal != SIGCHLD) show();
  }
  stop();
  return engine_->failed() ? kExitFailure : kExitOk;
}

void SubnetRun::stop() {
  std::cout << "stopping" << std::endl;
  watch_thread_ = {};
  const SubnetPanel last = panel();
  engine_->stop();
  std::cout << format_panel(last);
  supervisor_.stop(replicas_, kReplicaStopPatience);
  supervisor_.stop(adapters_, kAdapterStopPatience);
  write_pids();
  std::cout << "ended; the state stays in " << subnet_.layout.directory.string() << std::endl;
}

}  // namespace icws::tools
