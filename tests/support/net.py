"""Addresses for one test run: a network namespace of its own where it can be had, else a corner of 127/8."""

import ctypes
import os
import socket
import subprocess
import time

SCALE = float(os.environ.get("R64_TIME_SCALE", "1"))
CLONE_NEWNET = 0x40000000


def scaled(seconds):
    """A deadline for a wait, stretched for slow (sanitizer) builds."""
    return seconds * SCALE


def wait_until(condition, seconds=5.0, what="the condition", every=0.01):
    """The first true value of `condition()`, polled; fails after `seconds` (scaled)."""
    deadline = time.monotonic() + scaled(seconds)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about in {scaled(seconds)} s")
        time.sleep(every)


def receive_buffer(sock, octets):
    """Room for what comes while we are busy; as root also beyond net.core.rmem_max."""
    force = 33    # SO_RCVBUFFORCE, which Python does not name
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, octets)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)


class Network:
    """Hands out loopback addresses that nothing else uses: 127.<corner>.<n>.<k>, fd64::<n>:<k>."""

    def __init__(self):
        self.isolated = self._unshare()
        self.corner, self._lock = self._reserve()
        self._next4 = 0
        self._next6 = 0
        self.privileged = self._can_bind_53()

    @staticmethod
    def _unshare():
        if os.geteuid() != 0 or os.environ.get("R64_NO_NETNS"):
            return False
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            return False
        return subprocess.run(["ip", "link", "set", "lo", "up"], check=False).returncode == 0

    @staticmethod
    def _reserve():
        for corner in range(80, 250):
            lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                lock.bind((f"127.{corner}.255.254", 6161))
                return corner, lock
            except OSError:
                lock.close()
        raise RuntimeError("no free corner of 127/8")

    def _can_bind_53(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((f"127.{self.corner}.255.254", 53))
                return True
            except OSError:
                return False

    def ipv4(self):
        self._next4 += 1
        return f"127.{self.corner}.{self._next4 // 250}.{self._next4 % 250 + 1}"

    def ipv6(self):
        """A new IPv6 address on the loopback interface; needs a namespace of our own."""
        assert self.isolated, "needs a network namespace"
        self._next6 += 1
        address = f"fd64::{self._next6:x}"
        subprocess.run(["ip", "-6", "addr", "add", f"{address}/128", "dev", "lo", "nodad"], check=True)
        wait_until(lambda: self._usable(address), 5, f"the use of {address}")
        return address

    @staticmethod
    def _usable(address):
        """The kernel installs an IPv6 address's route a little after the address."""
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one, \
                    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
                one.bind((address, 0))
                one.settimeout(0.2)
                other.connect(one.getsockname()[:2])
                other.send(b".")
                return one.recv(1) == b"."
        except OSError:
            return False

    @staticmethod
    def has_ipv6():
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
                probe.bind(("::1", 0))
                return True
        except OSError:
            return False

    def free_port(self, address="127.0.0.1"):
        """A port that is free for UDP and TCP now."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for _ in range(50):
            with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
                tcp.bind((address, 0))
                try:
                    udp.bind((address, tcp.getsockname()[1]))
                    return tcp.getsockname()[1]
                except OSError:
                    continue
        raise RuntimeError("no free port")
