"""Machines of a subnet as network namespaces: an address each, one bridge, three processes each.

Used by the scenarios beside it; needs root and iproute2. Everything is made by icws-setup as docs/deploy.md says.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(os.environ.get("ICWS_BIN") or Path(os.environ.get("BUILD_DIR", ROOT / "build")) / "bin").resolve()
SUBNET = "10.88.7"
P2P_PORT, RPC_PORT, ECHO_PORT = 26656, 26657, 9001
PAUSE_S = 0.1
GENESIS_AGE_S = 7200


class Failure(Exception):
    """What did not hold, for a person."""


def run(*command, check=True):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(str(part) for part in command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def wait_for(what, condition, deadline_s=60):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(PAUSE_S)
    raise Failure(f"waited {deadline_s} s for {what}")


class Host:
    """One machine: its namespace, its files, its processes."""

    def __init__(self, network, index):
        self.network, self.index = network, index
        self.namespace = f"{network.prefix}{index}"
        self.address = f"{SUBNET}.{index + 1}"
        self.directory = network.directory / f"host-{index}"
        self.state = self.directory / "replica"
        # A twin speaks for another replica than its place says.
        self.replica_index = index
        self.replica_program = [BIN / "icws-replica"]
        self.node_program = BIN / "cometbft"
        self.processes = {}
        self.directory.mkdir(mode=0o700)

    def spawn(self, name, *command, environment=None):
        log = open(self.directory / f"{name}.log", "ab")
        command = ["ip", "netns", "exec", self.namespace, *(str(part) for part in command)]
        self.processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                env={**os.environ, **(environment or {})})

    def start_adapter(self):
        self.spawn("adapter", BIN / "icws-adapter", "--socket", self.directory / "adapter.sock",
                   "--allow-network", f"{SUBNET}.0/24")

    def start_replica(self):
        self.spawn("replica", *self.replica_program, "--engine", "cometbft", "--index", self.replica_index,
                   "--state-dir", self.state / "state", "--socket", self.directory / "replica.sock",
                   "--abci-socket", self.directory / "abci.sock", "--adapter-socket",
                   self.directory / "adapter.sock", "--cluster", self.network.directory / "cluster.json",
                   "--key", self.directory / "key", "--canisters", "echo,feed",
                   "--node-rpc", f"127.0.0.1:{RPC_PORT}")
        wait_for(f"replica {self.index}", lambda: b"ready: " in (self.directory / "replica.log").read_bytes())

    def start_node(self, environment=None):
        self.spawn("node", self.node_program, "start", "--home", self.directory / "node", environment=environment)

    def start(self):
        self.start_adapter()
        self.start_replica()
        self.start_node()

    def kill(self, name, how=signal.SIGKILL):
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(how)
            process.wait()

    def stop(self):
        for name in ("node", "replica", "adapter"):
            self.kill(name, signal.SIGTERM)

    def ctl(self, *arguments, check=True):
        return run(BIN / "icwsctl", "--socket", self.directory / "replica.sock", "--timeout", 10, *arguments, check=check)

    def status(self):
        """{name: value} of icwsctl status; empty if the replica does not answer."""
        out = {}
        for line in self.ctl("status", check=False).splitlines():
            out[line[:16].strip()] = line[16:].strip()
        return out

    def height(self):
        return int(self.status().get("height", "0"))

    def connection(self, number):
        """{column: text} of one connection; empty if it is not there."""
        lines = self.ctl("connections", check=False).splitlines()[1:]
        for line in lines[1:]:
            row = dict(zip(lines[0].split(), line.split()))
            if row.get("id") == str(number):
                return row
        return {}

    def rpc(self, path):
        """The node's own RPC, from inside the machine."""
        text = run("ip", "netns", "exec", self.namespace, "curl", "-s", "--max-time", "5",
                   f"http://127.0.0.1:{RPC_PORT}/{path}", check=False)
        return json.loads(text).get("result", {}) if text else {}

    def app_hash(self, height):
        """What the header of the block after `height` says of the state after `height`."""
        return self.header(height + 1).get("app_hash")

    def header(self, height):
        """Of a block; empty if it is not there."""
        return self.rpc(f"block?height={height}").get("block", {}).get("header", {})


