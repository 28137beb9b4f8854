// A replica's private key on disk: 32 bytes in hexadecimal, in a file that only its owner can read.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace icws::tools {

// Empty unless `text` is an even number of hexadecimal digits.
std::optional<Bytes> from_hex(std::string_view text);

// The seed, or a sentence that says what is wrong: a file that others can read is refused.
std::expected<Bytes, std::string> read_key_file(const std::filesystem::path& file);
// A fresh random seed in a new file of mode 0600. Throws std::system_error.
Bytes create_key_file(const std::filesystem::path& file);

}  // namespace icws::tools
