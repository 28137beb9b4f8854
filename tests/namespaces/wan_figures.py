#!/usr/bin/python3
"""A subnet over a wide-area network, measured: wan_figures.py [--hosts N] [--delay MS] [--seconds S]. Needs root.

N machines in network namespaces of this one, MS milliseconds from each to each other, one connection whose server says
128 bytes 50 times a second to all, S seconds in each state. Prints block intervals, latency, and what goes over the wire.
"""
import argparse
import datetime
import json
import os
import re
import sys
import tempfile
import time

from hosts import ECHO_PORT, SUBNET, Network, run, wait_for

EVERY_MS = 20
MESSAGE_BYTES = 128
PAGE = 20


def nanoseconds(text):
    """Of a header's time."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0") or 0)


def gather(host, milliseconds):
    """Sets the two pauses of a node's configuration."""
    path = host.directory / "node/config/config.toml"
    path.write_text(re.sub(r'(flush_throttle_timeout|peer_gossip_sleep_duration) = "\d+ms"',
                           rf'\1 = "{milliseconds}ms"', path.read_text()))


def percentile(values, percent):
    return sorted(values)[(len(values) - 1) * percent // 100]


class Figures:
    def __init__(self, network):
        self.network, self.first = network, network.hosts[0]

    def wire_bytes(self):
        """What all machines have sent to each other."""
        return sum(json.loads(run("ip", "-n", host.namespace, "-s", "-j", "link", "show", "wan0"))[0]["stats64"]["tx"]["bytes"]
                   for host in self.network.hosts)

    def blocks(self, low, high):
        """(intervals in ms, bytes) of the blocks of these heights."""
        metas = {}
        for at in range(low, high + 1, PAGE):
            page = self.first.rpc(f"blockchain?minHeight={at}&maxHeight={min(high, at + PAGE - 1)}")
            metas.update({int(one["header"]["height"]): one for one in page["block_metas"]})
        times = [nanoseconds(metas[height]["header"]["time"]) for height in sorted(metas)]
        return ([(b - a) / 1e6 for a, b in zip(times, times[1:])],
                sum(int(one["block_size"]) for one in metas.values()))

    def measure(self, what, seconds):
        begin, low, sent = time.monotonic(), self.first.height() + 1, self.wire_bytes()
        entries = int(self.first.connection(1).get("entries", "0"))
        time.sleep(seconds)
        sent = self.wire_bytes() - sent
        high, took = self.first.height(), time.monotonic() - begin
        messages = int(self.first.connection(1).get("entries", "0")) - entries
        intervals, size = self.blocks(low, high)
        hosts, count = len(self.network.hosts), high - low + 1
        print(f"{what}: interval p50 {percentile(intervals, 50):.0f} ms, p99 {percentile(intervals, 99):.0f} ms; "
              f"{size // count} B a block; each machine sends {sent // hosts // count} B a block, "
              f"{sent / hosts / took / 1000:.0f} kB/s; {messages / took:.0f} messages/s, "
              f"latency {self.first.status().get('latency', 'none')}", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosts", type=int, default=4)
    options.add_argument("--delay", type=float, default=50, help="one way, milliseconds")
    options.add_argument("--seconds", type=int, default=20)
    options.add_argument("--mode", default="ordered")
    options.add_argument("--gossip", type=int, help="milliseconds that nodes gather what they send, in place of icws-setup's")
    given = options.parse_args()
    print(f"{given.hosts} machines, {given.delay:g} ms one way, mode {given.mode}, {os.cpu_count()} cores for all of them")
    with tempfile.TemporaryDirectory(prefix="icws-wan-") as directory:
        network = Network(directory, given.hosts)
        try:
            network.set_up("wan-chain", timeout_commit_ms=max(100, round(3 * given.delay)))
            if given.gossip is not None:
                for host in network.hosts:
                    gather(host, given.gossip)
            network.start_server(EVERY_MS, MESSAGE_BYTES)
            network.slow_down(network.hosts, given.delay)
            for host in network.hosts:
                host.start()
            wait_for("the first blocks", lambda: all(host.height() > 5 for host in network.hosts), 180)
            figures = Figures(network)
            figures.measure("idle", given.seconds)
            network.hosts[0].ctl("call", "echo", "open",
                                 f'{{"url": "ws://{SUBNET}.254:{ECHO_PORT}/", "mode": "{given.mode}"}}')
            wait_for("the first messages", lambda: int(network.hosts[0].connection(1).get("entries", "0")) > 10)
            figures.measure("50 messages/s", given.seconds)
        finally:
            network.close()


if __name__ == "__main__":
    sys.exit(main())
