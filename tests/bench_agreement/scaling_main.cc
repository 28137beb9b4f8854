// What agreeing costs one replica, against one signature per message and replica; how the cost grows; how
// long a block takes to check. scripts/bench scaling [baseline|growth|validation] [--csv FILE]; all of it
// without an argument.
#include <cstdio>
#include <cstring>
#include <string_view>

#include "tests/bench_agreement/scaling_sections.h"

int main(int argc, char** argv) {
  const char* csv = nullptr;
  std::string_view only;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--csv") == 0 && i + 1 < argc) {
      csv = argv[++i];
    } else {
      only = argv[i];
    }
  }
  if (!only.empty() && only != "baseline" && only != "growth" && only != "validation") {
    std::fprintf(stderr, "icws-bench-scaling [baseline|growth|validation] [--csv FILE]\n");
    return 2;
  }
  if (only.empty() || only == "baseline") icws::bench::print_baseline();
  if (only.empty() || only == "growth") icws::bench::print_growth(csv);
  if (only.empty() || only == "validation") icws::bench::print_validation();
  return 0;
}
