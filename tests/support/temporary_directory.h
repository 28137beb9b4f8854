// A folder that lives as long as the object.
#pragma once

#include <filesystem>
#include <string>

namespace icws::support {

// What: a fresh folder below the system's temporary one, mode 0700, with a short path (a Unix socket's is at
// most 107 bytes). Ownership: removes it with its contents. Errors: construction throws std::system_error.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace icws::support
