// UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace icws::ws {

// What: checks UTF-8 that comes in pieces, and fails at the first byte that no valid text can contain there.
// Thread-safety: none. A value, 4 bytes.
// After a failure: reset() only.
class Utf8Validator {
 public:
  // False if the text so far, with `piece`, is the beginning of no valid text.
  bool feed(BytesView piece);
  // True if the text may end here: no code point is unfinished.
  bool complete() const { return left_ == 0; }
  void reset() { *this = Utf8Validator(); }

 private:
  bool begin(unsigned char lead);

  // Continuation bytes that the current code point still needs, 0..3.
  uint8_t left_ = 0;
  // The range of the next one: narrower than 80..BF after E0, ED, F0 and F4.
  uint8_t low_ = 0x80;
  uint8_t high_ = 0xBF;
  bool failed_ = false;
};

// True if `text` is whole and valid.
bool utf8_valid(BytesView text);

}  // namespace icws::ws
