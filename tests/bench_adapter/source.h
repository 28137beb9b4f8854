// A server that sends one prepared message without end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "tests/support/hostile_server.h"

namespace icws::bench {

// The calling thread, and what it starts, runs on this core only. False: there is no such core.
bool pin_to_core(unsigned core);

// What: sends text messages of `bytes` to each client as fast as it reads, from threads pinned to `core` if
// it is given. Ownership: owns its threads; the destructor cuts all clients. Errors: the constructor throws
// std::system_error.
class Source {
 public:
  explicit Source(size_t bytes, std::optional<unsigned> core = std::nullopt);

  std::string url() const { return server_.url(); }

 private:
  const Bytes frames_;
  support::HostileServer server_;
};

}  // namespace icws::bench
