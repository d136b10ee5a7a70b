"""Network namespaces and the links between them.

    host --- dns --- nat64 --- web             dns: name servers and resolver; web: IPv4 only
                       |  \\_ client96
                       |\\__ client32          clients: IPv6 only
                        \\__ client64

Everything but one veth pair and its addresses lies inside the namespaces.
"""

import ctypes
import os
import shutil
import subprocess
import threading
import zlib
from pathlib import Path

from . import LabError

NETNS = Path("/run/netns")
ETC_NETNS = Path("/etc/netns")
CLONE_NEWNET = 0x40000000

WEB = "78.0.96.91"
GATEWAY = "78.0.96.1"


class Translator:
    """One NAT64: its prefix, the IPv4 addresses that it lends to clients, the resolver's address for it."""

    def __init__(self, length, prefix, pool, ipv4, view):
        self.length = length
        self.prefix = prefix
        self.pool = pool
        self.ipv4 = ipv4
        self.ipv6 = f"2001:db8:64:{length}::1"
        self.view = view
        self.device = f"nat64-{length}"
        self.client = f"client{length}"


TRANSLATORS = [
    Translator(96, "64:ff9b::/96", "78.0.97.0/26", "78.0.97.1", "default"),
    Translator(32, "2607:7700::/32", "78.0.97.64/26", "78.0.97.65", "p32"),
    Translator(64, "2001:db8:122:344::/64", "78.0.97.128/26", "78.0.97.129", "p64"),
]


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def inside(namespace, function):
    """Calls `function` in a thread that lives in the namespace; None means here."""
    if namespace is None:
        return function()
    outcome = {}

    def body():
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(NETNS / namespace) as handle:
                if libc.setns(handle.fileno(), CLONE_NEWNET):
                    raise LabError(f"cannot enter {namespace}: {os.strerror(ctypes.get_errno())}")
            outcome["value"] = function()
        except Exception as problem:  # handed to the caller's thread below
            outcome["problem"] = problem

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "problem" in outcome:
        raise outcome["problem"]
    return outcome["value"]


class Network:
    def __init__(self, name):
        self.name = name
        self.host_link = f"r64{name}"
        number = 0 if name == "lab" else zlib.crc32(name.encode()) or 1
        # One /64 of unique local addresses on the link to the host; "lab" has the short one.
        self.site = f"fd64:64:{number >> 16:x}:{number & 0xFFFF:x}::" if number else "fd64:64::"

    def namespace(self, role):
        return f"r64-{self.name}-{role}"

    def resolver(self, length):
        """The resolver's address that leads to the prefix of this length; 0: to all of them."""
        return f"{self.site}{length or 'a11'}"

    def create(self):
        for role in ["dns", "nat64", "web", *[t.client for t in TRANSLATORS]]:
            namespace = self.namespace(role)
            run("ip", "netns", "add", namespace)
            inside(namespace, self._enable_ipv6)
            self._ip(role, "link set lo up")
        self._link_host()
        self._link_dns()
        self._link_web()
        for number, translator in enumerate(TRANSLATORS):
            self._link_client(number, translator)
            self._nat64_device(translator)
        inside(self.namespace("nat64"), self._forward)

    @staticmethod
    def _enable_ipv6():
        for which in ["all", "default"]:
            directory = Path("/proc/sys/net/ipv6/conf") / which
            if not directory.exists():
                raise LabError("this kernel has IPv6 turned off (ipv6.disable=1); the lab needs it")
            (directory / "disable_ipv6").write_text("0")
            (directory / "accept_dad").write_text("0")

    @staticmethod
    def _forward():
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")

    def _ip(self, role, command):
        run("ip", "-n", self.namespace(role), *command.split())

    def _veth(self, left_role, left, right_role, right):
        where = ["netns", self.namespace(left_role)] if left_role else []
        run("ip", "link", "add", left, *where, "type", "veth", "peer", "name", right,
            "netns", self.namespace(right_role))  # fmt: skip
        if left_role:
            self._ip(left_role, f"link set {left} up")
        else:
            run("ip", "link", "set", left, "up")
        self._ip(right_role, f"link set {right} up")

    def _link_host(self):
        self._veth(None, self.host_link, "dns", "host")
        own = Path("/proc/sys/net/ipv6/conf") / self.host_link / "disable_ipv6"
        if own.exists():
            own.write_text("0")
        run("ip", "addr", "add", f"{self.site}1/64", "dev", self.host_link, "nodad")
        for length in [*[t.length for t in TRANSLATORS], 0]:
            self._ip("dns", f"addr add {self.resolver(length)}/64 dev host nodad")

    def _link_dns(self):
        self._veth("dns", "nat64", "nat64", "dns")
        self._ip("dns", "addr add fd64:6400::2/64 dev nat64 nodad")
        self._ip("nat64", "addr add fd64:6400::1/64 dev dns nodad")
        self._ip("dns", "-6 route add default via fd64:6400::1")
        self._ip("nat64", f"-6 route add {self.site}/64 via fd64:6400::2")
        # The server of sixserved.test. has only an IPv6 address.
        self._ip("dns", "addr add 2001:db8:64:53::1/128 dev lo nodad")

    def _link_web(self):
        self._veth("nat64", "web", "web", "net")
        self._ip("nat64", f"addr add {GATEWAY}/24 dev web")
        self._ip("web", f"addr add {WEB}/24 dev net")
        self._ip("web", f"route add default via {GATEWAY}")

    def _link_client(self, number, translator):
        role, link = translator.client, f"fd64:6400:0:{number + 1}::"
        self._veth("nat64", role, role, "net")
        self._ip("nat64", f"addr add {link}1/64 dev {role} nodad")
        self._ip(role, f"addr add {link}2/64 dev net nodad")
        self._ip(role, f"-6 route add default via {link}1")
        # `ip netns exec` puts these in place of the files of the same name in /etc.
        directory = ETC_NETNS / self.namespace(role)
        directory.mkdir(parents=True)
        (directory / "resolv.conf").write_text(f"nameserver {self.resolver(translator.length)}\n")
        if Path("/etc/nsswitch.conf").exists():
            (directory / "nsswitch.conf").write_text("hosts: files dns\n")

    def _nat64_device(self, translator):
        device = translator.device
        self._ip("nat64", f"tuntap add dev {device} mode tun")
        self._ip("nat64", f"link set {device} up")
        self._ip("nat64", f"-6 route add {translator.prefix} dev {device}")
        self._ip("nat64", f"-6 route add {translator.ipv6} dev {device}")
        self._ip("nat64", f"route add {translator.pool} dev {device}")

    def remove(self):
        """Takes everything of this lab's name away, also what an earlier run left."""
        mine = f"r64-{self.name}-"
        spaces = sorted(path.name for path in NETNS.glob(mine + "*")) if NETNS.exists() else []
        for namespace in spaces:
            listed = subprocess.run(
                ["ip", "netns", "pids", namespace], capture_output=True, text=True
            )
            for pid in listed.stdout.split():
                try:
                    os.kill(int(pid), 9)
                except ProcessLookupError:
                    pass
        subprocess.run(["ip", "link", "del", self.host_link], capture_output=True)
        for namespace in spaces:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
        for directory in ETC_NETNS.glob(mine + "*"):
            shutil.rmtree(directory, ignore_errors=True)
        try:
            ETC_NETNS.rmdir()  # only when nobody else has anything in it
        except OSError:
            pass
