#include "tests/soak/listener.h"

#include <algorithm>
#include <utility>

namespace icws::soak {
namespace {

constexpr size_t kFaultsInWords = 20;
constexpr uint64_t kMessageBytesMax = 2'000'000;

}  // namespace

Listener::Listener(std::string socket_path, size_t connections,
                   const std::vector<support::RecordedStream>& streams, Weather& weather, Planted planted)
    : socket_path_(std::move(socket_path)),
      streams_(streams),
      weather_(weather),
      planted_(planted),
      connections_(connections) {
  for (auto& connection : connections_) connection.attempt = 1;
  connect();
}

Listener::~Listener() { disconnect(); }

void Listener::connect() {
  adapter_client::AdapterClientOptions options;
  options.target = "unix:" + socket_path_;
  // Loaded machines and sanitizers are slow; a call that fails would begin the stream anew.
  options.call_timeout = Milliseconds(60'000);
  const std::lock_guard lock(mutex_);
  client_ = std::make_unique<adapter_client::AdapterClient>(
      options, [this](std::vector<replica::AdapterEvent> events) {
        const std::lock_guard hearing(mutex_);
        if (leaving_) return;
        account_.update([&](Account& account) {
          for (const auto& event : events) hear(event, account);
        });
      });
}

// What its thread still hears is not heard: it comes again.
void Listener::disconnect() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  client_.reset();
  leaving_ = false;
}

void Listener::restart() {
  disconnect();
  connect();
}

void Listener::hold_acknowledgements(bool hold) {
  const std::lock_guard lock(mutex_);
  hold_ = hold;
  for (size_t i = 0; i < connections_.size(); ++i) acknowledge(i);
}

void Listener::finish() {
  const std::lock_guard lock(mutex_);
  finishing_ = true;
}

replica::SocketKey Listener::key_of(size_t connection) const {
  return {ConnectionId(connection + 1), Epoch(1), Attempt(connections_[connection].attempt)};
}

void Listener::hear(const replica::AdapterEvent& event, Account& account) {
  if (const auto* up = std::get_if<replica::AdapterUp>(&event)) hear_up(*up);
  if (const auto* socket = std::get_if<replica::SocketEvent>(&event)) {
    auto heard = *socket;
    if (plant(heard, account)) hear_socket(heard, account);
  }
}

bool Listener::plant(replica::SocketEvent& event, Account& account) {
  if (planted_ == Planted::kNone) return true;
  if (auto* closed = std::get_if<replica::SocketClosed>(&event.what); closed && closed->clean) {
    if (planted_ == Planted::kUncleanClose) {
      planted_ = Planted::kNone;
      closed->clean = false;
    }
    return true;
  }
  auto* message = std::get_if<replica::SocketMessage>(&event.what);
  if (!message || planted_ == Planted::kUncleanClose) return true;
  const auto planted = std::exchange(planted_, Planted::kNone);
  if (planted == Planted::kDouble) hear_socket(event, account);
  if (planted == Planted::kChange) message->content.push_back('!');
  return planted != Planted::kDrop;
}

// Commands that were under way when the stream ended are lost: what they were to do is done again.
void Listener::hear_up(const replica::AdapterUp& up) {
  for (const auto& socket : up.sockets) {
    const size_t connection = socket.key.connection.value - 1;
    const bool current = socket.key == key_of(connection) && !connections_[connection].finished;
    if (!current) client_->submit(replica::CloseCommand{socket.key, 1000, {}});
  }
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i].finished) continue;
    const auto held = std::ranges::find(up.sockets, key_of(i), &replica::SocketStatus::key);
    if (held != up.sockets.end()) {
      connections_[i].next = held->acknowledged.value + 1;
      acknowledge(i);
    } else {
      open(i);
    }
  }
}

void Listener::open(size_t connection) {
  replica::OpenCommand command;
  command.key = key_of(connection);
  command.url = weather_.url(proxy_of(connection)) + "?client=" + std::to_string(connection);
  command.message_bytes_max = kMessageBytesMax;
  client_->submit(std::move(command));
}

void Listener::acknowledge(size_t connection) {
  const uint64_t heard = connections_[connection].heard;
  if (hold_ || heard == 0) return;
  client_->submit(
      replica::AcknowledgeCommand{key_of(connection), EventSequence(heard), Position(heard), Digest{}});
}

void Listener::hear_socket(const replica::SocketEvent& event, Account& account) {
  const size_t index = event.key.connection.value - 1;
  auto& connection = connections_[index];
  // Of an attempt that was closed while this was under way.
  if (event.key != key_of(index) || connection.finished) return;
  const uint64_t sequence = event.sequence.value;
  const bool again = sequence <= connection.heard;
  if (again) ++account.repeated;
  // On a new stream what was heard comes again, less what was acknowledged since it began.
  if (sequence < connection.next || sequence > connection.heard + 1) {
    fault(account, index,
          "event " + std::to_string(sequence) + " where " + std::to_string(connection.next) + " was due");
  }
  connection.next = sequence + 1;
  connection.heard = std::max(connection.heard, sequence);
  if (const auto* message = std::get_if<replica::SocketMessage>(&event.what)) {
    const auto& sent = streams_[index % streams_.size()].messages;
    if (sequence < 2 || sequence - 2 >= sent.size() || message->content != sent[sequence - 2].text) {
      fault(account, index, "event " + std::to_string(sequence) + " is not what the server sent");
    }
    if (!again) ++account.messages;
  } else if (!std::holds_alternative<replica::SocketOpened>(event.what)) {
    hear_end(index, event, account);
    return;
  }
  acknowledge(index);
}

void Listener::hear_end(size_t index, const replica::SocketEvent& event, Account& account) {
  auto& connection = connections_[index];
  const auto* closed = std::get_if<replica::SocketClosed>(&event.what);
  const auto* failed = std::get_if<replica::SocketOpenFailed>(&event.what);
  const size_t messages = streams_[index % streams_.size()].messages.size();
  const bool whole = closed && closed->clean;
  if (whole) {
    ++account.whole;
    // Opened, the messages, Closed.
    if (closed->code != 1000 || event.sequence.value != messages + 2) {
      fault(account, index,
            "closed with " + std::to_string(closed->code) + " at event " +
                std::to_string(event.sequence.value));
    }
  } else if (closed) {
    ++account.broken;
    if (!weather_.explain_break(proxy_of(index))) {
      fault(account, index, "broke without a cause: " + closed->detail);
    }
  } else {
    ++account.not_opened;
    if (!weather_.explain_failure(proxy_of(index))) {
      fault(account, index, "did not open without a cause: " + failed->detail);
    }
  }
  client_->submit(replica::CloseCommand{event.key, 1000, {}});
  if (whole && finishing_) {
    connection.finished = true;
    ++account.finished;
    return;
  }
  ++connection.attempt;
  connection.heard = 0;
  connection.next = 1;
  open(index);
}

void Listener::fault(Account& account, size_t connection, const std::string& what) const {
  ++account.faults;
  if (account.first_faults.size() >= kFaultsInWords) return;
  account.first_faults.push_back("connection " + std::to_string(connection) + ", attempt " +
                                 std::to_string(connections_[connection].attempt) + ": " + what);
}

}  // namespace icws::soak
