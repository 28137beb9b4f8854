// Who orders the blocks of a development subnet, as icws-subnet runs it.
#pragma once

#include <memory>
#include <vector>

#include "tools/notice_board.h"
#include "tools/subnet_options.h"
#include "tools/subnet_setup.h"
#include "tools/subnet_view.h"
#include "tools/supervisor.h"

namespace icws::tools {

// What: see above. Construction takes the subnet's directory for this process alone, before anything is
// started. Thread-safety: none; the main thread's. Errors: std::runtime_error with a sentence for a person.
class SubnetEngine {
 public:
  virtual ~SubnetEngine() = default;
  // Once the replicas have been started: these children of the supervisor, in the order of
  // SubnetOptions::indices().
  virtual void start(const std::vector<size_t>& replicas) = 0;
  // `replicas`: what they said last.
  virtual EnginePanel panel(const std::vector<ReplicaPanel>& replicas) const = 0;
  // The subnet cannot go on.
  virtual bool failed() const = 0;
  // Before the replicas end.
  virtual void stop() = 0;
  // The node of a replica, by its place in that order; 0: none runs.
  virtual pid_t node_pid(size_t place) const = 0;
};

// The references outlive the engine.
struct SubnetParts {
  const SubnetOptions& options;
  const Subnet& subnet;
  Supervisor& supervisor;
  NoticeBoard& notices;
};
std::unique_ptr<SubnetEngine> make_local_engine(const SubnetParts& parts);
std::unique_ptr<SubnetEngine> make_comet_engine(const SubnetParts& parts);

// Flags of icws-replica that make it serve this engine; none for the local one.
std::vector<std::string> replica_engine_flags(const SubnetOptions& options, const Subnet& subnet,
                                              size_t replica);

}  // namespace icws::tools
