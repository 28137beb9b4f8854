// The private keys of one replica: the one that it uses, and the one that is to follow.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/signature.h"

namespace icws::tools {

// Where the key lies that a change of the replica set is to bring in: beside the present one.
std::filesystem::path next_key_file(const std::filesystem::path& key_file);

// What: signs with the key that the replica set asks for. Holds the key file's key; looks at the file of the
// next one as soon as another key is asked for, so that a replica goes on through a change of its key without
// a restart. Thread-safety: all methods. Errors: where the key asked for is in neither file it says so, once
// for each key, and signs with the one that it has: others refuse that, and it counts as silent.
class KeyRing {
 public:
  using Notice = std::function<void(const std::string& line)>;
  // `seed`: what `key_file` holds.
  KeyRing(std::filesystem::path key_file, BytesView seed, Notice notice);

  // Says so if it does not hold the key; empty: no member.
  void expect(const Bytes& public_key);
  // `public_key`: empty for no member, who signs with any key.
  Bytes sign(const Bytes& public_key, BytesView message);

 private:
  const SigningKey& find(const Bytes& public_key);

  const std::filesystem::path key_file_;
  const Notice notice_;
  std::mutex mutex_;
  // Never empty.
  std::vector<SigningKey> keys_;
  Bytes missing_;
};

}  // namespace icws::tools
