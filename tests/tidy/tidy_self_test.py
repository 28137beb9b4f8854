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

    def test_allows_what_the_list_names(self):
        self.plant("adapter/x/a.cc", "auto t = Clock::now();\n")
        self.plant("tests/tidy/allow.txt", "# why\nclock adapter/ # the shell\n")
        self.assertEqual(self.rules(), [])
        self.plant("tests/tidy/allow.txt", "sleep adapter/\n")
        self.assertEqual(self.rules(), ["clock"])


if __name__ == "__main__":
    unittest.main()
