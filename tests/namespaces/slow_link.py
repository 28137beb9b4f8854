#!/usr/bin/python3
"""A wide-area network between namespaces: slow_link.py DELAY_MS JITTER_MS LOSS_PERCENT NAMESPACE=ADDRESS...

Makes a TUN device `wan0` in each namespace (which goes with this process), and carries IPv4 packets between them: each
arrives DELAY_MS to DELAY_MS + JITTER_MS later, in order, or with the given chance never. Prints `ready` once the devices
are there; what is to go this way is the routes' business. In user space, so that no kernel module is needed.
"""
import ctypes
import fcntl
import heapq
import ipaddress
import itertools
import os
import random
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES_MAX = 65536
DESTINATION = slice(16, 20)
# Packets on their way; what comes beyond is lost, as in a router.
QUEUE_MAX = 100_000


def open_tun(namespace):
    """The descriptor of a new device in this namespace; the process stays in it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}", "rb") as place:
        if libc.setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"namespace {namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"wan0", IFF_TUN | IFF_NO_PI))
    return tun


class Relay:
    def __init__(self, delay_s, jitter_s, loss, ends):
        self.delay_s, self.jitter_s, self.loss = delay_s, jitter_s, loss
        self.ends = ends
        self.random = random.Random(1)
        self.queue, self.numbers = [], itertools.count()
        self.last = {}

    def take(self, tun, now):
        """Everything that waits at this device."""
        while True:
            try:
                packet = os.read(tun, PACKET_BYTES_MAX)
            except BlockingIOError:
                return
            to = self.ends.get(packet[DESTINATION])
            if to is None or len(self.queue) >= QUEUE_MAX or self.random.random() < self.loss:
                continue
            due = now + self.delay_s + self.random.random() * self.jitter_s
            due = self.last[tun, to] = max(due, self.last.get((tun, to), 0.0))
            heapq.heappush(self.queue, (due, next(self.numbers), to, packet))

    def run(self):
        poll = select.poll()
        for tun in self.ends.values():
            poll.register(tun, select.POLLIN)
        while True:
            wait_ms = max(0.0, self.queue[0][0] - time.monotonic()) * 1000 if self.queue else None
            for tun, _ in poll.poll(wait_ms):
                self.take(tun, time.monotonic())
            now = time.monotonic()
            while self.queue and self.queue[0][0] <= now:
                _, _, to, packet = heapq.heappop(self.queue)
                try:
                    os.write(to, packet)
                except OSError:
                    pass  # the device is down, or its queue full: the packet is lost


def main():
    delay_ms, jitter_ms, loss_percent = (float(text) for text in sys.argv[1:4])
    ends = {}
    for one in sys.argv[4:]:
        namespace, address = one.split("=")
        ends[ipaddress.IPv4Address(address).packed] = open_tun(namespace)
    print("ready", flush=True)
    Relay(delay_ms / 1000, jitter_ms / 1000, loss_percent / 100, ends).run()


if __name__ == "__main__":
    main()
