#include "tools/subnet_setup.h"

#include <openssl/rand.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/signature.h"
#include "tools/cluster_file.h"
#include "tools/key_file.h"
#include "tools/replica_options.h"

namespace icws::tools {
namespace {

namespace fs = std::filesystem;

// Sockets and keys lie below it, so it must be closed to others.
void make_private(const fs::path& directory) {
  fs::create_directories(directory);
  fs::permissions(directory, fs::perms::owner_all);
}

// A subnet's directory, one whose first start was interrupted, or one that is new or empty. Anything else is
// not ours to close to others: it may be /tmp.
void take_directory(const SubnetLayout& layout) {
  std::error_code none_there;
  for (const auto& entry : fs::directory_iterator(layout.directory, none_there)) {
    const std::string name = entry.path().filename().string();
    if (fs::exists(layout.cluster_file()) || name.starts_with(SubnetLayout::kReplicaPrefix)) continue;
    throw std::runtime_error(layout.directory.string() + " holds other things than a subnet, " + name +
                             " for one; name a new or an empty directory");
  }
  make_private(layout.directory);
}

fs::path directory_of(const SubnetOptions& options) {
  if (!options.directory.empty()) {
    const fs::path directory = fs::absolute(options.directory).lexically_normal();
    take_directory({directory});
    return directory;
  }
  std::string name = (fs::temp_directory_path() / "icws-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory like " + name);
  return name;
}

// Without a cluster file nobody knows the key of an earlier start that was interrupted.
Bytes seed_of(const fs::path& key_file) {
  fs::remove(key_file);
  return create_key_file(key_file);
}

std::string random_chain_id() {
  Bytes bytes(4, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("no random numbers");
  }
  return "local-" + to_hex(bytes);
}

replica::ClusterParams read_cluster(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  auto cluster = parse_cluster(text.str());
  if (!cluster) throw std::runtime_error(file.string() + ": " + cluster.error().front());
  return std::move(*cluster);
}

// The state would fit, but its reports are signed otherwise, and the other engine's blocks are not there.
void refuse_other_engine(const SubnetLayout& layout, EngineKind engine) {
  const bool local = fs::exists(layout.block_log());
  const bool comet = fs::exists(layout.node(0));
  if (engine == EngineKind::Local ? !comet : !local) return;
  throw std::runtime_error(layout.directory.string() + " holds a subnet of the other engine; give --engine " +
                           (local ? "local" : "cometbft"));
}

// One more replica beside those of a subnet that is there.
Subnet join_subnet(const SubnetOptions& options) {
  Subnet out;
  out.layout.directory = fs::absolute(options.directory).lexically_normal();
  if (!fs::exists(out.layout.cluster_file())) {
    throw std::runtime_error(out.layout.directory.string() + " holds no subnet to join");
  }
  out.existed = true;
  out.cluster = read_cluster(out.layout.cluster_file());
  refuse_other_engine(out.layout, options.engine);
  make_private(out.layout.replica(*options.join));
  const fs::path key = out.layout.key_file(*options.join);
  if (!fs::exists(key)) create_key_file(key);
  return out;
}

}  // namespace

Subnet set_up_subnet(const SubnetOptions& options) {
  if (options.join) return join_subnet(options);
  Subnet out;
  out.layout.directory = directory_of(options);
  const std::string longest = out.layout.adapter_socket(options.replicas - 1).string();
  if (auto fault = socket_path_fault(longest); !fault.empty()) throw std::runtime_error(fault);
  out.existed = fs::exists(out.layout.cluster_file());
  if (out.existed) {
    out.cluster = read_cluster(out.layout.cluster_file());
    if (out.cluster.replica_keys.size() != options.replicas) {
      throw std::runtime_error(out.layout.directory.string() + " holds a subnet of " +
                               std::to_string(out.cluster.replica_keys.size()) + " replicas, not " +
                               std::to_string(options.replicas));
    }
    refuse_other_engine(out.layout, options.engine);
    return out;
  }
  out.cluster.chain_id = random_chain_id();
  for (size_t i = 0; i < options.replicas; ++i) {
    make_private(out.layout.replica(i));
    out.cluster.replica_keys.push_back(SigningKey(seed_of(out.layout.key_file(i))).public_key());
  }
  // Last, and whole or not at all: a directory with a cluster file is complete.
  const fs::path fresh = out.layout.cluster_file().string() + ".new";
  std::ofstream(fresh) << format_cluster(out.cluster);
  fs::rename(fresh, out.layout.cluster_file());
  return out;
}

}  // namespace icws::tools
