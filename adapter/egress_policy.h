// Which servers the adapter may connect to.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace icws::adapter {

// What the operator adds to the built-in rules. `deny_*` win over everything, `allow_networks` and
// `allow_ports` are exceptions to what is built in, and with a non-empty `allow_names` nothing else may be
// named.
struct EgressRules {
  // "10.1.0.0/16", "fd00::/8", "192.0.2.1/32".
  std::vector<std::string> allow_networks;
  std::vector<std::string> deny_networks;
  // "api.example.com", "*.example.com" (not example.com itself), "*".
  std::vector<std::string> allow_names;
  std::vector<std::string> deny_names;
  // "8443", "6000-6063".
  std::vector<std::string> allow_ports;
  std::vector<std::string> deny_ports;
};

// "*.example.com" has all names that end in .example.com, "*" all names.
bool name_matches(std::string_view pattern, std::string_view host);

// What is wrong with one rule: a sentence, or nothing.
std::optional<std::string> network_rule_fault(std::string_view text);
std::optional<std::string> name_rule_fault(std::string_view text);
std::optional<std::string> port_rule_fault(std::string_view text);

// Built in: the ports that the Fetch standard blocks for browsers (2.9, "bad port"): mail, ssh, DNS and the
// like. A server made for browsers cannot be there, so denying them costs nothing, and a handshake
// cannot be turned into commands of another protocol.
bool port_denied_by_default(uint16_t port);

// What: judges names, ports and addresses. An address is denied if it is not globally reachable (IANA's
// special-purpose registries) or a cloud's metadata service; addresses that carry an IPv4 address inside
// (mapped, NAT64, 6to4, Teredo) are judged by it as well. A metadata service needs an exception of its own
// (a /32 or /128): a wide one does not open it.
// Thread-safety: const methods may be called from several threads. Pure: no I/O.
// Errors: verdicts give the reason in a few words for the operator ("private network 10.0.0.0/8").
class EgressPolicy {
 public:
  using Verdict = std::expected<void, std::string>;

  // The built-in rules.
  EgressPolicy() = default;
  // Errors: one sentence for each rule that cannot be read, with the name of its list.
  static std::expected<EgressPolicy, std::vector<std::string>> make(const EgressRules& rules);

  // Of an address that is to be connected to, or is connected to.
  Verdict check(const boost::asio::ip::address& address) const;
  // Of what a URL names; before its name is looked up. `host` in lower case.
  Verdict check_destination(std::string_view host, bool is_literal, uint16_t port) const;
  // Of a name that a proxy looks up: its address will not be seen here. Denies names that by convention mean
  // something local, unless `allow_names` has them (otherwise than by "*").
  Verdict check_remote_name(std::string_view host) const;

 private:
  struct Networks {
    std::vector<boost::asio::ip::network_v4> v4;
    std::vector<boost::asio::ip::network_v6> v6;

    void add(std::string_view cidr);
    // The network that has the address, as text; empty: none. `exact`: only networks of one address.
    std::string find(const boost::asio::ip::address& address, bool exact = false) const;
  };
  struct PortRange {
    uint16_t first;
    uint16_t last;
  };

  Verdict check_name(std::string_view host, bool is_literal) const;
  Verdict check_port(uint16_t port) const;

  Networks allow_networks_;
  Networks deny_networks_;
  std::vector<std::string> allow_names_;
  std::vector<std::string> deny_names_;
  std::vector<PortRange> allow_ports_;
  std::vector<PortRange> deny_ports_;
};

}  // namespace icws::adapter
