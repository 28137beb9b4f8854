"""A Debian with its systemd, booted in namespaces of its own: what scripts/test-package-systemd and test-node-systemd share.

Needs root and debootstrap. Nothing of the machine itself is touched: file system, processes, network and cgroup are the
namespaces'. run_test() is a script's whole main: its statuses are 0 (all as it should be), 1 (something was not) and
77 (it cannot run here, and the last line says why).
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
DEADLINE_S = 30
SKIPPED = 77
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
NAME = Path(sys.argv[0]).name

# What a container manager does before it starts init. /proc/sys and /sys are the machine's: to be read only.
BOOT = r"""
set -e
tree="$1"
mount --make-rprivate /
cgroups="$(mktemp -d)"
mount -t cgroup2 none "$cgroups"
mkdir -p "$cgroups/$2"
echo $$ >"$cgroups/$2/cgroup.procs"
umount "$cgroups"
rmdir "$cgroups"
exec unshare --fork --kill-child --pid --cgroup --net --uts --ipc --mount bash -ec '
tree="$1"
mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount --bind "$tree/proc/sys" "$tree/proc/sys"
mount -o remount,ro,bind "$tree/proc/sys"
mount -t sysfs -o ro sysfs "$tree/sys"
mount -t tmpfs -o mode=755 tmpfs "$tree/sys/fs/cgroup"
mount -t cgroup2 none "$tree/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$tree/run"
mount -t tmpfs -o mode=755 tmpfs "$tree/dev"
for device in null zero full random urandom tty; do
  touch "$tree/dev/$device"
  mount --bind "/dev/$device" "$tree/dev/$device"
done
mkdir "$tree/dev/pts" "$tree/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$tree/dev/pts"
mount -t tmpfs tmpfs "$tree/dev/shm"
ln -s pts/ptmx "$tree/dev/ptmx"
ip link set lo up
exec env -i container=icws-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-syslog \
  chroot "$tree" /lib/systemd/systemd --system
