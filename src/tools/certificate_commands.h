// icwsctl transcript verify: needs a file and public keys, no replica.
#pragma once

#include <string>
#include <vector>

namespace icws::tools {

struct VerifyArguments {
  std::string file;
  // The cluster file with chain id and genesis keys; or both of the following.
  std::string cluster;
  std::string chain_id;
  // Hexadecimal, by replica index at genesis.
  std::vector<std::string> keys;
};

// Prints what the certificate shows, or the one fault with its place. Returns the exit status: kExitRejected
// where the certificate does not hold.
int verify_certificate(const VerifyArguments& arguments);

}  // namespace icws::tools
