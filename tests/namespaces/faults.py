#!/usr/bin/python3
"""A subnet over four machines under faults, in network namespaces: faults.py [SCENARIO...]. Needs root.

Each scenario runs on a fresh subnet while a server sends 50 messages a second, and ends with the same checks: every
machine has one gapless transcript with one head, and one app hash. Status 77: it cannot run here, and why.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from hosts import BIN, ECHO_PORT, SUBNET, Failure, Network, wait_for

HOSTS = 4
EVERY_MS = 20


def say(text):
    print(f"faults: {text}", flush=True)


class Skipped(Exception):
    """Why a scenario cannot run here."""


class Subnet:
    """Four machines with one open connection that counts."""

    def __init__(self, directory):
        self.network = Network(directory, HOSTS)
        self.hosts = self.network.hosts

    def begin(self, mode="ordered"):
        self.network.set_up("faults-chain")
        self.network.start_server(EVERY_MS)
        for host in self.hosts:
            host.start()
        wait_for("the first blocks", lambda: all(host.height() > 2 for host in self.hosts))
        self.hosts[0].ctl("call", "echo", "open",
                          f'{{"url": "ws://{SUBNET}.254:{ECHO_PORT}/", "mode": "{mode}"}}')
        self.progress("the first messages", range(HOSTS), 20)

    def messages(self, index):
        return int(self.hosts[index].connection(1).get("entries", "0"))

    def progress(self, what, indices, more):
        """Each of these machines agrees on so many messages more."""
        before = {i: self.messages(i) for i in indices}
        wait_for(what, lambda: all(self.messages(i) >= before[i] + more for i in indices), 90)

    def stands_still(self, indices, seconds=3):
        # What was decided just before the cut may still arrive.
        time.sleep(1)
        before = [self.hosts[i].height() for i in indices]
        time.sleep(seconds)
        after = [self.hosts[i].height() for i in indices]
        if before != after:
            raise Failure(f"blocks without a quorum: {before} became {after}")

    def check(self):
        """One transcript without gaps or repetitions, one head, one app hash, on all machines."""
        self.progress("messages at the end", range(HOSTS), 50)
        count = min(self.messages(i) for i in range(HOSTS))
        transcripts = set()
        for host in self.hosts:
            text = host.ctl("transcript", "follow", 1, "--from", 1, "--count", count)
            numbers = [int(number) for number in re.findall(r"message (\d+)\b", text)]
            if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                raise Failure(f"host {host.index}: the transcript has gaps or repetitions: {numbers[:50]}")
            transcripts.add(tuple(numbers))
        if len(transcripts) != 1:
            raise Failure("the transcripts differ")
        height = min(host.height() for host in self.hosts) - 2
        hashes = {wait_for("a header", lambda host=host: host.app_hash(height)) for host in self.hosts}
        if len(hashes) != 1:
            raise Failure(f"app hashes differ at {height}: {hashes}")
        say(f"  {len(next(iter(transcripts)))} messages, one transcript, one app hash at height {height}")


def away_for_a_minute(subnet):
    """One of four machines is away for a minute, comes back, and takes part again."""
    subnet.hosts[3].kill("node")
    subnet.hosts[3].kill("replica")
    say("  host 3 is off")
    subnet.progress("three to go on", (0, 1, 2), 200)
    time.sleep(int(os.environ.get("ICWS_AWAY_SECONDS", "60")))
    subnet.hosts[3].start_replica()
    subnet.hosts[3].start_node()
    say("  host 3 is back")
    wait_for("host 3 to catch up", lambda: subnet.hosts[3].height() + 20 > subnet.hosts[0].height(), 120)


def partition_in_halves(subnet):
    """2|2: nobody decides; healed: all go on."""
    subnet.network.cut((0, 1))
    subnet.stands_still(range(HOSTS))
    subnet.network.heal((0, 1))
    subnet.progress("all to go on", range(HOSTS), 50)


def partition_three_to_one(subnet):
    """3|1: the three go on, the one stands still and catches up."""
    subnet.network.cut((3,))
    subnet.progress("three to go on", (0, 1, 2), 100)
    subnet.stands_still((3,))
    subnet.network.heal((3,))
    wait_for("host 3 to catch up", lambda: subnet.hosts[3].height() + 20 > subnet.hosts[0].height(), 120)


def kills_in_turn(subnet):
    """kill -9 of node, replica and both, on one machine after the other."""
    for host in subnet.hosts:
        host.kill("node")
        host.start_node()
        subnet.progress(f"host {host.index} after its node died", (host.index,), 20)
        host.kill("replica")
        host.kill("node")
        host.start_replica()
        host.start_node()
        subnet.progress(f"host {host.index} after its replica died", (host.index,), 20)


def slow_links(subnet):
    """50 ms more from one machine to the others, 10 ms of jitter, 1 % lost."""
    netem = ["tc", "-n", subnet.hosts[2].namespace, "qdisc", "add", "dev", "eth0", "root", "netem",
             "delay", "50ms", "10ms", "loss", "1%"]
    if subprocess.run(netem, capture_output=True, check=False).returncode != 0:
        raise Skipped("this kernel has no netem")
    subnet.progress("all to go on", range(HOSTS), 100)


def disk_full(subnet):
    """One machine's state is on a disk that fills up: it ends, the others go on; with room it comes back."""
    host = subnet.hosts[1]
    host.kill("node")
    host.kill("replica")
    small = host.directory / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", small], check=True)
    try:
        shutil.copytree(host.state, small / "replica")
        host.state = small / "replica"
        host.start_replica()
        host.start_node()
        subnet.progress("host 1 on the small disk", (1,), 20)
        with open(small / "ballast", "wb") as ballast:
            try:
                while True:
                    ballast.write(bytes(65536))
                    ballast.flush()
            except OSError:
                say("  the disk of host 1 is full")
        wait_for("replica 1 to end", lambda: host.processes["replica"].poll() is not None, 120)
        subnet.progress("three to go on", (0, 2, 3), 100)
        (small / "ballast").unlink()
        host.kill("node")
        host.kill("replica")
        host.start_replica()
        host.start_node()
        wait_for("host 1 to catch up", lambda: host.height() + 20 > subnet.hosts[0].height(), 120)
        subnet.check()
    finally:
        host.stop()
        subprocess.run(["umount", small], check=True)


