// Text from outside, made safe for a terminal: what a server sent must not move the cursor.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace icws::tools {

// UTF-8 stays; control characters (C0, DEL, C1) and a backslash become \xNN, \n, \t, \\.
std::string terminal_text(BytesView text);
// As terminal_text, at most `width` bytes, with "..." where it was cut.
std::string terminal_text(BytesView text, size_t width);

// Columns padded to their widest cell, two spaces between; no space at a line's end.
class TextTable {
 public:
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string format(std::string_view indent = {}) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace icws::tools
