// TLS sessions to resume.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace icws::adapter {

// What: serialised sessions by destination, bounded in all directions, the least recently used dropped first.
// A TLS 1.3 ticket is handed out once (RFC 8446, section C.4: who sees a ticket twice can tell that both
// connections are ours); TLS 1.2 sessions again and again.
// Thread-safety: none. Pure: time is an argument.
// Errors: none; what does not fit is not kept, and the next handshake is a full one.
class SessionCache {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A session has a ticket and the server's certificate: 2 to 4 KiB.
  static constexpr size_t kSessionBytesMax = 16 * 1024;
  // Servers commonly send two tickets at once.
  static constexpr size_t kSessionsPerDestination = 2;
  // The server's certificate is not looked at again meanwhile.
  static constexpr std::chrono::hours kAgeMax{1};

  // `destinations_max`: 0 keeps nothing.
  explicit SessionCache(size_t destinations_max) : destinations_max_(destinations_max) {}

  void put(const std::string& destination, Bytes session, bool single_use, Time now);
  // The newest session.
  std::optional<Bytes> take(const std::string& destination, Time now);
  // A handshake failed: perhaps because of what was kept.
  void forget(const std::string& destination);

  size_t destinations() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Session {
    Bytes bytes;
    bool single_use;
    Time stored;
  };
  struct Entry {
    std::deque<Session> sessions;
    // In order of use.
    std::list<std::string>::iterator used;
  };

  void drop_oldest(Entry& entry);

  const size_t destinations_max_;
  std::map<std::string, Entry> entries_;
  // Least recently used first.
  std::list<std::string> order_;
  size_t bytes_ = 0;
};

}  // namespace icws::adapter
