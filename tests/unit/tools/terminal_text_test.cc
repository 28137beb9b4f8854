#include "tools/terminal_text.h"

#include <gtest/gtest.h>

namespace icws::tools {
namespace {

TEST(TerminalText, LeavesTextAndEscapesWhatMovesTheCursor) {
  EXPECT_EQ(terminal_text("plain \xc3\xa9"), "plain \xc3\xa9");
  EXPECT_EQ(terminal_text("\x1b[2J\r\n\t\x7f\\"), "\\x1b[2J\\x0d\\n\\t\\x7f\\\\");
  EXPECT_EQ(terminal_text("\xc2\x9b"), "\\xc2\\x9b");
}

TEST(TerminalText, CutsAtACharacter) {
  EXPECT_EQ(terminal_text("abcdef", 6), "abcdef");
  EXPECT_EQ(terminal_text("abcdefg", 6), "abc...");
  EXPECT_EQ(terminal_text("ab\xc3\xa9xyz", 6), "ab...");
}

TEST(TextTable, AlignsColumns) {
  TextTable table;
  table.row({"a", "bb"});
  table.row({"ccc", "d"});
  EXPECT_EQ(table.format(" "), " a    bb\n ccc  d\n");
}

}  // namespace
}  // namespace icws::tools
