#include "sim/options.h"

namespace icws::sim {

std::string to_string(Byzantine strategy) {
  switch (strategy) {
    case Byzantine::None:
      return "none";
    case Byzantine::LieDigests:
      return "lie-digests";
    case Byzantine::ForgeContents:
      return "forge-contents";
    case Byzantine::FloodItems:
      return "flood-items";
    case Byzantine::Withhold:
      return "withhold";
    case Byzantine::ReplayReports:
      return "replay-reports";
    case Byzantine::FalseEnd:
      return "false-end";
  }
  return "unknown";
}

std::string to_string(Planted planted) {
  switch (planted) {
    case Planted::None:
      return "none";
    case Planted::LoseLocalRecords:
      return "lose-local-records";
    case Planted::SkipOneBlock:
      return "skip-one-block";
  }
  return "unknown";
}

std::string to_string(const Options& options) {
  return "--seed " + std::to_string(options.seed) + " --replicas " + std::to_string(options.replicas) +
         " --duration-ms " + std::to_string(options.duration.count()) + " --message-loss " +
         std::to_string(options.message_loss) + " --report-loss " + std::to_string(options.report_loss) +
         (options.crashes ? "" : " --no-crashes") +
         (options.byzantine_from_seed ? "" : " --byzantine " + to_string(options.byzantine)) +
         (options.planted == Planted::None ? "" : " --plant " + to_string(options.planted));
}

}  // namespace icws::sim
