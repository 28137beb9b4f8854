#include "adapter/users.h"

#include <pwd.h>

#include <charconv>
#include <limits>
#include <vector>

namespace icws::adapter {
namespace {

// getpwnam_r() wants a buffer; an entry is a line of text.
constexpr size_t kEntryBytes = 16 * 1024;

}  // namespace

std::expected<uid_t, std::string> find_user(std::string_view text) {
  uid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // The greatest one means "no user" to the kernel.
  const bool valid = error == std::errc() && number != std::numeric_limits<uid_t>::max();
  if (valid && end == text.data() + text.size()) return number;
  const std::string name(text);
  std::vector<char> buffer(kEntryBytes);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == 0 && found) {
    return found->pw_uid;
  }
  return std::unexpected("there is no user \"" + name + "\"");
}

}  // namespace icws::adapter
