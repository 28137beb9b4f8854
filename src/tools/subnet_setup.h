// The files of a development subnet: keys and cluster file, made once and then reused.
#pragma once

#include "replica/cluster_params.h"
#include "tools/subnet_layout.h"
#include "tools/subnet_options.h"

namespace icws::tools {

struct Subnet {
  SubnetLayout layout;
  replica::ClusterParams cluster;
  // The directory held a subnet already.
  bool existed = false;
};

// Throws std::runtime_error, with a sentence for a person, if the directory cannot be used or holds another
// subnet.
Subnet set_up_subnet(const SubnetOptions& options);

}  // namespace icws::tools
