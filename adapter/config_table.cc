#include "adapter/config_table.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "adapter/egress_policy.h"
#include "adapter/listener.h"
#include "adapter/log.h"
#include "adapter/proxy_address.h"
#include "adapter/resolver.h"
#include "adapter/users.h"

namespace icws::adapter {
namespace {

using C = AdapterConfig;
using enum Reload;

// An hour: longer deadlines are mistakes of unit.
constexpr uint64_t kHour = 3'600'000;
constexpr uint64_t kGiB = 1024ULL * 1024 * 1024;
// A Unix socket's path (sun_path, less its final zero).
constexpr uint64_t kSocketPathBytesMax = 107;
constexpr uint64_t kPathBytesMax = 4'095;
// A replica and some tools.
constexpr uint64_t kUsersMax = 16;
// Every connect walks through the lists.
constexpr uint64_t kRulesMax = 1'000;

std::optional<std::string> check_user(std::string_view text) {
  auto user = find_user(text);
  if (user) return std::nullopt;
  return std::move(user.error());
}

std::optional<std::string> check_metrics(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text.starts_with('/')) {
    if (text.size() <= kSocketPathBytesMax) return std::nullopt;
    return "a path of at most " + std::to_string(kSocketPathBytesMax) + " bytes";
  }
  auto parsed = parse_loopback(text);
  if (parsed) return std::nullopt;
  return std::move(parsed.error());
}

// More would not be tried in a lifetime.
constexpr uint64_t kProxiesMax = 64;
constexpr uint64_t kDnsServersMax = 8;
constexpr uint64_t kTlsDestinationsMax = 100;
// A terabyte per second: no limit.
constexpr uint64_t kBytesPerSecondMax = 1024 * kGiB;
// A read needs a burst of its size.
constexpr uint64_t kBytesPerSecondMin = 64 * 1024;

constexpr RecordMember<TlsDestination> kTlsDestinationMembers[] = {
    {"host", &TlsDestination::host, true, "name, *.suffix or address, as in the URL; the first match counts"},
    {"ca_file", &TlsDestination::ca_file, false, "PEM file of roots to trust besides, for this host"},
    {"certificate_file", &TlsDestination::certificate_file, false,
     "PEM file of the chain that is shown to a server that asks for one"},
    {"key_file", &TlsDestination::key_file, false, "PEM file of its key"},
};

constexpr std::string_view kProcess = "Process";
constexpr std::string_view kEgress = "Egress";
constexpr std::string_view kLimiting = "Limits";
constexpr std::string_view kOpening = "Opening";
constexpr std::string_view kLiving = "Living";
constexpr std::string_view kCompression = "Compression";
constexpr std::string_view kMemory = "Memory";

// clang-format off
constexpr Setting kSettings[] = {
    {"socket", &C::socket, kProcess, 0, kSocketPathBytesMax, "", kRestart,
     "path of the gRPC socket; not needed if systemd passes it",
     "Its directory is made with mode 0700, and must have it: whoever can reach the socket can open "
     "connections from this machine."},
    {"allow_users", &C::allow_users, kProcess, 0, kUsersMax, "", kSighup,
     "users, by name or number, whose processes may use the gRPC socket, beside this user and root",
     "The replica's, if the adapter is a user of its own; the socket must then be one that it can reach, as "
     "systemd's is.",
     check_user},
    {"metrics", &C::metrics, kProcess, 0, kPathBytesMax, "", kRestart,
     "where GET /metrics is answered: a Unix socket's path (from the root), or a loopback address and port",
     "Whoever can connect may read; other machines cannot, since nothing is encrypted. Without it, metrics are "
     "counted and not served.",
     check_metrics},
    {"log_level", Choice{&C::log_level, kLogLevelNames}, kProcess, 0, 0, "", kSighup,
     "the least important messages that are logged",
     "info has a line for each event an operator may have to act on, debug one for each connection."},
    {"stop_timeout", &C::stop_timeout, kProcess, 1, kHour, "ms", kSighup,
     "time from SIGTERM to the end of the process",
     "A closing handshake with every server and a second for gRPC; what is left is cut."},

    {"allow_networks", &C::allow_networks, kEgress, 0, kRulesMax, "", kSighup,
     "networks (CIDR) that may be connected to although they are not globally reachable",
     "For servers of your own. By default every address that IANA lists as special is denied. A metadata "
     "service of a cloud needs an entry of its own (/32 or /128).",
     network_rule_fault},
    {"deny_networks", &C::deny_networks, kEgress, 0, kRulesMax, "", kSighup,
     "networks (CIDR) that may not be connected to, whatever else is allowed",
     "For global addresses of your own, or a neighbour's complaint. IPv4 networks are found inside IPv6 "
     "addresses (mapped, NAT64, 6to4, Teredo), too.",
     network_rule_fault},
    {"allow_names", &C::allow_names, kEgress, 0, kRulesMax, "", kSighup,
     "if any: the only host names that may be connected to (api.example.com, *.example.com, *)",
     "By default all names may, since addresses decide. With a list, addresses in URLs must be in "
     "allow_networks. A name that a proxy looks up must be in the list if it is a local one.",
     name_rule_fault},
    {"deny_names", &C::deny_names, kEgress, 0, kRulesMax, "", kSighup,
     "host names that may not be connected to, whatever else is allowed",
     "As for networks. *.example.com does not have example.com in it.",
     name_rule_fault},
    {"allow_ports", &C::allow_ports, kEgress, 0, kRulesMax, "", kSighup,
     "ports (8443, 6000-6063) that may be connected to although browsers block them",
     "Denied by default are the Fetch standard's bad ports (mail, ssh, DNS, ...): no server made for "
     "browsers is there, and a handshake must not become another protocol's commands.",
     port_rule_fault},
    {"deny_ports", &C::deny_ports, kEgress, 0, kRulesMax, "", kSighup,
     "ports that may not be connected to, whatever else is allowed",
     "1-442 and 444-65535 leave only 443.",
     port_rule_fault},
    {"ca_file", &C::ca_file, kEgress, 0, kPathBytesMax, "", kSighup,
     "PEM file of roots that are trusted beside the system's",
     "For servers whose certificates come from an authority of your own."},
    {"tls_destinations", records<&C::tls_destinations, kTlsDestinationMembers>(), kEgress, 0,
     kTlsDestinationsMax, "", kSighup,
     "roots and client certificates for single hosts",
     "For servers that want to know who connects, or whose authority shall be trusted for nothing else."},
    {"tls_sessions", &C::tls_sessions, kEgress, 0, 100'000, "servers", kSighup,
     "servers whose TLS sessions are kept for resumption",
     "A resumed handshake saves a round trip (TLS 1.2) and the verification; a session has some 3 KiB, at "
     "most 16, two for each server. 0 keeps none."},
    {"proxies", &C::proxies, kEgress, 0, kProxiesMax, "", kSighup,
     "proxies (socks5h://HOST:PORT, http://HOST:PORT, USER:PASSWORD@ before the host if need be)",
     "Tried when a server cannot be reached directly: two at most, in random order. They look names up "
     "themselves, and the egress policy does not judge their own addresses. Passwords belong in the file, "
     "not in flags, which others on the machine can see.",
     proxy_fault},
    {"dns_servers", &C::dns_servers, kEgress, 0, kDnsServersMax, "", kRestart,
     "DNS servers (192.0.2.1:53, [2001:db8::1]:53) instead of those in resolv.conf",
     "For a resolver that only this program shall use. /etc/hosts counts in any case.",
     dns_server_fault},

    {"connections_per_canister_max", &C::connections_per_canister_max, kLimiting, 1, 100'000, "connections",
     kSighup,
     "connections of one canister",
     "Twice what a subnet lets a canister have: old ones may still close when new ones open. A replica "
     "that names no canister has no such limits."},
    {"connections_per_destination_max", &C::connections_per_destination_max, kLimiting, 1, 100'000,
     "connections", kSighup,
     "connections to one name with its port, and to one address with its port",
     "All replicas of a subnet connect: a server sees this times their number."},
    {"opens_per_second_max", &C::opens_per_second_max, kLimiting, 1, 1'000'000, "opens/s", kSighup,
     "opens of the node in a second, retries included; a burst of two seconds may come at once",
     "A full node reconnects in half a minute."},
    {"opens_per_second_per_canister_max", &C::opens_per_second_per_canister_max, kLimiting, 1, 1'000'000,
     "opens/s", kSighup,
     "those of one canister",
     "A canister's whole share reconnects in 15 seconds."},
    {"opens_per_second_per_destination_max", &C::opens_per_second_per_destination_max, kLimiting, 1, 1'000'000,
     "opens/s", kSighup,
     "those to one name with its port, and attempts at one address with its port",
     "Common services allow a few a second for each address that they see."},
    {"open_wait", &C::open_wait, kLimiting, 1, kHour, "ms", kSighup,
     "time that an open beyond a rate may wait for its turn",
     "A third of open_timeout; whose turn would come later fails at once with LIMIT_EXCEEDED."},
    {"receive_bytes_per_second_max", &C::receive_bytes_per_second_max, kLimiting, kBytesPerSecondMin,
     kBytesPerSecondMax, "bytes/s", kSighup,
     "bytes that are read in a second, after TLS",
     "10 Gbit/s, a node's network. Beyond it reading pauses, and TCP slows the servers down."},
    {"receive_bytes_per_second_per_canister_max", &C::receive_bytes_per_second_per_canister_max, kLimiting,
     kBytesPerSecondMin, kBytesPerSecondMax, "bytes/s", kSighup,
     "those for one canister",
     "Far more than a subnet can agree on, less than what would be felt by others."},

    {"open_timeout", &C::open_timeout, kOpening, 1, kHour, "ms", kSighup,
     "time for a whole open with its retries",
     "The replica's own deadline is longer, so that it hears the cause. The parts below may add up to "
     "more: this one wins."},
    {"dns_timeout", &C::dns_timeout, kOpening, 1, kHour, "ms", kSighup,
     "time for looking one name up",
     "Two rounds of a resolver that answers slowly."},
    {"connect_timeout", &C::connect_timeout, kOpening, 1, kHour, "ms", kSighup,
     "time for the TCP connection to one address; with dns_timeout the time for all of a name's addresses",
     "Three SYNs: after 1, 2 and 4 seconds."},
    {"proxy_timeout", &C::proxy_timeout, kOpening, 1, kHour, "ms", kSighup,
     "time for a proxy's handshake, in which it connects to the server",
     "A proxy's own connect timeout is longer, as a rule; it is not waited for."},
    {"tls_timeout", &C::tls_timeout, kOpening, 1, kHour, "ms", kSighup,
     "time for the TLS handshake",
     "Two round trips of a slow path, and a server that is busy."},
    {"upgrade_timeout", &C::upgrade_timeout, kOpening, 1, kHour, "ms", kSighup,
     "time from our request to the end of the answer's header",
     "One round trip; gateways that start the service behind them take seconds."},
    {"open_attempts_max", &C::open_attempts_max, kOpening, 1, 100, "tries", kSighup,
     "tries of an open that fails transiently, the first one included",
     "A refused connection gets two at most: it is not going to be listened on soon."},
    {"open_retry_delay", &C::open_retry_delay, kOpening, 1, kHour, "ms", kSighup,
     "pause before the second try; it doubles with each",
     "Short against open_timeout, long against a server's restart of a listener."},
    {"addresses_max", &C::addresses_max, kOpening, 1, 64, "addresses", kSighup,
     "addresses of one name that are tried",
     "Large services publish four to eight."},
    {"look_ups_max", &C::look_ups_max, kOpening, 1, 4'096, "look-ups", kRestart,
     "names that are looked up at the same time",
     "Each takes 80 KiB. More wait in line, canisters by turns; one canister has a quarter at most."},

    {"ping_after", &C::ping_after, kLiving, 1, kHour, "ms", kSighup,
     "time without a byte from the server before it is pinged",
     "Below the minute after which common gateways cut an idle connection."},
    {"pong_timeout", &C::pong_timeout, kLiving, 1, kHour, "ms", kSighup,
     "time that a pinged server has to send a byte",
     "Several retransmissions of a lost packet."},
    {"write_timeout", &C::write_timeout, kLiving, 1, kHour, "ms", kSighup,
     "time that a write may stand still",
     "A server that never reads would hold our messages for ever."},
    {"message_timeout", &C::message_timeout, kLiving, 1, kHour, "ms", kSighup,
     "time that one message may be unfinished",
     "A maximum message at 33 kB/s; servers that drip fragments are slower."},
    {"control_frames_per_second_max", &C::control_frames_per_second_max, kLiving, 1, 1'000'000, "frames/s",
     kSighup, "pings and pongs that a server may send",
     "An honest server sends a few a minute; each ping costs an answer."},
    {"close_timeout", &C::close_timeout, kLiving, 1, kHour, "ms", kSighup,
     "time from a Close frame to the end of the TCP connection",
     "A round trip of a slow path; servers that hold TCP open cost a socket so long."},

    {"compression", &C::compression, kCompression, 0, 0, "", kSighup,
     "whether permessage-deflate (RFC 7692) is offered for canisters that ask for it",
     "Off: it costs memory and time, and the length of a message tells about its contents even through TLS."},
    {"compression_context_takeover", &C::compression_context_takeover, kCompression, 0, 0, "", kSighup,
     "whether a message may refer to those before it",
     "Small messages of one form compress well only with it. Without it, a connection that is silent holds no "
     "memory for compression."},
    {"compression_window_bits", &C::compression_window_bits, kCompression, 9, 15, "bits", kSighup,
     "window of our own messages, as a power of two of bytes",
     "What canisters send is small. With 12 a connection that sends takes 38 KiB, with 15 it takes 262 KiB. "
     "Receiving takes 41 KiB in any case: the server chooses its window."},
    {"compression_contexts_max", &C::compression_contexts_max, kCompression, 0, 100'000, "connections", kSighup,
     "connections that may use compression at the same time",
     "80 MiB when all of them both send and receive. The others are opened without it."},
    {"compression_ratio_max", &C::compression_ratio_max, kCompression, 1, 1'032, "times", kSighup,
     "how many times its size a compressed message may become",
     "The same message again and again comes to 130; bombs to 1,032, which is DEFLATE's own limit. One message "
     "may exceed it, and then as much as that must be made up for before another may."},

    {"connections_max", &C::connections_max, kMemory, 1, 100'000, "connections", kSighup,
     "connections at the same time",
     "As many as a subnet has."},
    {"sockets_max", &C::sockets_max, kMemory, 1, 200'000, "sockets", kSighup,
     "sockets that are remembered: ended ones that the replica has not closed yet are, too",
     "Twice connections_max."},
    {"events_max", &C::events_max, kMemory, 1, 10'000'000, "events", kSighup,
     "unacknowledged events of one socket before it is not read any more",
     "Some seconds of a fast feed, while blocks are made."},
    {"event_bytes_max", &C::event_bytes_max, kMemory, 1, kGiB, "bytes", kSighup,
     "their bytes",
     "Four maximum messages. One message may exceed it."},
    {"event_bytes_total_max", &C::event_bytes_total_max, kMemory, 1, 64 * kGiB, "bytes", kSighup,
     "unacknowledged events of all sockets together",
     "What a node can spare; 170 KiB for each of 3,000 connections."},
    {"event_bytes_share", &C::event_bytes_share, kMemory, 1, kGiB, "bytes", kSighup,
     "what each socket may hold even when the others have used up the total",
     "So that no canister can silence another one's connection."},
    {"send_bytes_max", &C::send_bytes_max, kMemory, 1, kGiB, "bytes", kSighup,
     "messages of the replica that are not written yet, of one socket",
     "The size of a connection's outbox."},
    {"send_messages_max", &C::send_messages_max, kMemory, 1, 1'000'000, "messages", kSighup,
     "their number",
     "A message costs some 100 bytes beside its contents."},
};
// clang-format on

// Insertions, removals and replacements that turn `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view name, std::span<const Setting> table) {
  const auto found = std::ranges::find(table, name, &Setting::name);
  return found == table.end() ? nullptr : &*found;
}

std::string flag_of(const Setting& setting) {
  if (std::holds_alternative<RecordList>(setting.field)) return {};
  std::string out(setting.name);
  const bool list = std::holds_alternative<std::vector<std::string> C::*>(setting.field);
  if (list && out.ends_with("ies")) {
    out.replace(out.size() - 3, 3, "y");
  } else if (list && out.ends_with("s")) {
    out.pop_back();
  }
  std::ranges::replace(out, '_', '-');
  return "--" + out;
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  // Two slips, or a third of a long name.
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  std::string_view nearest;
  // Foreign text: the work is bounded by its length.
  if (name.size() > 64) return nearest;
  for (const auto candidate : known) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < least && distance < candidate.size()) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace icws::adapter
