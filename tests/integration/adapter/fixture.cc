#include "tests/integration/adapter/fixture.h"

#include <sstream>
#include <utility>

#include "tests/support/local_client.h"

namespace icws::adapter {
namespace {

void note(Heard& heard, replica::AdapterEvent event) {
  if (auto* up = std::get_if<replica::AdapterUp>(&event)) {
    heard.ups.push_back(std::move(*up));
  } else if (std::holds_alternative<replica::AdapterDown>(event)) {
    ++heard.downs;
  } else if (auto* socket = std::get_if<replica::SocketEvent>(&event)) {
    heard.events[socket->key].push_back(std::move(*socket));
  } else if (auto* progress = std::get_if<replica::SendProgress>(&event)) {
    heard.sent_up_to[progress->key] = progress->sent_up_to;
  }
}

}  // namespace

Replica::Replica(const std::string& socket_path) {
  adapter_client::AdapterClientOptions options;
  options.target = "unix:" + socket_path;
  options.reconnect_delay = Milliseconds(20);
  client_ = std::make_unique<adapter_client::AdapterClient>(
      options, [this](std::vector<replica::AdapterEvent> events) {
        heard_.update([&](Heard& heard) {
          for (auto& event : events) note(heard, std::move(event));
        });
      });
}

void Replica::open(const replica::SocketKey& key, const std::string& url,
                   const std::function<void(replica::OpenCommand&)>& change) {
  replica::OpenCommand command;
  command.key = key;
  command.url = url;
  command.message_bytes_max = 1'000'000;
  if (change) change(command);
  submit(std::move(command));
}

void Replica::send(const replica::SocketKey& key, uint64_t sequence, std::string text) {
  submit(replica::SendCommand{key, sequence, replica::MessageKind::Text, std::move(text)});
}

void Replica::acknowledge(const replica::SocketKey& key, uint64_t event) {
  submit(replica::AcknowledgeCommand{key, EventSequence(event), Position(event), sha256("head")});
}

bool Replica::wait_up(size_t times) {
  return heard_.wait_until([&](const Heard& heard) { return heard.ups.size() >= times; });
}

bool Replica::wait_down() {
  return heard_.wait_until([](const Heard& heard) { return heard.downs > 0; });
}

size_t Replica::wait_count(const replica::SocketKey& key, size_t count) {
  size_t seen = 0;
  (void)heard_.wait_until([&](const Heard& heard) {
    const auto found = heard.events.find(key);
    seen = found == heard.events.end() ? 0 : found->second.size();
    return seen >= count;
  });
  return seen;
}

std::vector<replica::SocketEvent> Replica::wait_events(const replica::SocketKey& key, size_t count) {
  wait_count(key, count);
  return heard_.get().events[key];
}

std::optional<replica::SocketClosed> Replica::wait_closed(const replica::SocketKey& key) {
  std::optional<replica::SocketClosed> out;
  (void)heard_.wait_until([&](const Heard& heard) {
    const auto found = heard.events.find(key);
    if (found == heard.events.end() || found->second.empty()) return false;
    const auto* closed = std::get_if<replica::SocketClosed>(&found->second.back().what);
    if (closed) out = *closed;
    return closed != nullptr;
  });
  return out;
}

std::optional<replica::SocketOpenFailed> Replica::wait_open_failed(const replica::SocketKey& key) {
  std::optional<replica::SocketOpenFailed> out;
  (void)heard_.wait_until([&](const Heard& heard) {
    const auto found = heard.events.find(key);
    if (found == heard.events.end() || found->second.empty()) return false;
    const auto* failed = std::get_if<replica::SocketOpenFailed>(&found->second.back().what);
    if (failed) out = *failed;
    return failed != nullptr;
  });
  return out;
}

AdapterProcess::AdapterProcess(std::vector<std::string> further_arguments)
    : arguments_({"--socket", socket_path(), "--allow-network", "127.0.0.0/8"}) {
  arguments_.insert(arguments_.end(), further_arguments.begin(), further_arguments.end());
  start();
}

void AdapterProcess::start() {
  process_ = std::make_unique<support::ChildProcess>(
      support::ChildOptions{support::built_program("icws-adapter"), arguments_, {}, {}});
}

std::string AdapterProcess::metrics_address() const {
  const auto line = process_->wait_for_errors("\"message\":\"metrics\"");
  if (!line) return {};
  constexpr std::string_view kAt = "\"at\":\"";
  const auto begin = line->find(kAt) + kAt.size();
  return line->substr(begin, line->find('"', begin) - begin);
}

MetricValues AdapterProcess::metrics() const {
  std::istringstream lines(support::http_body(support::http_get(metrics_address(), "/metrics")));
  MetricValues out;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto space = line.rfind(' ');
    out[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return out;
}

MetricValues AdapterProcess::wait_metrics(const std::function<bool(MetricValues&)>& enough) const {
  const auto deadline = std::chrono::steady_clock::now() + support::kTestDeadline;
  auto seen = metrics();
  while (!enough(seen) && std::chrono::steady_clock::now() < deadline) seen = metrics();
  return seen;
}

std::string content(const replica::SocketEvent& event) {
  const auto* message = std::get_if<replica::SocketMessage>(&event.what);
  return message ? message->content : "";
}

}  // namespace icws::adapter
