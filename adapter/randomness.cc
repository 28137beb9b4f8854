#include "adapter/randomness.h"

#include <openssl/rand.h>

#include <array>
#include <bit>
#include <stdexcept>

namespace icws::adapter {

void fill_random(std::span<uint8_t> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) {
    throw std::runtime_error("the system has no randomness");
  }
}

uint64_t random_number() {
  std::array<uint8_t, sizeof(uint64_t)> out;
  fill_random(out);
  return std::bit_cast<uint64_t>(out);
}

}  // namespace icws::adapter
