#!/usr/bin/python3
"""A subnet over four machines under faults, in network namespaces: faults.py [SCENARIO...]. Needs root.

Each scenario runs on a fresh subnet while a server sends 50 messages a second, and ends with the same checks: every
machine has one gapless transcript with one head, and one app hash. Status 77: it cannot run here, and why.
"""
import datetime
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from hosts import BIN, ECHO_PORT, ROOT, SUBNET, Failure, Network, wait_for

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
        for host in self.hosts[:HOSTS]:
            text = host.ctl("transcript", "follow", 1, "--from", 1, "--count", count)
            numbers = [int(number) for number in re.findall(r"message (\d+)\b", text)]
            if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                raise Failure(f"host {host.index}: the transcript has gaps or repetitions: {numbers[:50]}")
            transcripts.add(tuple(numbers))
        if len(transcripts) != 1:
            raise Failure("the transcripts differ")
        height = min(host.height() for host in self.hosts[:HOSTS]) - 2
        hashes = {wait_for("a header", lambda host=host: host.app_hash(height)) for host in self.hosts[:HOSTS]}
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
    """50 ms more from one machine to the others and back, 10 ms of jitter, 1 % lost."""
    if not os.path.exists("/dev/net/tun"):
        raise Skipped("this kernel has no TUN devices")
    subnet.network.slow_down([subnet.hosts[2]], 50, 10, 1)
    subnet.progress("all to go on", range(HOSTS), 300)


def clocks_apart(subnet):
    """One clock is an hour ahead, one an hour behind: blocks have the time of the others, and nothing times out."""
    skewed = BIN / "cometbft-skewed"
    built = subprocess.run([ROOT / "tests/namespaces/skewed-node", skewed], check=False)
    if built.returncode != 0:
        raise Skipped("tests/namespaces/skewed-node cannot build the node")
    for host, skew in zip(subnet.hosts, ("1h", "-1h")):
        host.kill("node")
        host.node_program = skewed
        host.start_node({"ICWS_CLOCK_SKEW": skew})
        subnet.progress(f"host {host.index} with a wrong clock", (host.index,), 50)
    subnet.progress("all to go on", range(HOSTS), 200)
    header = subnet.hosts[2].header(subnet.hosts[2].height())
    apart = abs(datetime.datetime.fromisoformat(header["time"][:19] + "+00:00").timestamp() - time.time())
    if apart > 30:
        raise Failure(f"the newest block's time is {apart:.0f} s from ours: {header['time']}")


def twin(subnet):
    """A second machine with the keys of host 3 votes against what host 3 votes for: all say whose votes these are."""
    other = subnet.network.add_twin(subnet.hosts[3])
    other.replica_program = [BIN / "icws-replica-byzantine", "refuse-blocks"]
    other.start()
    wait_for("hosts 0 to 2 to name replica 3", lambda: all(
        "DOUBLE_VOTE: replica 3" in subnet.hosts[i].ctl("status", check=False) for i in range(3)), 120)
    other.stop()
    subnet.progress("all to go on", range(HOSTS), 50)


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
    kills_in_turn, partition_in_halves, partition_three_to_one, away_for_a_minute, slow_links, clocks_apart, twin,
    disk_full)}


def cannot_run():
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    for tool in ("ip", "nft", "curl"):
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
                for host in subnet.hosts:
                    host.stop()
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
