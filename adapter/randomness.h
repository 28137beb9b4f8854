// The system's randomness.
#pragma once

#include <cstdint>
#include <span>

namespace icws::adapter {

// Bytes that nobody can foresee. Thread-safety: any thread. Errors: std::runtime_error if the system has
// none.
void fill_random(std::span<uint8_t> out);
uint64_t random_number();

}  // namespace icws::adapter
