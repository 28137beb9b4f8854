#include "tools/certificate_commands.h"

#include <expected>
#include <fstream>
#include <iostream>
#include <iterator>

#include "proof/verify.h"
#include "tools/cluster_file.h"
#include "tools/exit_status.h"
#include "tools/key_file.h"
#include "tools/terminal_text.h"

namespace icws::tools {
namespace {

// At most one byte over the limit, so that a larger file is refused by the decoder and not read whole.
std::expected<Bytes, std::string> read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  if (!in) return std::unexpected(name + ": cannot be read");
  Bytes out(proof::kCertificateBytesMax + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<size_t>(in.gcount()));
  return out;
}

std::expected<proof::Trusted, std::string> trusted_from_keys(const VerifyArguments& arguments) {
  if (arguments.chain_id.empty() || arguments.keys.empty())
    return std::unexpected("give --cluster, or --chain-id and --keys");
  if (arguments.keys.size() > agreement::kReplicasMax) return std::unexpected("--keys: at most 40 keys");
  std::vector<Bytes> keys;
  for (const std::string& text : arguments.keys) {
    auto key = from_hex(text);
    if (!key || key->size() != agreement::kPublicKeyBytes)
      return std::unexpected("--keys: each must be 64 hexadecimal digits");
    keys.push_back(std::move(*key));
  }
  return proof::Trusted{arguments.chain_id, agreement::genesis_replicas(keys)};
}

std::expected<proof::Trusted, std::string> trusted_from(const VerifyArguments& arguments) {
  if (arguments.cluster.empty()) return trusted_from_keys(arguments);
  const auto text = read_file(arguments.cluster);
  if (!text) return std::unexpected(text.error());
  const auto cluster = parse_cluster(*text);
  if (!cluster) return std::unexpected(arguments.cluster + ": " + cluster.error().front());
  return proof::Trusted{cluster->chain_id, agreement::genesis_replicas(cluster->replica_keys)};
}

int usage(const std::string& what) {
  std::cerr << "icwsctl: " << terminal_text(what) << "\n";
  return kExitUsage;
}

int refuse(const std::string& file, const std::string& what) {
  std::cerr << "icwsctl: " << terminal_text(file) << ": NOT VERIFIED: " << terminal_text(what, 400) << "\n";
  return kExitRejected;
}

void print(const proof::Verified& verified) {
  std::string signers;
  for (const ReplicaIndex signer : verified.signers)
    signers += (signers.empty() ? "" : ", ") + std::to_string(signer.value);
  TextTable table;
  table.row({"connection", std::to_string(verified.connection.value)});
  table.row({"entries", std::to_string(verified.entries.front().sequence.value) + " to " +
                            std::to_string(verified.entries.back().sequence.value) + " of " +
                            std::to_string(verified.last_entry.value)});
  table.row({"transcript head", verified.head.hex()});
  table.row({"app hash", verified.app_hash.hex()});
  table.row({"after height", std::to_string(verified.height.value - 1)});
  table.row({"signed by replicas", signers + " of " + std::to_string(verified.replicas.members.size())});
  table.row({"replica set", "version " + std::to_string(verified.replicas.version)});
  if (verified.claims_checked > 0)
    table.row(
        {"claims of divergence", std::to_string(verified.claims_checked) + ", each signed by its replica"});
  std::cout << "verified\n" << table.format();
}

}  // namespace

int verify_certificate(const VerifyArguments& arguments) {
  const auto trusted = trusted_from(arguments);
  if (!trusted) return usage(trusted.error());
  const auto bytes = read_file(arguments.file);
  if (!bytes) return usage(bytes.error());
  const auto certificate = proof::decode_certificate(*bytes);
  if (!certificate) return refuse(arguments.file, "MALFORMED: " + certificate.error().message);
  const auto verified = proof::verify(*certificate, *trusted);
  if (!verified)
    return refuse(arguments.file,
                  std::string(proof::fault_name(verified.error().kind)) + ": " + verified.error().message);
  print(*verified);
  return kExitOk;
}

}  // namespace icws::tools
