"""The bounds: a program that only returns packets (or only does TLS), and an authoritative server."""

import time

from peers.base import ADDRESS, PORT, TLS_PORT, Subject, find, first_line


class Echo(Subject):
    """r64-echo: what the kernel (and OpenSSL) cost when nothing is resolved at all."""

    name, label = "echo", "echo"
    resolver = False

    @classmethod
    def version(cls, programs):
        return "of this checkout" if (programs / "bench/r64-echo").exists() else ""

    def configure(self):
        s = self.setting
        port = TLS_PORT if s.transport in ("tls", "handshake") else PORT
        command = [s.programs / "bench/r64-echo", s.transport, "--address", ADDRESS, "--port", port, "--size", s.size]
        if s.transport in ("tls", "handshake"):
            command += ["--cert", s.certificate, "--key", s.key]
        return command

    def wait(self):
        deadline = time.monotonic() + self.ready_within
        while "ready" not in self.log():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.label}: {self.log()}")
            time.sleep(0.01)

    def verify(self):
        """It does nothing that could be verified."""


class Nsd(Subject):
    """NSD with one large zone: what an authoritative answer costs, with nothing that runs out."""

    name, label = "nsd", "NSD (authoritative)"
    resolver = False
    transports = ("udp", "tcp")

    @classmethod
    def version(cls, programs):
        return first_line(find("nsd"), "-v").removeprefix("NSD version ")

    def configure(self):
        zone = sorted((self.setting.data.folder / "big").glob("big*.zone"))[-1]
        origin = zone.read_text(encoding="ascii").split(" ", 1)[0]
        (self.directory / "nsd.conf").write_text("\n".join([
            "server:", f"  ip-address: {ADDRESS}@{PORT}", "  server-count: 1", '  username: ""', '  chroot: ""',
            '  database: ""', "  rrl-ratelimit: 0", f"  pidfile: {self.directory}/pid", "  tcp-count: 200",
            f"  xfrdfile: {self.directory}/xfrd", f"  zonelistfile: {self.directory}/zonelist",
            f"  xfrdir: {self.directory}", "remote-control:", "  control-enable: no",
            "zone:", f"  name: {origin}", f"  zonefile: {zone}"]) + "\n")
        self.origin = origin
        return [find("nsd"), "-d", "-c", self.directory / "nsd.conf"]

    def wait(self):
        deadline = time.monotonic() + self.ready_within
        while not ((reply := self.ask(f"ns1.{self.origin}", "A", timeout=0.25)) and reply.rcode == 0):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.label}: {self.log()}")
            time.sleep(0.05)

    def verify(self):
        """Authoritative: nothing to validate."""