SCENARIOS = {function.__name__: function for function in (
    kills_in_turn, partition_in_halves, partition_three_to_one, away_for_a_minute, slow_links, disk_full)}


def cannot_run():
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    for tool in ("ip", "nft", "tc", "curl"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    if not (BIN / "cometbft").is_file():
        return "there is no cometbft: run scripts/install-cometbft"
    if subprocess.run(["ip", "netns", "list"], capture_output=True, check=False).returncode != 0:
        return "no network namespaces here"
    return None


def main():
    why = cannot_run()
    if why:
        print(f"faults: skipped: {why}")
        return 77
    failed = []
    for name in sys.argv[1:] or SCENARIOS:
        say(name + ": " + SCENARIOS[name].__doc__)
        with tempfile.TemporaryDirectory(prefix="icws-ns-") as directory:
            subnet = Subnet(directory)
            try:
                subnet.begin()
                SCENARIOS[name](subnet)
                if name != "disk_full":
                    subnet.check()
            except Skipped as reason:
                say(f"  skipped: {reason}")
            except (Failure, subprocess.CalledProcessError) as error:
                say(f"  FAILED: {error}")
                failed.append(name)
                kept = f"{tempfile.gettempdir()}/icws-faults-{name}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(directory, kept, ignore=shutil.ignore_patterns("*.sock", "key", "*-key*"))
                say(f"  logs are in {kept}")
            finally:
                subnet.network.close()
    say("all held" if not failed else f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
