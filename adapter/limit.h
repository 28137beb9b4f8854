// The adapter's limits, by the names that settings and metrics have for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace icws::adapter {

// Each is counted when it is passed. Those that are settings have the setting's name; a test looks after it.
enum class Limit : uint8_t {
  kOpenTimeout,
  kDnsTimeout,
  kLookUpsMax,
  kConnectTimeout,
  kProxyTimeout,
  kTlsTimeout,
  kUpgradeTimeout,
  kOpenAttemptsMax,
  kAddressesMax,
  kConnectionsPerCanisterMax,
  kConnectionsPerDestinationMax,
  kOpensPerSecondMax,
  kOpensPerSecondPerCanisterMax,
  kOpensPerSecondPerDestinationMax,
  kReceiveBytesPerSecondMax,
  kReceiveBytesPerSecondPerCanisterMax,
  kResponseHeaderMax,
  kPongTimeout,
  kWriteTimeout,
  kMessageTimeout,
  kControlFramesPerSecondMax,
  kCloseTimeout,
  kDrainBytesMax,
  kMessageBytesMax,
  kFragmentsMax,
  kEmptyFragmentsMax,
  kCompressionContextsMax,
  kCompressionRatioMax,
  kConnectionsMax,
  kSocketsMax,
  kEventsMax,
  kEventBytesMax,
  kEventBytesTotalMax,
  kSendBytesMax,
  kSendMessagesMax,
  kMetricsClientsMax,
  kMetricsTimeout,
  kStopTimeout,
};

inline constexpr std::string_view kLimitNames[] = {
    "open_timeout",
    "dns_timeout",
    "look_ups_max",
    "connect_timeout",
    "proxy_timeout",
    "tls_timeout",
    "upgrade_timeout",
    "open_attempts_max",
    "addresses_max",
    "connections_per_canister_max",
    "connections_per_destination_max",
    "opens_per_second_max",
    "opens_per_second_per_canister_max",
    "opens_per_second_per_destination_max",
    "receive_bytes_per_second_max",
    "receive_bytes_per_second_per_canister_max",
    "response_header_max",
    "pong_timeout",
    "write_timeout",
    "message_timeout",
    "control_frames_per_second_max",
    "close_timeout",
    "drain_bytes_max",
    "message_bytes_max",
    "fragments_max",
    "empty_fragments_max",
    "compression_contexts_max",
    "compression_ratio_max",
    "connections_max",
    "sockets_max",
    "events_max",
    "event_bytes_max",
    "event_bytes_total_max",
    "send_bytes_max",
    "send_messages_max",
    "metrics_clients_max",
    "metrics_timeout",
    "stop_timeout",
};
inline constexpr size_t kLimits = static_cast<size_t>(Limit::kStopTimeout) + 1;
static_assert(kLimits == sizeof kLimitNames / sizeof kLimitNames[0]);

}  // namespace icws::adapter
