// A seeded generator (xoshiro256**, by Blackman and Vigna): the same numbers on every machine.
// Not for secrets. Thread-safety: none.
#pragma once

#include <cstdint>

namespace icws {

class Prng {
 public:
  // Any seed is good, 0 included (SplitMix64 spreads it).
  explicit Prng(uint64_t seed);

  uint64_t next();
  // Uniform in [0, bound); bound >= 1.
  uint64_t below(uint64_t bound);
  // True with probability numerator/denominator.
  bool chance(uint64_t numerator, uint64_t denominator) { return below(denominator) < numerator; }

 private:
  uint64_t state_[4];
};

}  // namespace icws
