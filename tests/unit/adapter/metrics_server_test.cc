// GET /metrics over real sockets.
#include "adapter/metrics_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <thread>

#include "tests/support/local_client.h"
#include "tests/support/temporary_directory.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using support::http_get;
using support::LocalClient;
using testing::HasSubstr;
using testing::StartsWith;

// A server with its I/O thread.
class Served {
 public:
  explicit Served(MetricsServerLimits limits = {})
      : server_(
            io_, Listener::at_path(io_, directory_ / "metrics"), metrics_,
            [] { return std::string("page\n"); }, limits),
        thread_([this] { io_.run(); }) {}
  ~Served() {
    asio::post(io_, [this] { server_.stop(); });
    work_.reset();
    thread_.join();
    EXPECT_TRUE(server_.idle());
  }

  const std::string& address() const { return server_.address(); }
  uint64_t passed(Limit limit) {
    std::promise<uint64_t> out;
    asio::post(io_, [&] { out.set_value(metrics_.limits_passed[static_cast<size_t>(limit)]); });
    return out.get_future().get();
  }

 private:
  support::TemporaryDirectory directory_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  Metrics metrics_;
  MetricsServer server_;
  std::thread thread_;
};

TEST(MetricsServer, AnswersWithThePage) {
  Served served;
  for (int i = 0; i < 20; ++i) {
    const auto answer = http_get(served.address(), "/metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
    EXPECT_EQ(support::http_body(answer), "page\n");
  }
}

TEST(MetricsServer, AnswersNothingElse) {
  Served served;
  EXPECT_THAT(http_get(served.address(), "/"), StartsWith("HTTP/1.1 404"));
  LocalClient post(served.address());
  post.send("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(post.read_all(), StartsWith("HTTP/1.1 405"));
  LocalClient garbage(served.address());
  garbage.send("\x16\x03\x01 no HTTP\r\n\r\n");
  EXPECT_THAT(garbage.read_all(), StartsWith("HTTP/1.1 400"));
  LocalClient large(served.address());
  large.send("GET /metrics HTTP/1.1\r\nA: " + std::string(10'000, 'a') + "\r\n\r\n");
  EXPECT_THAT(large.read_all(), StartsWith("HTTP/1.1 400"));
}

TEST(MetricsServer, CutsWhoIsTooSlow) {
  MetricsServerLimits limits;
  limits.timeout = Milliseconds(50);
  Served served(limits);
  LocalClient slow(served.address());
  slow.send("GET /metrics HTTP/1.1\r\n");
  EXPECT_EQ(slow.read_all(), "");
  EXPECT_EQ(served.passed(Limit::kMetricsTimeout), 1U);
}

TEST(MetricsServer, TakesSoManyClientsAndNoMore) {
  MetricsServerLimits limits;
  limits.clients_max = 2;
  Served served(limits);
  LocalClient first(served.address());
  LocalClient second(served.address());
  LocalClient third(served.address());
  EXPECT_EQ(third.read_all(), "");
  EXPECT_EQ(served.passed(Limit::kMetricsClientsMax), 1U);
  first.send("GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_THAT(first.read_all(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(http_get(served.address(), "/metrics"), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace icws::adapter