' boot "$tree"
"""


class Failed(Exception):
    """What was not as it should be."""


class CannotRun(Exception):
    """What this machine lacks."""


def run(*command, good=True, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if good and done.returncode != 0:
        raise Failed(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + (done.stderr if not good else "")


def expect(what, truth):
    print(f"{NAME}: {'ok' if truth else 'FAILED'}: {what}", flush=True)
    if not truth:
        raise Failed(what)


def wait_for(what, condition, deadline_s=DEADLINE_S):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if condition():
            expect(what, True)
            return
        time.sleep(0.05)
    expect(f"{what}, within {deadline_s} s", False)


def chroot(tree, *command):
    return run("chroot", str(tree), *command, env=CLEAN)


def bootstrap(tree):
    if (tree / "lib/systemd/systemd").exists():
        return
    done = subprocess.run(["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", SUITE, str(tree),
                           MIRROR], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"debootstrap: {done.stdout.strip().splitlines()[-1:]}")


def install(tree, *packages):
    """From the archive, with what they depend on and nothing else; no systemd runs."""
    if Path("/etc/resolv.conf").exists():
        shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    chroot(tree, "apt-get", "update")
    chroot(tree, "apt-get", "install", "--yes", "--no-install-recommends", *packages)


class Machine:
    """The booted tree."""

    def __init__(self, tree):
        self.tree = tree
        self.cgroup = f"icws-test-{os.getpid()}"
        self.boot()

    def boot(self):
        self.process = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", BOOT, "boot", str(self.tree), self.cgroup],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.init = None
        end = time.monotonic() + DEADLINE_S
        state = ""
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise CannotRun(f"systemd does not boot: {self.process.stderr.read().strip()[-300:]}")
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
                self.init = children[0]
                state = self.inside("systemctl", "is-system-running", good=False).strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.1)
        self.stop()
        raise CannotRun(f"systemd does not boot: {state or 'it does not start'}")

    def inside(self, *command, good=True):
        return run("nsenter", "--target", self.init, "--all", "--root", "--wd", "env", "-i",
                   *(f"{name}={value}" for name, value in CLEAN.items()), *command, good=good)

    def path(self, inside):
        return f"/proc/{self.init}/root{inside}"

    def show(self, unit, name):
        return self.inside("systemctl", "show", "--property", name, "--value", unit).strip()

    def program(self, *command, **options):
        """A program of this machine, on the booted one's network."""
        return subprocess.Popen(["nsenter", "--target", self.init, "--net", *command], text=True, **options)

    def edit(self, inside, change):
        """The text that was there before `change`, a function of it."""
        path = Path(self.path(inside))
        before = path.read_text(encoding="utf-8")
        path.write_text(change(before), encoding="utf-8")
        return before

    def main_pid(self, service):
        return self.show(service, "MainPID")

    def active(self, unit):
        return self.show(unit, "ActiveState") == "active"

    def journal(self, unit):
        return self.inside("journalctl", "--no-pager", "--output=cat", "--unit", unit)

    def signal(self, service, name):
        self.inside("systemctl", "kill", f"--signal={name}", "--kill-whom=main", service)

    def check_restart_after(self, service, signal, what, deadline_s=DEADLINE_S):
        before = self.main_pid(service)
        self.signal(service, signal)
        wait_for(what, lambda: self.main_pid(service) not in (before, "0") and self.active(service), deadline_s)

    def check_sandbox(self, service, user):
        text = Path(self.path(f"/proc/{self.main_pid(service)}/status")).read_text(encoding="ascii")
        status = dict(line.split(":\t", 1) for line in text.splitlines())
        number = self.inside("id", "--user", user).strip()
        expect(f"{service} runs as {user}, without a capability, in a seccomp filter",
               status["Uid"].split() == [number] * 4 and int(status["CapBnd"], 16) == 0 and
               status["NoNewPrivs"] == "1" and status["Seccomp"] == "2")
        exposure = self.inside("systemd-analyze", "security", "--no-pager", service, good=False).strip().splitlines()[-1]
        print(f"{NAME}: {exposure.strip()}")
        expect(f"systemd calls the exposure of {service} OK", " OK " in exposure)

    def check_units(self, *units):
        verified = self.inside("systemd-analyze", "verify", *units, good=False)
        expect(f"systemd-analyze verify finds nothing {verified.strip()}", "icws" not in verified)

    def describe(self):
        print(f"{NAME}: {self.inside('systemctl', '--version').splitlines()[0]}, cgroup controllers: "
              f"{self.inside('cat', '/sys/fs/cgroup/cgroup.controllers').strip() or 'none'}")

    def stop(self):
        if self.init:
            self.inside("systemctl", "poweroff", good=False)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with tempfile.TemporaryDirectory() as folder:
            script = (f'mount -t cgroup2 none {folder} && find {folder}/{self.cgroup} -depth -type d '
                      f'-exec rmdir {{}} \\;; umount {folder}')
            subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False)


def with_setting(text, setting):
    """An adapter's settings with one more."""
    return text.replace("{\n", f"{{\n  {setting},\n", 1)


def check_host():
    if os.getuid() != 0:
        raise CannotRun("this needs root")
    for program in ("debootstrap", "unshare", "nsenter", "setpriv", "curl", "ip"):
        if not shutil.which(program):
            raise CannotRun(f"{program} is missing")
    if "cgroup2" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        raise CannotRun("the kernel has no cgroup2")


def run_test(prepare, live, tree=None):
    """prepare(tree) on a bare Debian, then live(machine) on it booted; `tree` is kept, without it one is made and removed."""
    made = None
    try:
        check_host()
        if not tree:
            made = tempfile.mkdtemp(prefix="icws-debian-")
            # systemd's services of other users have to get in.
            os.chmod(made, 0o755)
        tree = Path(made or tree).resolve()
        bootstrap(tree)
        prepare(tree)
        machine = Machine(tree)
        try:
            machine.describe()
            live(machine)
        finally:
            machine.stop()
        print(f"{NAME}: all as it should be")
        return 0
    except CannotRun as reason:
        print(f"{NAME}: SKIPPED: {reason}", file=sys.stderr)
        return SKIPPED
    except Failed as failure:
        print(f"{NAME}: {failure}", file=sys.stderr)
        return 1
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)
