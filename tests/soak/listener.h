// A replica's side that compares everything it hears with what the server sent.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapter_client/adapter_client.h"
#include "tests/soak/weather.h"
#include "tests/support/capture.h"
#include "tests/support/waiting.h"

namespace icws::soak {

struct Account {
  uint64_t messages = 0;
  // Events that came again after a restart.
  uint64_t repeated = 0;
  // Streams that the server sent to their end and closed.
  uint64_t whole = 0;
  uint64_t broken = 0;
  uint64_t not_opened = 0;
  // After finish(): connections whose last stream was whole.
  size_t finished = 0;
  // What should not have happened; the first few in words.
  uint64_t faults = 0;
  std::vector<std::string> first_faults{};
};

// A fault that the listener commits itself, once, so that a test can see the comparison fail.
enum class Planted : uint8_t { kNone, kDrop, kDouble, kChange, kUncleanClose };

// What: keeps `connections` of them open, each again as soon as it has ended; checks each event: its number,
// its content against the stream, its end against the weather. Event 1 is Opened, event n + 2 is message n.
// Thread-safety: methods from one thread. Ownership: owns its client; refers to streams and weather.
class Listener {
 public:
  Listener(std::string socket_path, size_t connections, const std::vector<support::RecordedStream>& streams,
           Weather& weather, Planted planted = Planted::kNone);
  ~Listener();

  // The replica's process ends and comes back: what it had not acknowledged comes again.
  void restart();
  // While it holds, nothing is acknowledged.
  void hold_acknowledgements(bool hold);
  // From now on a connection whose stream was whole is not opened again.
  void finish();
  const support::Watched<Account>& account() const { return account_; }

 private:
  struct Connection {
    uint32_t attempt = 0;
    // The newest event of this attempt.
    uint64_t heard = 0;
    // The first event that may come next: behind the newest, or on a new stream behind the acknowledged ones.
    uint64_t next = 1;
    bool finished = false;
  };

  void connect();
  void disconnect();
  replica::SocketKey key_of(size_t connection) const;
  size_t proxy_of(size_t connection) const { return connection % weather_.proxies(); }
  // All below on the client's thread, under the lock.
  void hear(const replica::AdapterEvent& event, Account& account);
  // Commits planted_ if `event` is one to commit it with. False: it is dropped.
  bool plant(replica::SocketEvent& event, Account& account);
  void hear_up(const replica::AdapterUp& up);
  void hear_socket(const replica::SocketEvent& event, Account& account);
  void hear_end(size_t connection, const replica::SocketEvent& event, Account& account);
  void open(size_t connection);
  void acknowledge(size_t connection);
  void fault(Account& account, size_t connection, const std::string& what) const;

  const std::string socket_path_;
  const std::vector<support::RecordedStream>& streams_;
  Weather& weather_;
  Planted planted_;
  std::mutex mutex_;
  std::vector<Connection> connections_;
  bool hold_ = false;
  // The client is being destroyed: nobody may use it.
  bool leaving_ = false;
  bool finishing_ = false;
  support::Watched<Account> account_;
  std::unique_ptr<adapter_client::AdapterClient> client_;
};

}  // namespace icws::soak
