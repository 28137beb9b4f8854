// Which command goes to the adapter next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "replica/adapter_port.h"

namespace icws::adapter_client {

// What: orders commands: per socket first in, first out, with one call under way; among sockets by turns.
// Acknowledgements are kept apart, the newest of each socket. Pure: no gRPC, no clock.
// Thread-safety: none. Ownership: values.
class CommandQueue {
 public:
  // Consecutive Sends of one socket that go as one request.
  struct Sends {
    replica::SocketKey key;
    std::vector<replica::SendCommand> messages;
  };
  using Call = std::variant<replica::OpenCommand, Sends, replica::CloseCommand>;

  // Limits of one Send request, below the proto's 4 MiB; one message always fits.
  static constexpr size_t kSendBytesMax = 3 * 1024 * 1024;
  static constexpr size_t kSendMessagesMax = 1'024;

  void push(replica::AdapterCommand command);
  // The next call of a socket that has none under way. Nothing: there is none.
  std::optional<Call> next();
  // The call that next() gave for this socket is done.
  void done(const replica::SocketKey& key);
  // ... or was done only up to `accepted_up_to`: what is behind goes again, once resume() was called.
  void done_partly(Sends sends, uint64_t accepted_up_to);
  void resume(const replica::SocketKey& key);
  // The socket is not there or has ended: its waiting Sends are dropped.
  void drop_sends(const replica::SocketKey& key);

  // The newest acknowledgement of each socket, at most `count`.
  std::vector<replica::AcknowledgeCommand> take_acknowledgements(size_t count);
  bool has_acknowledgements() const { return !acknowledgements_.empty(); }

  void clear();
  // Of waiting commands; an estimate that counts contents and a constant for the rest.
  size_t bytes() const { return bytes_; }

 private:
  using Waiting = std::variant<replica::OpenCommand, replica::SendCommand, replica::CloseCommand>;
  struct Lane {
    std::deque<Waiting> commands;
    bool busy = false;
    bool queued = false;
  };

  void enqueue(const replica::SocketKey& key, Lane& lane);
  void supersede(Lane& lane, uint64_t sequence);
  Sends take_sends(const replica::SocketKey& key, Lane& lane);

  std::map<replica::SocketKey, Lane> lanes_;
  std::deque<replica::SocketKey> ready_;
  std::map<replica::SocketKey, replica::AcknowledgeCommand> acknowledgements_;
  size_t bytes_ = 0;
};

}  // namespace icws::adapter_client