class Network:
    """The bridge, the machines on it, and a server that says the same to all."""

    def __init__(self, directory, hosts):
        self.directory = Path(directory)
        self.prefix = f"icws{os.getpid() % 10000}-"
        self.bridge = f"icwsb{os.getpid() % 10000}"
        self.hosts = []
        self.server = None
        self.wan = None
        run("ip", "netns", "add", f"{self.prefix}s")
        # The bridge lives in the server's namespace: the machine's own network stays as it is.
        self.in_server = ["ip", "-n", f"{self.prefix}s"]
        run(*self.in_server, "link", "add", self.bridge, "type", "bridge")
        run(*self.in_server, "addr", "add", f"{SUBNET}.254/24", "dev", self.bridge)
        run(*self.in_server, "link", "set", self.bridge, "up")
        run(*self.in_server, "link", "set", "lo", "up")
        for index in range(hosts):
            self.add_host(index)

    def add_host(self, index):
        host = Host(self, index)
        self.hosts.append(host)
        run("ip", "netns", "add", host.namespace)
        run(*self.in_server, "link", "add", f"h{index}", "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        run(*self.in_server, "link", "set", f"h{index}", "master", self.bridge, "up")
        run("ip", "-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
        run("ip", "-n", host.namespace, "link", "set", "eth0", "up")
        run("ip", "-n", host.namespace, "link", "set", "lo", "up")
        return host

    def set_up(self, chain_id, timeout_commit_ms=100):
        """Keys, cluster file, genesis and homes, as docs/deploy.md has them."""
        keys = [run(BIN / "icws-setup", "key", host.directory / "key") for host in self.hosts]
        for host in self.hosts:
            run(BIN / "icws-setup", "key", host.directory / "node-key")
        (self.directory / "cluster.json").write_text(
            run(BIN / "icws-setup", "cluster", "--chain-id", chain_id, *keys) + "\n")
        genesis = json.loads(run(BIN / "icws-setup", "genesis", "--cluster", self.directory / "cluster.json"))
        # A node whose clock is before this waits until then: a chain that is older than a clock can be wrong.
        genesis["genesis_time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - GENESIS_AGE_S))
        (self.directory / "genesis.json").write_text(json.dumps(genesis))
        for host in self.hosts:
            self.set_up_home(host, timeout_commit_ms)

    def set_up_home(self, host, timeout_commit_ms=100):
        """The node's files of a machine that has its keys, with all others as peers."""
        peers = []
        for other in self.hosts:
            if other is not host:
                identity = run(BIN / "icws-setup", "node-id", other.directory / "node-key")
                peers += ["--peer", f"{identity}@{other.address}:{P2P_PORT}"]
        run(BIN / "icws-setup", "home", "--home", host.directory / "node", "--cluster",
            self.directory / "cluster.json", "--genesis", self.directory / "genesis.json", "--key",
            host.directory / "key", "--node-key", host.directory / "node-key", "--moniker", f"host-{host.index}",
            "--abci-socket", host.directory / "abci.sock", "--p2p", f"{host.address}:{P2P_PORT}",
            "--timeout-commit", timeout_commit_ms, *peers)

    def add_twin(self, host):
        """A machine more that has the keys of `host` and speaks in its name."""
        twin = self.add_host(len(self.hosts))
        twin.replica_index = host.index
        shutil.copy(host.directory / "key", twin.directory / "key")
        run(BIN / "icws-setup", "key", twin.directory / "node-key")
        self.set_up_home(twin)
        return twin

    def slow_down(self, hosts, delay_ms, jitter_ms=0, loss_percent=0):
        """From now on packets between one of these machines and any other take so long."""
        ends = [f"{host.namespace}={host.address}" for host in self.hosts]
        self.wan = subprocess.Popen([sys.executable, ROOT / "tests/namespaces/slow_link.py", str(delay_ms),
                                     str(jitter_ms), str(loss_percent), *ends], stdout=subprocess.PIPE, text=True)
        if self.wan.stdout.readline() != "ready\n":
            raise Failure("slow_link.py does not begin")
        for host in self.hosts:
            run("ip", "-n", host.namespace, "link", "set", "wan0", "up")
            for other in self.hosts:
                if other is not host and (host in hosts or other in hosts):
                    run("ip", "-n", host.namespace, "route", "add", f"{other.address}/32", "dev", "wan0", "src",
                        host.address)

    def start_server(self, every_ms, message_bytes=0):
        """A server that sends every client the same numbered messages, from the first one on."""
        log = open(self.directory / "server.log", "wb")
        self.server = subprocess.Popen(
            ["ip", "netns", "exec", f"{self.prefix}s", "/usr/bin/python3", ROOT / "tests/namespaces/counter_server.py",
             f"{SUBNET}.254", str(ECHO_PORT), str(every_ms), str(message_bytes)], stdout=log, stderr=log)

    def cut(self, one_side):
        """No packet between these machines and the others; the server is reached by all."""
        for i in one_side:
            rules = "\n".join(f"add rule inet cut in ip saddr {host.address} drop"
                              for host in self.hosts if host.index not in one_side)
            self.nft(self.hosts[i], "add table inet cut\nadd chain inet cut in "
                     "{ type filter hook input priority 0; }\n" + rules)

    def heal(self, one_side):
        for i in one_side:
            self.nft(self.hosts[i], "delete table inet cut")

    @staticmethod
    def nft(host, rules):
        subprocess.run(["ip", "netns", "exec", host.namespace, "nft", "-f", "-"], input=rules, text=True, check=True)

    def close(self):
        for host in self.hosts:
            host.stop()
        for process in (self.server, self.wan):
            if process is not None:
                process.kill()
                process.wait()
        for host in self.hosts:
            run("ip", "netns", "del", host.namespace, check=False)
        run("ip", "netns", "del", f"{self.prefix}s", check=False)
