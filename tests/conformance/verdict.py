"""Judges what Autobahn's fuzzing server found, and writes it down."""
import collections
import json

GROUPS = {
    1: "framing", 2: "pings and pongs", 3: "reserved bits", 4: "opcodes", 5: "fragmentation", 6: "UTF-8",
    7: "closing", 9: "large messages, many messages", 10: "automatic fragmentation",
    12: "compression, payloads and sizes", 13: "compression, parameters",
}
GOOD = ("OK", "INFORMATIONAL")
# A client that does not offer compression: nothing was tested, and nothing is wrong.
NOT_OFFERED = "UNIMPLEMENTED"
COMPRESSION_GROUPS = (12, 13)


class Verdict:
    """What the cases of one agent came to."""

    def __init__(self, index, agent):
        self.results = index.get(agent, {})

    def faults(self):
        """Lines for a person, one for each case that is not as it must be."""
        if not self.results:
            return ["no case was run"]
        return [f"{case}: {result['behavior']}, close {result['behaviorClose']} ({result['remoteCloseCode']})"
                for case, result in sorted(self.results.items(), key=lambda item: number(item[0]))
                if not good(case, result)]

    def rows(self):
        """(group, cases, Counter of behaviours, Counter of close behaviours), by group."""
        groups = collections.defaultdict(list)
        for case, result in self.results.items():
            groups[number(case)[0]].append(result)
        return [(group, len(results), collections.Counter(r["behavior"] for r in results),
                 collections.Counter(r["behaviorClose"] for r in results))
                for group, results in sorted(groups.items())]

    def table(self):
        """Markdown."""
        lines = ["| group | | cases | OK | informational | non-strict | failed | not offered |",
                 "|---|---|---|---|---|---|---|---|"]
        for group, count, behaviours, closes in self.rows():
            bad = sum(n for name, n in (behaviours + closes).items()
                      if name not in GOOD + ("NON-STRICT", NOT_OFFERED))
            lines.append(f"| {group} | {GROUPS.get(group, '')} | {count} | {behaviours['OK']} | "
                         f"{behaviours['INFORMATIONAL']} | {behaviours['NON-STRICT']} | {bad} | "
                         f"{behaviours[NOT_OFFERED]} |")
        return "\n".join(lines)


def number(case):
    return tuple(int(part) for part in case.split("."))


def good(case, result):
    if result["behavior"] == NOT_OFFERED:
        return number(case)[0] in COMPRESSION_GROUPS
    return result["behavior"] in GOOD and result["behaviorClose"] in GOOD


def load(path, agent):
    with open(path) as file:
        return Verdict(json.load(file), agent)
