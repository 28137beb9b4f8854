// The canister programs that this build can run, by name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transform/canister_transform.h"

namespace icws::replica {

class Canister;

// One version of a program. A name stands for one behaviour for ever: what has changed gets another name, as
// a Wasm module has another hash. All replicas of a subnet must have the same ones.
struct CanisterCode {
  // 1 to kCanisterIdBytesMax bytes.
  std::string name;
  // In its first state. An upgrade hands it the state of the version before.
  std::function<std::unique_ptr<Canister>()> make;
  // By the names that OpenArguments::transform.method may give.
  std::map<std::string, transform::TransformFunction, std::less<>> transforms;
};

// What: see above. Thread-safety: const. Ownership: a value.
class CodeLibrary {
 public:
  // Throws std::runtime_error if two have one name, or a name is too long.
  explicit CodeLibrary(std::vector<CanisterCode> code);

  // Null: there is none of this name.
  const CanisterCode* find(std::string_view name) const;
  // Null: there is no such code, or it has no such transform.
  transform::TransformFunction transform(std::string_view code, std::string_view method) const;

 private:
  std::map<std::string, CanisterCode, std::less<>> code_;
};

}  // namespace icws::replica
