// The parts of icws-bench-scaling.
#pragma once

namespace icws::bench {

// Messages a core second of the whole replica, against the scheme of HTTPS outcalls.
void print_baseline();
// Cost against backlog, connections and members; `csv`: a file for scripts/plot-scaling, or null.
void print_growth(const char* csv);
// How long a full block takes to check, honest and hostile ones.
void print_validation();

}  // namespace icws::bench
