// The arithmetic of who must agree: n members, at most f = floor((n-1)/3) of them faulty, a quorum of n - f.
#pragma once

#include <cstdint>

namespace icws::agreement {

struct Quorum {
  uint32_t n = 0;

  // n: 1 to 40.
  constexpr explicit Quorum(uint32_t members) : n(members) {}
  constexpr uint32_t f() const { return (n - 1) / 3; }
  // Any two quorums share an honest member.
  constexpr uint32_t q() const { return n - f(); }
  // So many include an honest one.
  constexpr bool has_honest(uint32_t members) const { return members > f(); }
  constexpr bool is_quorum(uint32_t members) const { return members >= q(); }
};

}  // namespace icws::agreement
