#include "adapter/egress_policy.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "adapter/special_networks.h"

namespace icws::adapter {
namespace {

namespace ip = boost::asio::ip;

constexpr uint16_t kBadPorts[] = {
    1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,   25,   37,   42,   43,   53,
    69,   77,   79,   87,   95,   101,  102,  103,  104,  109,  110,  111,  113,  115,  117,  119,  123,
    135,  137,  139,  143,  161,  179,  389,  427,  465,  512,  513,  514,  515,  526,  530,  531,  532,
    540,  548,  554,  556,  563,  587,  601,  636,  989,  990,  993,  995,  1719, 1720, 1723, 2049, 3659,
    4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080};

// Names that resolve to something local where they resolve at all: special-use ones (RFC 6761 and IANA's
// registry, RFC 8375), "internal" (ICANN's private-use name, also of clouds' metadata), and those that ICANN
// never delegates because private networks use them.
constexpr std::string_view kLocalSuffixes[] = {"alt",         "corp",      "home",    "home.arpa",
                                               "internal",    "intranet",  "lan",     "local",
                                               "localdomain", "localhost", "private", "test"};

constexpr size_t kNameBytesMax = 253;

bool ends_in_label(std::string_view host, std::string_view suffix) {
  if (!host.ends_with(suffix)) return false;
  return host.size() == suffix.size() || host[host.size() - suffix.size() - 1] == '.';
}

const std::string* find_match(const std::vector<std::string>& patterns, std::string_view host) {
  const auto found = std::ranges::find_if(patterns, [&](const auto& one) { return name_matches(one, host); });
  return found == patterns.end() ? nullptr : &*found;
}

// Lower case, or nothing if it is no pattern. An address would be looked for among names in vain.
std::optional<std::string> parse_pattern(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (out == "*") return out;
  const std::string_view name = out.starts_with("*.") ? std::string_view(out).substr(2) : out;
  const bool legal = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  boost::system::error_code error;
  ip::make_address(std::string(name), error);
  if (!legal || name.empty() || name.size() > kNameBytesMax || !error) return std::nullopt;
  if (name.front() == '.' || name.back() == '.' || name.contains("..")) return std::nullopt;
  return out;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > 65'535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(value);
}

bool has_port(const auto& ranges, uint16_t port) {
  return std::ranges::any_of(ranges,
                             [&](const auto& range) { return port >= range.first && port <= range.last; });
}

// First and last, or nothing if it is no port or range.
std::optional<std::pair<uint16_t, uint16_t>> parse_ports(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return std::pair(*first, *last);
}

}  // namespace

bool name_matches(std::string_view pattern, std::string_view host) {
  if (pattern == "*") return true;
  if (!pattern.starts_with("*.")) return pattern == host;
  return host.size() > pattern.size() - 1 && host.ends_with(pattern.substr(1));
}

bool port_denied_by_default(uint16_t port) { return std::ranges::binary_search(kBadPorts, port); }

std::optional<std::string> network_rule_fault(std::string_view text) {
  boost::system::error_code v4, v6;
  ip::make_network_v4(std::string(text), v4);
  ip::make_network_v6(std::string(text), v6);
  if (!v4 || !v6) return std::nullopt;
  return "\"" + std::string(text) + "\" is not a network like 10.1.0.0/16 or fd00::/8";
}

std::optional<std::string> name_rule_fault(std::string_view text) {
  if (parse_pattern(text)) return std::nullopt;
  return "\"" + std::string(text) + "\" is not a name like api.example.com or *.example.com";
}

std::optional<std::string> port_rule_fault(std::string_view text) {
  if (parse_ports(text)) return std::nullopt;
  return "\"" + std::string(text) + "\" is not a port or a range like 6000-6063";
}

void EgressPolicy::Networks::add(std::string_view cidr) {
  const std::string text(cidr);
  boost::system::error_code error;
  if (const auto network = ip::make_network_v4(text, error); !error) {
    v4.push_back(network.canonical());
  } else {
    v6.push_back(ip::make_network_v6(text).canonical());
  }
}

std::string EgressPolicy::Networks::find(const ip::address& address, bool exact) const {
  if (address.is_v4()) {
    for (const auto& network : v4) {
      const ip::network_v4 around(address.to_v4(), network.prefix_length());
      if (around.network() == network.network() && (!exact || network.prefix_length() == 32)) {
        return network.to_string();
      }
    }
    return {};
  }
  const auto judged = address.to_v6();
  if (judged.is_v4_mapped()) return find(ip::make_address_v4(ip::v4_mapped, judged), exact);
  for (const auto& network : v6) {
    const ip::network_v6 around(judged, network.prefix_length());
    if (around.network() == network.network() && (!exact || network.prefix_length() == 128)) {
      return network.to_string();
    }
  }
  return {};
}

std::expected<EgressPolicy, std::vector<std::string>> EgressPolicy::make(const EgressRules& rules) {
  EgressPolicy out;
  std::vector<std::string> faults;
  const auto each = [&](std::string_view list, const auto& texts, auto fault_of, auto add) {
    for (const auto& text : texts) {
      if (auto fault = fault_of(text)) {
        faults.push_back(std::string(list) + ": " + *fault);
      } else {
        add(text);
      }
    }
  };
  const auto networks = [&](std::string_view list, const auto& texts, Networks& to) {
    each(list, texts, network_rule_fault, [&](const auto& text) { to.add(text); });
  };
  const auto names = [&](std::string_view list, const auto& texts, auto& to) {
    each(list, texts, name_rule_fault, [&](const auto& text) { to.push_back(*parse_pattern(text)); });
  };
  const auto ports = [&](std::string_view list, const auto& texts, auto& to) {
    each(list, texts, port_rule_fault, [&](const auto& text) {
      const auto [first, last] = *parse_ports(text);
      to.push_back({first, last});
    });
  };
  networks("allow_networks", rules.allow_networks, out.allow_networks_);
  networks("deny_networks", rules.deny_networks, out.deny_networks_);
  names("allow_names", rules.allow_names, out.allow_names_);
  names("deny_names", rules.deny_names, out.deny_names_);
  ports("allow_ports", rules.allow_ports, out.allow_ports_);
  ports("deny_ports", rules.deny_ports, out.deny_ports_);
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return out;
}

EgressPolicy::Verdict EgressPolicy::check(const ip::address& address) const {
  auto denied = deny_networks_.find(address);
  if (denied.empty() && address.is_v6()) {
    if (const auto inner = embedded_v4(address.to_v6())) denied = deny_networks_.find(*inner);
  }
  if (!denied.empty()) return std::unexpected("network " + denied + " that the operator denies");
  if (!allow_networks_.find(address, true).empty()) return {};
  if (auto service = metadata_service(address)) return std::unexpected(std::move(*service));
  if (!allow_networks_.find(address).empty()) return {};
  if (auto network = special_network(address)) return std::unexpected(std::move(*network));
  return {};
}

EgressPolicy::Verdict EgressPolicy::check_port(uint16_t port) const {
  if (has_port(deny_ports_, port)) return std::unexpected("port that the operator denies");
  if (has_port(allow_ports_, port) || !port_denied_by_default(port)) return {};
  return std::unexpected("port of another protocol");
}

EgressPolicy::Verdict EgressPolicy::check_name(std::string_view host, bool is_literal) const {
  if (const auto* denied = find_match(deny_names_, host)) {
    return std::unexpected("name " + *denied + " that the operator denies");
  }
  if (allow_names_.empty()) return {};
  if (!is_literal && find_match(allow_names_, host)) return {};
  // A list of names says nothing about addresses: those that may be named are in allow_networks.
  if (is_literal && find_match(allow_names_, "*")) return {};
  if (is_literal && !allow_networks_.find(ip::make_address(std::string(host))).empty()) return {};
  return std::unexpected("name that is not among those that the operator allows");
}

EgressPolicy::Verdict EgressPolicy::check_destination(std::string_view host, bool is_literal,
                                                      uint16_t port) const {
  if (auto verdict = check_port(port); !verdict) return verdict;
  if (auto verdict = check_name(host, is_literal); !verdict) return verdict;
  if (is_literal) return check(ip::make_address(std::string(host)));
  return {};
}

EgressPolicy::Verdict EgressPolicy::check_remote_name(std::string_view host) const {
  const auto* local =
      std::ranges::find_if(kLocalSuffixes, [&](auto suffix) { return ends_in_label(host, suffix); });
  if (host.contains('.') && local == std::end(kLocalSuffixes)) return {};
  const bool named = std::ranges::any_of(
      allow_names_, [&](const auto& pattern) { return pattern != "*" && name_matches(pattern, host); });
  if (named) return {};
  return std::unexpected("local name, which a proxy must not look up");
}

}  // namespace icws::adapter
