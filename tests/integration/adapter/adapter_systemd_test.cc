// As systemd runs it: passed sockets, notes, the watchdog, users; health, reflection and the one subscriber.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "icws/adapter/v1/adapter.grpc.pb.h"
#include "tests/integration/adapter/fixture.h"
#include "tests/support/hostile_server.h"
#include "tests/support/local_client.h"
#include "tests/support/notify_socket.h"

namespace icws::adapter {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Does what systemd does before it starts a service: listens, moves the sockets to descriptors 3 and 4, names
// them in the environment, and becomes the program.
constexpr const char* kActivate = R"(
import os, socket, sys
grpc, metrics, program = sys.argv[1], sys.argv[2], sys.argv[3:]
made = []
for path in (metrics, grpc):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    os.chmod(path, 0o666)
    listening.listen()
    made.append(os.dup2(listening.detach(), 10 + len(made), inheritable=False))
for target, descriptor in enumerate(made, 3):
    os.dup2(descriptor, target)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='metrics:grpc')
os.execv(program[0], program)
)";

// Connects as another user and says whether the adapter talks to it: gRPC's first bytes, or an end.
constexpr const char* kForeigner = R"(
import os, socket, sys
os.setgid(65534)
os.setuid(65534)
client = socket.socket(socket.AF_UNIX)
client.settimeout(20)
client.connect(sys.argv[1])
try:
    client.send(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    print('talks' if client.recv(9) else 'refused')
except (BrokenPipeError, ConnectionResetError):
    print('refused')
)";

std::string python(const char* script, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-c", script});
  support::ChildProcess child({"/usr/bin/python3", arguments, {}, {}});
  const auto exit = child.wait_exit();
  return exit && exit->ok() ? child.output() : "failed: " + child.errors();
}

// An adapter as systemd starts it, and systemd's end of its notes.
class Activated {
 public:
  explicit Activated(std::vector<std::string> arguments = {}) {
    // Others may come in as far as the sockets let them.
    ::chmod(directory_.path().c_str(), 0755);
    arguments.insert(arguments.begin(),
                     {"-c", kActivate, socket_path(), metrics_path(), support::built_program("icws-adapter"),
                      "--allow-network", "127.0.0.0/8"});
    process_.emplace(support::ChildOptions{
        "/usr/bin/python3", arguments, {{"NOTIFY_SOCKET", notify_.path()}, {"WATCHDOG_USEC", "20000"}}, {}});
  }

  bool wait_note(std::string_view begin) const { return notify_.wait(begin); }
  std::string socket_path() const { return directory_ / "grpc"; }
  std::string metrics_path() const { return directory_ / "metrics"; }
  support::ChildProcess& process() { return *process_; }

 private:
  support::TemporaryDirectory directory_;
  support::NotifySocket notify_;
  std::optional<support::ChildProcess> process_;
};

TEST(AdapterSystemd, ServesOnPassedSocketsAndTellsItsState) {
  Activated adapter;
  EXPECT_TRUE(adapter.wait_note("READY=1"));
  // Half of the timeout later and again: the loop turns.
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(adapter.wait_note("WATCHDOG=1"));
  Replica replica(adapter.socket_path());
  EXPECT_TRUE(replica.wait_up());
  EXPECT_THAT(support::http_get(adapter.metrics_path(), "/metrics"), StartsWith("HTTP/1.1 200 OK"));
  adapter.process().kill(SIGHUP);
  EXPECT_TRUE(adapter.wait_note("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_TRUE(adapter.wait_note("READY=1"));
  adapter.process().kill(SIGTERM);
  EXPECT_TRUE(adapter.wait_note("STOPPING=1"));
  const auto exit = adapter.process().wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 0);
  // systemd's to remove, and to listen on: the next client starts the service again.
  EXPECT_TRUE(std::filesystem::exists(adapter.socket_path()));
}

TEST(AdapterSystemd, RefusesSocketsItDoesNotKnow) {
  support::ChildProcess child({"/bin/sh",
                               {"-c", "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=other exec " +
                                          support::built_program("icws-adapter").string()},
                               {},
                               {}});
  const auto exit = child.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 2);
  EXPECT_THAT(child.errors(), HasSubstr("\"other\""));
}

