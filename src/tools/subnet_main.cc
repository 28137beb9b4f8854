#include <iostream>

#include "tools/exit_status.h"
#include "tools/subnet_run.h"

int main(int argc, char** argv) {
  using namespace icws::tools;
  const Signals signals;
  const auto options = parse_subnet_options({argv + 1, argv + argc});
  if (!options) return options.error();
  try {
    return SubnetRun(*options, set_up_subnet(*options), signals).run();
  } catch (const std::exception& error) {
    std::cerr << "icws-subnet: " << error.what() << "\n";
    return kExitFailure;
  }
}
