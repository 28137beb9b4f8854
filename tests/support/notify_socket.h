// systemd's end of sd_notify(3).
#pragma once

#include <string>
#include <string_view>

#include "tests/support/temporary_directory.h"

namespace icws::support {

// What: a datagram socket that a service under test tells how it is. Ownership: owns a socket and a folder.
// Errors: construction throws std::system_error.
class NotifySocket {
 public:
  NotifySocket();
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // What belongs into NOTIFY_SOCKET.
  std::string path() const { return directory_ / "notify"; }
  // Skips what comes before a note that begins so; false when none came in time.
  bool wait(std::string_view begin) const;

 private:
  TemporaryDirectory directory_;
  int socket_;
};

}  // namespace icws::support
