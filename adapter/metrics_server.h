// The metrics, over HTTP.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <string>

#include "adapter/listener.h"
#include "adapter/metrics.h"
#include "adapter/watchdog.h"
#include "base/time.h"

namespace icws::adapter {

struct MetricsServerLimits {
  // At the same time; a monitoring system has one or two, a person with curl a third.
  size_t clients_max = 8;
  // From a client's connection to the end of its answer.
  Milliseconds timeout{5'000};
};

// What: answers GET /metrics, one request a connection. Thread-safety: the I/O thread.
// Ownership: owns its clients. Before the destructor: stop(), then run the executor until idle().
// Errors: a client that is too slow or one too many is cut and counted.
class MetricsServer {
 public:
  // `scrape`: the page's text, called on the I/O thread.
  MetricsServer(boost::asio::io_context& io, Listener listener, Metrics& metrics,
                std::function<std::string()> scrape, MetricsServerLimits limits = {});

  const std::string& address() const { return listener_.address(); }
  void stop();
  bool idle() const { return clients_.empty(); }

 private:
  struct Client {
    Client(Listener::Socket peer, Milliseconds timeout)
        : socket(std::move(peer)), watchdog(socket.get_executor(), timeout) {}
    void cut();
    Listener::Socket socket;
    Watchdog watchdog;
  };

  void take(Listener::Socket socket);
  boost::asio::awaitable<void> serve(Client& client);

  boost::asio::io_context& io_;
  Listener listener_;
  Metrics& metrics_;
  const std::function<std::string()> scrape_;
  const MetricsServerLimits limits_;
  std::list<Client> clients_;
};

}  // namespace icws::adapter
