#include "adapter/config.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "adapter/egress_policy.h"
#include "adapter/log.h"

namespace icws::adapter {
namespace {

namespace json = boost::json;
using C = AdapterConfig;

// An hour: longer deadlines are mistakes of unit.
constexpr uint64_t kHour = 3'600'000;
constexpr uint64_t kGiB = 1024ULL * 1024 * 1024;

// A Unix socket's path (sun_path, with its final zero).
constexpr size_t kSocketPathMax = 107;

constexpr Setting kSettings[] = {
    {"open_timeout", &C::open_timeout, 1, kHour, "ms for a whole open with its retries"},
    {"dns_timeout", &C::dns_timeout, 1, kHour, "ms for looking a name up"},
    {"connect_timeout", &C::connect_timeout, 1, kHour, "ms for the TCP connection to one address"},
    {"tls_timeout", &C::tls_timeout, 1, kHour, "ms for the TLS handshake"},
    {"upgrade_timeout", &C::upgrade_timeout, 1, kHour, "ms for the WebSocket handshake"},
    {"open_attempts_max", &C::open_attempts_max, 1, 100, "tries of an open that fails transiently"},
    {"open_retry_delay", &C::open_retry_delay, 1, kHour, "ms before the second try; doubles"},
    {"addresses_max", &C::addresses_max, 1, 64, "addresses of a name that are tried"},
    {"resolver_threads", &C::resolver_threads, 1, 64, "names looked up at the same time"},
    {"ping_after", &C::ping_after, 1, kHour, "ms of silence before a ping"},
    {"pong_timeout", &C::pong_timeout, 1, kHour, "ms for its answer"},
    {"write_timeout", &C::write_timeout, 1, kHour, "ms that a write may stand still"},
    {"message_timeout", &C::message_timeout, 1, kHour, "ms that a message may be unfinished"},
    {"control_frames_per_second_max", &C::control_frames_per_second_max, 1, 1'000'000,
     "pings, pongs per second that a server may send"},
    {"close_timeout", &C::close_timeout, 1, kHour, "ms for the closing handshake"},
    {"connections_max", &C::connections_max, 1, 100'000, "connections at the same time"},
    {"sockets_max", &C::sockets_max, 1, 200'000, "sockets remembered, ended ones included"},
    {"events_max", &C::events_max, 1, 10'000'000, "unacknowledged events of a socket before it stands"},
    {"event_bytes_max", &C::event_bytes_max, 1, kGiB, "their bytes"},
    {"event_bytes_total_max", &C::event_bytes_total_max, 1, 64 * kGiB, "those of all sockets"},
    {"event_bytes_share", &C::event_bytes_share, 1, kGiB, "those a socket may hold in any case"},
    {"send_bytes_max", &C::send_bytes_max, 1, kGiB, "bytes waiting to be written to a socket"},
    {"send_messages_max", &C::send_messages_max, 1, 1'000'000, "messages waiting to be written to a socket"},
    {"stop_timeout", &C::stop_timeout, 1, kHour, "ms from SIGTERM to the end"},
};

struct TextSetting {
  std::string_view name;
  std::string C::* field;
};
constexpr TextSetting kTexts[] = {
    {"socket", &C::socket}, {"ca_file", &C::ca_file}, {"log_level", &C::log_level}};

const Setting* find_setting(std::string_view name) {
  for (const auto& setting : kSettings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

const TextSetting* find_text(std::string_view name) {
  for (const auto& text : kTexts) {
    if (text.name == name) return &text;
  }
  return nullptr;
}

std::expected<void, std::string> apply_networks(const json::value& value, AdapterConfig& config) {
  if (!value.is_array()) return std::unexpected("allow_networks: a list of texts");
  for (const auto& entry : value.get_array()) {
    if (!entry.is_string()) return std::unexpected("allow_networks: a list of texts");
    config.allow_networks.emplace_back(entry.get_string());
  }
  return {};
}

std::expected<void, std::string> apply_entry(const std::string& name, const json::value& value,
                                             AdapterConfig& config) {
  if (const auto* setting = find_setting(name)) {
    if (!value.is_int64() || value.get_int64() < 0) return std::unexpected(name + ": a whole number");
    return apply_number(*setting, static_cast<uint64_t>(value.get_int64()), config);
  }
  if (const auto* text = find_text(name)) {
    if (!value.is_string()) return std::unexpected(name + ": a text");
    config.*(text->field) = std::string(value.get_string());
    return {};
  }
  if (name == "allow_networks") return apply_networks(value, config);
  return std::unexpected(name + ": no such setting");
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

std::expected<void, std::string> apply_number(const Setting& setting, uint64_t value, AdapterConfig& config) {
  if (value < setting.min || value > setting.max) {
    return std::unexpected(std::string(setting.name) + ": " + std::to_string(setting.min) + " to " +
                           std::to_string(setting.max));
  }
  if (const auto* duration = std::get_if<Milliseconds C::*>(&setting.field)) {
    config.*(*duration) = Milliseconds(value);
  } else {
    config.*std::get<uint64_t C::*>(setting.field) = value;
  }
  return {};
}

std::expected<void, std::vector<std::string>> apply_json(std::string_view text, AdapterConfig& config) {
  boost::system::error_code error;
  const auto value = json::parse({text.data(), text.size()}, error);
  if (error) return std::unexpected(std::vector{"not JSON: " + error.message()});
  if (!value.is_object()) return std::unexpected(std::vector{std::string("not a JSON object")});
  std::vector<std::string> faults;
  for (const auto& [name, entry] : value.get_object()) {
    auto applied = apply_entry(std::string(name), entry, config);
    if (!applied) faults.push_back(std::move(applied.error()));
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return {};
}

std::vector<std::string> validate(const AdapterConfig& config) {
  std::vector<std::string> faults;
  if (config.socket.empty()) faults.emplace_back("socket: the path of the gRPC socket is needed");
  if (config.socket.size() > kSocketPathMax) faults.emplace_back("socket: at most 107 bytes");
  if (!log_level_from(config.log_level)) {
    faults.emplace_back("log_level: error, warning, info or debug");
  }
  if (config.sockets_max < config.connections_max) {
    faults.emplace_back("sockets_max: at least connections_max");
  }
  EgressPolicy policy;
  for (const auto& network : config.allow_networks) {
    auto allowed = policy.allow(network);
    if (!allowed) faults.push_back("allow_networks: " + allowed.error());
  }
  return faults;
}

}  // namespace icws::adapter
