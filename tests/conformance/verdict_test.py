#!/usr/bin/env python3
"""The judge of the conformance run must be able to say no."""
import unittest

import verdict


def result(behavior, close="OK"):
    return {"behavior": behavior, "behaviorClose": close, "remoteCloseCode": 1000}


class VerdictTest(unittest.TestCase):
    def faults(self, results):
        return verdict.Verdict({"icws": results}, "icws").faults()

    def test_takes_what_is_right(self):
        self.assertEqual([], self.faults({"1.1.1": result("OK"), "7.1.6": result("INFORMATIONAL", "INFORMATIONAL"),
                                          "12.1.1": result("UNIMPLEMENTED")}))

    def test_refuses_what_is_not(self):
        for bad in (result("FAILED"), result("NON-STRICT"), result("OK", "UNCLEAN"), result("OK", "WRONG CODE"),
                    result("OK", "FAILED BY CLIENT"), result("UNIMPLEMENTED")):
            self.assertEqual(1, len(self.faults({"1.1.1": result("OK"), "1.1.2": bad})), bad)

    def test_refuses_an_empty_run(self):
        self.assertEqual(1, len(self.faults({})))
        self.assertEqual(1, len(verdict.Verdict({"other": {"1.1.1": result("OK")}}, "icws").faults()))

    def test_orders_cases_by_number(self):
        faults = self.faults({"10.1.1": result("FAILED"), "2.10": result("FAILED"), "2.9": result("FAILED")})
        self.assertEqual(["2.9", "2.10", "10.1.1"], [fault.split(":")[0] for fault in faults])

    def test_counts_in_its_table(self):
        table = verdict.Verdict({"icws": {"1.1.1": result("OK"), "1.1.2": result("FAILED")}}, "icws").table()
        self.assertIn("| 1 | framing | 2 | 1 | 0 | 0 | 1 | 0 |", table)


if __name__ == "__main__":
    unittest.main()
