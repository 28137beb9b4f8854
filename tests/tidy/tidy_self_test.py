#!/usr/bin/env python3
"""Plants one violation of each rule in a temporary tree: a check that cannot fail checks nothing."""
import tempfile
import unittest
from pathlib import Path

import tidy

READMES = [f"{folder}/README.md" for folder in tidy.LEVELS if folder != "src/engine"]


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for readme in READMES:
            self.plant(readme, "# A module\n")

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def rules(self):
        return [finding.rule for finding in tidy.check(self.root)]

    def test_accepts_a_clean_tree(self):
        self.plant("src/ws/a.cc", '#include "base/bytes.h"\n#include <boost/asio.hpp>\n// sleep_for is banned\n')
        self.plant("adapter/b.cc", '#include "ws/a.h"\nauto c = co_await read(stream, buffer);\n')
        self.plant("tests/unit/c.cc", '#include "tools/x.h"\n#include <boost/beast/websocket.hpp>\n')
        self.assertEqual(self.rules(), [])

    def test_finds_banned_words(self):
        self.plant("src/ws/a.cc", "std::this_thread::sleep_for(x);\n")
        self.plant("src/ws/b.cc", "std::random_device d;\n")
        self.plant("src/ws/c.cc", "auto t = Clock::now();\n")
        self.plant("tests/d.py", "# FIX" + "ME later\n")
        self.assertEqual(sorted(self.rules()), ["clock", "randomness", "sleep", "unfinished"])

    def test_finds_upward_includes(self):
        self.plant("src/base/a.h", '#include "ws/decoder.h"\n')
        self.plant("src/replica/b.h", '#include "adapter/x.h"\n')
        self.plant("examples/c.h", '#include "engine/local/x.h"\n')
        self.plant("src/agreement/d.h", '#include "tests/support/x.h"\n')
        self.assertEqual(self.rules(), ["level"] * 4)

    def test_finds_beasts_websocket(self):
        self.plant("adapter/a.cc", "#include <boost/beast/websocket/stream.hpp>\n")
        self.assertEqual(self.rules(), ["beast-websocket"])

    def test_finds_long_files(self):
        self.plant("src/ws/a.cc", "\n" * 600)
        self.assertEqual(self.rules(), [])
        self.plant("src/ws/a.cc", "\n" * 601)
        self.assertEqual(self.rules(), ["length"])

    def test_finds_traps_of_coroutines(self):
        self.plant("adapter/a.cc", "co_await co_spawn(ex,\n    [s]() { return f(s); }, token);\n")
        self.plant("adapter/b.cc", "co_await (x ? f() : g());\n")
        self.plant("adapter/c.cc", "co_await write(Frame{.opcode = 1});\n")
        self.assertEqual(self.rules(), ["coroutine"] * 3)

    def test_leaves_named_lambdas_and_subscripts_alone(self):
        self.plant("adapter/a.cc", "co_await co_spawn(ex, std::move(task), token);\nauto l = [s] { f(s); };\n")
        self.plant("adapter/b.cc", "co_await read(buffers[i], [] { return 1; });\n")
        self.assertEqual(self.rules(), [])

    def test_finds_missing_and_long_readmes(self):
        (self.root / "src/ws/README.md").unlink()
        self.plant("src/base/README.md", "\n" * 41)
        (self.root / "src/engine/local").mkdir(parents=True)
        self.assertEqual(self.rules(), ["readme"] * 3)

    def proto_lines(self, text):
        self.plant("proto/a.proto", text)
        return [finding.line for finding in tidy.check(self.root) if finding.rule == "proto-comment"]

    def test_accepts_a_proto_whose_every_name_has_a_comment(self):
        self.assertEqual(self.proto_lines("""// The file; this is nobody's comment.
syntax = "proto3";
option optimize_for = SPEED;
import "other;{.proto";

// A service.
service S {
  // An rpc over two lines.
  rpc Call(A)
      returns (stream A);
  rpc Other(A) returns (A) {}  // Behind.
}
// A message.
message A {
  reserved 4, 5;
  // "Quoted" { first; second = 2.
  repeated uint64 x = 1;
  map<string, B> y = 2 [deprecated = true];  // Behind.
  oneof what {  // Behind.
    // A case.
    B z = 3;
  }
}
message B {}  // Behind.
// An enum.
enum E {
  // Its zero.
  E_UNSPECIFIED = 0;
}
"""), [])

    def test_finds_names_without_a_comment_in_a_proto(self):
        self.assertEqual(self.proto_lines("""service S {
  rpc Call(A) returns (A);
}

// Not directly above.

message A {
  uint64 x = 1;  // Of x alone.
  uint64 y = 2;
  //
  repeated B z = 3;
  // Of the oneof alone.
  oneof what { B u = 4; }
  // Of the first alone.
  uint64 v = 5; uint64 w = 6;
}
message B { uint64 x = 1; }  // Of neither.
enum E {
  E_UNSPECIFIED = 0;
}
"""), [1, 2, 7, 9, 11, 13, 15, 17, 17, 18, 19])

    def test_finds_constants_that_no_code_has(self):
        self.plant("src/ws/a.h", "constexpr int kKnown = 1;\n// kOnlySaid\n")
        self.plant("proto/a.proto", "// At most 1 (kKnown).\nmessage A {}\n// At most 2 (kOnlySaid).\nmessage B {}\n")
        self.plant("proto/a.did", "type a = nat; // kKnown, kGone\n")
        self.assertEqual([(f.rule, f.path, f.line) for f in tidy.check(self.root)],
                         [("constant", "proto/a.did", 1), ("constant", "proto/a.proto", 3)])

    def test_applies_the_rules_of_text_to_a_proto(self):
        self.plant("proto/icws/a.proto", "// FIX" + "ME later\n" + "\n" * 600)
        self.assertEqual(self.rules(), ["length", "unfinished"])

    def test_allows_what_the_list_names(self):
        self.plant("adapter/x/a.cc", "auto t = Clock::now();\n")
        self.plant("tests/tidy/allow.txt", "# why\nclock adapter/ # the shell\n")
        self.assertEqual(self.rules(), [])
        self.plant("tests/tidy/allow.txt", "sleep adapter/\n")
        self.assertEqual(self.rules(), ["clock"])


if __name__ == "__main__":
    unittest.main()
