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

void make_private(const fs::path& directory) {
  fs::create_directories(directory);
  fs::permissions(directory, fs::perms::owner_all);
}

fs::path directory_of(const SubnetOptions& options) {
  if (!options.directory.empty()) {
    make_private(options.directory);
    return fs::absolute(options.directory).lexically_normal();
  }
  std::string name = (fs::temp_directory_path() / "icws-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory like " + name);
  return name;
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

}  // namespace

Subnet set_up_subnet(const SubnetOptions& options) {
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
    return out;
  }
  out.cluster.chain_id = random_chain_id();
  for (size_t i = 0; i < options.replicas; ++i) {
    make_private(out.layout.replica(i));
    out.cluster.replica_keys.push_back(SigningKey(create_key_file(out.layout.key_file(i))).public_key());
  }
  // Last, and whole or not at all: a directory with a cluster file is complete.
  const fs::path fresh = out.layout.cluster_file().string() + ".new";
  std::ofstream(fresh) << format_cluster(out.cluster);
  fs::rename(fresh, out.layout.cluster_file());
  return out;
}

}  // namespace icws::tools
