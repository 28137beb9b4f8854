#include "replica/code_library.h"

#include <stdexcept>
#include <utility>

#include "replica/adapter_port.h"

namespace icws::replica {

CodeLibrary::CodeLibrary(std::vector<CanisterCode> code) {
  for (CanisterCode& one : code) {
    if (one.name.empty() || one.name.size() > kCanisterIdBytesMax) {
      throw std::runtime_error("the canister code " + one.name + " has a name of 0 or more than 29 bytes");
    }
    std::string name = one.name;
    if (!code_.emplace(name, std::move(one)).second) {
      throw std::runtime_error("there are two canister codes " + name);
    }
  }
}

const CanisterCode* CodeLibrary::find(std::string_view name) const {
  const auto it = code_.find(name);
  return it == code_.end() ? nullptr : &it->second;
}

transform::TransformFunction CodeLibrary::transform(std::string_view code, std::string_view method) const {
  const CanisterCode* found = find(code);
  if (found == nullptr) return nullptr;
  const auto it = found->transforms.find(method);
  return it == found->transforms.end() ? nullptr : it->second;
}

}  // namespace icws::replica
