#include "ws/utf8.h"

#include <cstring>

namespace icws::ws {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080u;

uint64_t load(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Two words at a time, in a register that every x86-64 and arm64 has.
using Words = uint64_t __attribute__((vector_size(16)));

Words load_words(const char* at) {
  Words words;
  std::memcpy(&words, at, sizeof words);
  return words;
}

// How many bytes from `at` are skipped as ASCII: a multiple of 8, so that the last few may still be ASCII.
const char* skip_ascii(const char* at, const char* end) {
  while (end - at >= 64) {
    const Words all = load_words(at) | load_words(at + 16) | load_words(at + 32) | load_words(at + 48);
    if (((all[0] | all[1]) & kHighBits) != 0) break;
    at += 64;
  }
  while (end - at >= 8 && (load(at) & kHighBits) == 0) at += 8;
  return at;
}

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

}  // namespace

bool Utf8Validator::begin(unsigned char lead) {
  low_ = 0x80;
  high_ = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    left_ = 1;
  } else if ((lead & 0xF0) == 0xE0) {
    left_ = 2;
    if (lead == 0xE0) low_ = 0xA0;   // less is overlong
    if (lead == 0xED) high_ = 0x9F;  // more is a surrogate
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    left_ = 3;
    if (lead == 0xF0) low_ = 0x90;   // less is overlong
    if (lead == 0xF4) high_ = 0x8F;  // more is above U+10FFFF
  } else {
    failed_ = true;
  }
  return !failed_;
}

bool Utf8Validator::feed(BytesView piece) {
  if (failed_) return false;
  const char* at = piece.data();
  const char* const end = at + piece.size();
  while (at != end) {
    const auto byte = static_cast<unsigned char>(*at);
    if (left_ > 0) {
      if (byte < low_ || byte > high_) {
        failed_ = true;
        return false;
      }
      low_ = 0x80;
      high_ = 0xBF;
      --left_;
      ++at;
    } else if (byte < 0x80) {
      const char* const skipped = skip_ascii(at, end);
      at = skipped == at ? at + 1 : skipped;
    } else if (end - at >= 3 && byte > 0xE0 && byte < 0xED &&
               is_continuation(static_cast<unsigned char>(at[1])) &&
               is_continuation(static_cast<unsigned char>(at[2]))) {
      at += 3;  // most of the world's scripts: worth a path of its own
    } else {
      if (!begin(byte)) return false;
      ++at;
    }
  }
  return true;
}

bool utf8_valid(BytesView text) {
  const char* const end = text.data() + text.size();
  const char* const at = skip_ascii(text.data(), end);
  if (at == end) return true;
  // The last few bytes, read again with those before them.
  if (end - at < 8 && text.size() >= 8 && (load(end - 8) & kHighBits) == 0) return true;
  Utf8Validator validator;
  return validator.feed(BytesView(at, static_cast<size_t>(end - at))) && validator.complete();
}

}  // namespace icws::ws
