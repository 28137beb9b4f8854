// All sockets of the adapter.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <expected>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapter/connection.h"
#include "replica/adapter_port.h"

namespace icws::adapter {

enum class TableError : uint8_t {
  kTooManySockets,  // open ones and ended ones that the replica has not closed
  kUnknown,         // no such socket
  kEnded,           // it sends nothing any more
  kInvalidText,     // a text message that is not UTF-8
  kStopping,
};

struct TableReport {
  replica::SocketKey key;
  ConnectionState state;
  std::string url;
  bool paused = false;
  uint64_t messages_received = 0;
  uint64_t messages_sent = 0;
};

// What: makes, finds and ends connections; what the gRPC calls do, without gRPC.
// Thread-safety: none; the I/O thread. Every method is idempotent.
// Ownership: owns the connections, closing ones until they have ended. Before the destructor: stop(), then
// abort_all(), then run the executor until idle() - a connection's coroutines refer to it.
class ConnectionTable {
 public:
  ConnectionTable(boost::asio::any_io_executor executor, const ConnectionParts& parts)
      : executor_(std::move(executor)), parts_(parts) {}

  // True: it existed.
  std::expected<bool, TableError> open(replica::OpenCommand command);
  // The highest sequence accepted. A hole or a full queue ends the call early.
  std::expected<uint64_t, TableError> send(const replica::SocketKey& key,
                                           std::span<const replica::SendCommand> messages);
  // True: it existed.
  bool close(const replica::SocketKey& key, uint16_t code, const std::string& reason);
  std::vector<TableReport> report() const;
  struct Counts {
    // By ConnectionState.
    std::array<uint64_t, 4> states{};
    uint64_t paused = 0;
  };
  Counts counts() const;

  // Opens nothing any more and closes all with 1001.
  void stop();
  // Cuts what is still there.
  void abort_all();
  // Nothing is open, closing or connecting.
  bool idle() const { return live_ == 0; }

 private:
  bool may_compress();
  void launch(Connection& connection);
  void finished(Connection* connection);
  void retire(std::unique_ptr<Connection> connection);

  boost::asio::any_io_executor executor_;
  const ConnectionParts parts_;
  std::map<replica::SocketKey, std::unique_ptr<Connection>> connections_;
  // Forgotten by the replica, not yet ended.
  std::list<std::unique_ptr<Connection>> closing_;
  size_t live_ = 0;
  // Of these, those that may use compression.
  size_t compressing_ = 0;
  bool stopping_ = false;
};

}  // namespace icws::adapter