TEST(AdapterPeers, RefusesForeignUsersButThoseThatAreAllowed) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  {
    Activated adapter;
    ASSERT_TRUE(adapter.wait_note("READY=1"));
    EXPECT_EQ(python(kForeigner, {adapter.socket_path()}), "refused\n");
    EXPECT_THAT(support::http_get(adapter.metrics_path(), "/metrics"),
                HasSubstr("\nicws_adapter_peers_refused_total 1\n"));
    EXPECT_TRUE(adapter.process().wait_for_errors("\"user\":\"65534\""));
  }
  Activated adapter({"--allow-user", "65534"});
  ASSERT_TRUE(adapter.wait_note("READY=1"));
  EXPECT_EQ(python(kForeigner, {adapter.socket_path()}), "talks\n");
}

// --- Calls that the replica's client does not make.

std::shared_ptr<grpc::Channel> connect(const AdapterProcess& adapter) {
  return grpc::CreateChannel("unix:" + adapter.socket_path(), grpc::InsecureChannelCredentials());
}

void set_deadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + support::kTestDeadline);
}

// One message there, the first one back; bytes of protobuf. Unary calls and streams look alike from here.
std::string call(const AdapterProcess& adapter, const std::string& method, const std::string& request) {
  grpc::GenericStub stub(connect(adapter));
  grpc::ClientContext context;
  set_deadline(context);
  grpc::CompletionQueue queue;
  const auto stream = stub.PrepareCall(&context, method, &queue);
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  stream->StartCall(nullptr);
  EXPECT_TRUE(wait());
  const grpc::Slice slice(request);
  stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  EXPECT_TRUE(wait());
  grpc::ByteBuffer answer;
  stream->Read(&answer, nullptr);
  EXPECT_TRUE(wait());
  grpc::Slice out;
  EXPECT_TRUE(answer.DumpToSingleSlice(&out).ok());
  grpc::Status status;
  context.TryCancel();
  stream->Finish(&status, nullptr);
  wait();
  return {reinterpret_cast<const char*>(out.begin()), out.size()};
}

TEST(AdapterServices, HealthSaysServing) {
  AdapterProcess adapter;
  ASSERT_TRUE(adapter.replica()->wait_up());
  // HealthCheckResponse{status: SERVING}; an empty request asks for the whole server.
  EXPECT_EQ(call(adapter, "/grpc.health.v1.Health/Check", ""), "\x08\x01");
}

TEST(AdapterServices, ReflectionListsTheService) {
  AdapterProcess adapter;
  ASSERT_TRUE(adapter.replica()->wait_up());
  // ServerReflectionRequest{list_services: ""}.
  const auto answer = call(adapter, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                           std::string("\x3a\x00", 2));
  EXPECT_THAT(answer, HasSubstr("icws.adapter.v1.Adapter"));
  EXPECT_THAT(answer, HasSubstr("grpc.health.v1.Health"));
}

TEST(AdapterServices, ASecondSubscriberAbortsTheFirst) {
  AdapterProcess adapter;
  ASSERT_TRUE(adapter.replica()->wait_up());
  const auto stub = v1::Adapter::NewStub(connect(adapter));
  grpc::ClientContext first_context, second_context;
  set_deadline(first_context);
  set_deadline(second_context);
  v1::EventsResponse response;
  const auto first = stub->Events(&first_context);
  ASSERT_TRUE(first->Read(&response));
  EXPECT_TRUE(response.has_hello());
  const auto second = stub->Events(&second_context);
  ASSERT_TRUE(second->Read(&response));
  EXPECT_TRUE(response.has_hello());
  EXPECT_FALSE(first->Read(&response));
  EXPECT_EQ(first->Finish().error_code(), grpc::StatusCode::ABORTED);
  second_context.TryCancel();
  EXPECT_EQ(second->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// The server reads our Close frame, says nothing, and holds TCP open: stop_timeout is the end of that.
TEST(AdapterServices, EndsInTimeThoughAServerDoesNot) {
  support::Event over;
  support::HostileServer server(std::nullopt, [&](support::RawConnection& connection) {
    connection.accept_upgrade();
    (void)over.wait();
  });
  AdapterProcess adapter({"--stop-timeout", "1500", "--close-timeout", "3600000"});
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  ASSERT_EQ(replica->wait_events(socket_key(1), 1).size(), 1U);
  adapter.process().kill(SIGTERM);
  const auto exit = adapter.process().wait_exit();
  over.set();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 0);
}

TEST(AdapterServices, EndsWithItsSubscriberConnected) {
  AdapterProcess adapter;
  const auto stub = v1::Adapter::NewStub(connect(adapter));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  set_deadline(context);
  v1::EventsResponse response;
  const auto stream = stub->Events(&context);
  ASSERT_TRUE(stream->Read(&response));
  adapter.process().kill(SIGTERM);
  const auto exit = adapter.process().wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 0);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace icws::adapter
