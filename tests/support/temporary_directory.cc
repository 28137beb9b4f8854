#include "tests/support/temporary_directory.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace icws::support {

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "icws-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "cannot make a temporary directory");
  }
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // a child that still writes there must not turn a test into an abort
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace icws::support
