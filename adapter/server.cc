#include "adapter/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <future>
#include <optional>
#include <stdexcept>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

// The largest request: 4 MiB of messages and their frame.
constexpr int kRequestBytesMax = 4 * 1024 * 1024 + 64 * 1024;

std::runtime_error system_failure(const std::string& what) {
  return std::runtime_error(what + ": " + std::strerror(errno));
}

// Whoever can reach the socket can open connections from this machine.
void prepare_directory(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw system_failure("cannot make " + directory.string());
  }
  struct stat status;
  if (::lstat(directory.c_str(), &status) != 0) throw system_failure("cannot look at " + directory.string());
  if (!S_ISDIR(status.st_mode)) throw std::runtime_error(directory.string() + " is not a directory");
  if (status.st_uid != ::geteuid()) throw std::runtime_error(directory.string() + " belongs to another user");
  if ((status.st_mode & 077) != 0) {
    throw std::runtime_error(directory.string() + " is open to others; it must have mode 0700");
  }
}

// Of the process at the other end; nothing if the kernel does not say.
std::optional<uid_t> peer_user(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

}  // namespace

Listener listen_privately(asio::io_context& io, const std::string& path) {
  prepare_directory(fs::absolute(path).parent_path());
  return Listener::at_path(io, path);
}

struct Server::Impl {
  Impl(asio::io_context& context, Listener listening, Metrics& counts, const Log& sink)
      : io(context), listener(std::move(listening)), metrics(counts), log(sink) {}

  bool is_allowed(std::optional<uid_t> user) const {
    return user && (*user == ::geteuid() || *user == 0 || std::ranges::count(allowed, *user) > 0);
  }

  void hand_over(Listener::Socket socket) {
    boost::system::error_code error;
    const auto user = peer_user(socket.native_handle());
    if (!is_allowed(user)) {
      ++metrics.peers_refused;
      log.write(LogLevel::kWarning, "refused a process of another user",
                {{"user", user ? std::to_string(*user) : "unknown"}});
      return;
    }
    socket.native_non_blocking(true, error);
    if (error) return;
    Acceptor::NewConnectionParameters parameters;
    parameters.fd = socket.release(error);
    if (!error) to_grpc->HandleNewConnection(&parameters);
  }

  asio::io_context& io;
  Listener listener;
  Metrics& metrics;
  const Log& log;
  std::vector<uid_t> allowed;
  std::unique_ptr<Acceptor> to_grpc;
  std::unique_ptr<grpc::Server> server;
};

Server::Server(asio::io_context& io, Listener listener, grpc::Service& service, Metrics& metrics,
               const Log& log)
    : impl_(std::make_unique<Impl>(io, std::move(listener), metrics, log)) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(kRequestBytesMax);
  impl_->to_grpc = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  impl_->server = builder.BuildAndStart();
  if (!impl_->server) throw std::runtime_error("gRPC does not start");
  impl_->server->GetHealthCheckService()->SetServingStatus(true);
  impl_->listener.accept([this](Listener::Socket socket) { impl_->hand_over(std::move(socket)); });
}

Server::~Server() = default;

const std::string& Server::address() const { return impl_->listener.address(); }

void Server::allow(std::vector<uid_t> users) { impl_->allowed = std::move(users); }

void Server::stop_accepting() {
  impl_->server->GetHealthCheckService()->SetServingStatus(false);
  std::promise<void> closed;
  asio::post(impl_->io, [&] {
    impl_->listener.close();
    closed.set_value();
  });
  closed.get_future().wait();
}

void Server::shutdown(Milliseconds deadline) {
  impl_->server->Shutdown(std::chrono::system_clock::now() + deadline);
}

}  // namespace icws::adapter
