#include "tools/replica_options.h"
#include "tools/replica_program.h"

int main(int argc, char** argv) {
  const icws::tools::Signals signals;
  const auto options = icws::tools::parse_replica_options({argv + 1, argv + argc});
  if (!options) return options.error();
  return icws::tools::run_replica(*options, {}, signals);
}
