#include "adapter/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <future>
#include <stdexcept>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using Local = asio::local::stream_protocol;
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

// A socket that nobody listens on is what a killed adapter left.
void remove_stale(asio::io_context& io, const std::string& path) {
  if (!fs::is_socket(fs::symlink_status(path))) return;
  Local::socket probe(io);
  boost::system::error_code error;
  probe.connect(Local::endpoint(path), error);
  if (!error) throw std::runtime_error("another adapter listens on " + path);
  fs::remove(path);
}

bool same_user(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace

struct Server::Impl {
  Impl(asio::io_context& context, const std::string& socket_path, const Log& sink)
      : io(context), path(socket_path), log(sink), listener(context) {}

  void accept() {
    listener.async_accept([this](const boost::system::error_code& error, Local::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) hand_over(std::move(socket));
      if (listener.is_open()) accept();
    });
  }

  void hand_over(Local::socket socket) {
    boost::system::error_code error;
    if (!same_user(socket.native_handle())) {
      log.write(LogLevel::kWarning, "refused a process of another user");
      return;
    }
    socket.native_non_blocking(true, error);
    if (error) return;
    Acceptor::NewConnectionParameters parameters;
    parameters.fd = socket.release(error);
    if (!error) to_grpc->HandleNewConnection(&parameters);
  }

  asio::io_context& io;
  const std::string path;
  const Log& log;
  Local::acceptor listener;
  std::unique_ptr<Acceptor> to_grpc;
  std::unique_ptr<grpc::Server> server;
};

Server::Server(asio::io_context& io, const std::string& path, grpc::Service& service, const Log& log)
    : impl_(std::make_unique<Impl>(io, path, log)) {
  prepare_directory(fs::absolute(path).parent_path());
  remove_stale(io, path);
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
  impl_->listener.open();
  impl_->listener.bind(Local::endpoint(path));
  impl_->listener.listen();
  impl_->accept();
}

Server::~Server() = default;

void Server::stop_accepting() {
  impl_->server->GetHealthCheckService()->SetServingStatus(false);
  std::promise<void> closed;
  asio::post(impl_->io, [&] {
    boost::system::error_code ignored;
    impl_->listener.close(ignored);
    closed.set_value();
  });
  closed.get_future().wait();
  ::unlink(impl_->path.c_str());
}

void Server::shutdown(Milliseconds deadline) {
  impl_->server->Shutdown(std::chrono::system_clock::now() + deadline);
}

}  // namespace icws::adapter
