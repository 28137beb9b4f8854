#include "tools/key_file.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace icws::tools {
namespace {

constexpr size_t kSeedBytes = 32;

std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes out;
  for (size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit(text[i]);
    const auto low = digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    out.push_back(static_cast<char>(*high << 4 | *low));
  }
  return out;
}

std::expected<Bytes, std::string> read_key_file(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return std::unexpected("cannot read the key file " + file.string());
  if ((status.st_mode & 077) != 0) {
    return std::unexpected("others can read the key file " + file.string() + ": chmod 600 it");
  }
  std::ifstream in(file);
  std::string text;
  in >> text;
  auto seed = from_hex(text);
  if (!seed || seed->size() != kSeedBytes) {
    return std::unexpected("the key file " + file.string() + " does not hold 64 hexadecimal digits");
  }
  return std::move(*seed);
}

Bytes create_key_file(const std::filesystem::path& file) {
  Bytes seed(kSeedBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) != 1) {
    throw std::runtime_error("no random numbers");
  }
  const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out < 0) throw std::system_error(errno, std::generic_category(), file.string());
  const std::string text = to_hex(seed) + "\n";
  const ssize_t put = ::write(out, text.data(), text.size());
  ::close(out);
  if (put != static_cast<ssize_t>(text.size())) throw std::runtime_error("cannot write " + file.string());
  return seed;
}

}  // namespace icws::tools
