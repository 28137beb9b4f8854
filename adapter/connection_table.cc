#include "adapter/connection_table.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "ws/utf8.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;

std::string what(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

}  // namespace

std::expected<bool, TableError> ConnectionTable::open(replica::OpenCommand command) {
  const auto key = command.key;
  if (connections_.contains(key)) return true;
  if (stopping_) return std::unexpected(TableError::kStopping);
  if (live_ >= parts_.config.connections_max || connections_.size() >= parts_.config.sockets_max) {
    const bool many = live_ >= parts_.config.connections_max;
    parts_.metrics.pass(many ? Limit::kConnectionsMax : Limit::kSocketsMax);
    return std::unexpected(TableError::kTooManySockets);
  }
  ++parts_.metrics.opens;
  // The canister asked for it; whether it is offered is for this machine to say.
  command.compression = command.compression && may_compress();
  auto connection = std::make_unique<Connection>(executor_, std::move(command), parts_);
  auto* raw = connection.get();
  connections_.emplace(key, std::move(connection));
  parts_.hub.add(key, [this, key] {
    asio::post(executor_, [this, key] {
      const auto found = connections_.find(key);
      if (found != connections_.end()) found->second->room();
    });
  });
  parts_.log.write(LogLevel::kDebug, "opening", {{"socket", log_name(key)}});
  launch(*raw);
  return false;
}

bool ConnectionTable::may_compress() {
  if (!parts_.config.compression) return false;
  if (compressing_ < parts_.config.compression_contexts_max) return true;
  parts_.metrics.pass(Limit::kCompressionContextsMax);
  return false;
}

void ConnectionTable::launch(Connection& connection) {
  ++live_;
  if (connection.request().compression) ++compressing_;
  asio::co_spawn(executor_, connection.run(), [this, raw = &connection](const std::exception_ptr& error) {
    if (error)
      parts_.log.write(LogLevel::kError, "connection failed",
                       {{"socket", log_name(raw->request().key)}, {"error", what(error)}});
    finished(raw);
  });
}

void ConnectionTable::finished(Connection* connection) {
  --live_;
  if (connection->request().compression) --compressing_;
  connection->set_joined();
  std::erase_if(closing_, [&](const auto& owned) { return owned.get() == connection; });
}

std::expected<uint64_t, TableError> ConnectionTable::send(const replica::SocketKey& key,
                                                          std::span<const replica::SendCommand> messages) {
  const auto found = connections_.find(key);
  if (found == connections_.end()) return std::unexpected(TableError::kUnknown);
  auto& connection = *found->second;
  if (!connection.may_send()) return std::unexpected(TableError::kEnded);
  for (const auto& message : messages) {
    if (message.kind == replica::MessageKind::Text && !ws::utf8_valid(message.content)) {
      return std::unexpected(TableError::kInvalidText);
    }
    if (connection.send(message.sequence, message.kind, message.content) == SendQueue::Accepted::kFull) break;
  }
  parts_.hub.set_accepted_up_to(key, connection.accepted_up_to());
  return connection.accepted_up_to();
}

bool ConnectionTable::close(const replica::SocketKey& key, uint16_t code, const std::string& reason) {
  const auto found = connections_.find(key);
  if (found == connections_.end()) return false;
  auto connection = std::move(found->second);
  connections_.erase(found);
  parts_.hub.remove(key);
  connection->close(code, reason);
  retire(std::move(connection));
  return true;
}

void ConnectionTable::retire(std::unique_ptr<Connection> connection) {
  if (!connection->joined()) closing_.push_back(std::move(connection));
}

std::vector<TableReport> ConnectionTable::report() const {
  std::vector<TableReport> out;
  out.reserve(connections_.size());
  for (const auto& [key, connection] : connections_) {
    out.push_back({key, connection->state(), connection->request().url, connection->paused(),
                   connection->messages_received(), connection->messages_sent()});
  }
  return out;
}

ConnectionTable::Counts ConnectionTable::counts() const {
  Counts out;
  const auto count = [&](const Connection& connection) {
    ++out.states[static_cast<size_t>(connection.state())];
    if (connection.paused()) ++out.paused;
  };
  for (const auto& [key, connection] : connections_) count(*connection);
  for (const auto& connection : closing_) count(*connection);
  return out;
}

void ConnectionTable::stop() {
  stopping_ = true;
  for (auto& [key, connection] : connections_) connection->close(ws::kCloseGoingAway, "the adapter stops");
}

void ConnectionTable::abort_all() {
  for (auto& [key, connection] : connections_) connection->abort();
  for (auto& connection : closing_) connection->abort();
}

}  // namespace icws::adapter
