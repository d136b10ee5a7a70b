"""Other name servers and resolvers: NSD and Knot to recurse over, Unbound to try a doubtful expectation on."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from support import client
from support.net import scaled, wait_until
from support.resolver import Resolver


def find(program):
    for folder in (*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/sbin", "/usr/local/sbin"):
        if folder and os.access(os.path.join(folder, program), os.X_OK):
            return os.path.join(folder, program)
    return None


class Child:
    """A server program in the foreground, with a directory of its own, ended by its pid."""

    def __init__(self, name):
        self.directory = Path(tempfile.mkdtemp(prefix=f"r64-{name}-"))
        self.directory.chmod(0o755)
        self.process = None

    def run(self, *command):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory)

    def wait_for_answer(self, address, zone):
        def answers():
            assert self.process.poll() is None, self.log()
            reply = client.udp_exchange(address, 53, client.make_query(zone, "SOA", rd=False), 0.3)
            return reply is not None and client.Response(reply).rcode == "NOERROR"
        wait_until(answers, 15, f"{self.process.args[0]} on {address}")

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(scaled(10))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def _write_zones(directory, zones):
    for origin, text in zones.items():
        (directory / f"{origin.strip('.') or 'root'}.zone").write_text(f"$ORIGIN {origin}\n$TTL 300\n{text}\n")


class Nsd(Child):
    """NSD serving `zones` ({origin: zone file text}) on these addresses, port 53."""

    def __init__(self, addresses, zones):
        super().__init__("nsd")
        _write_zones(self.directory, zones)
        lines = ["server:", *(f"  ip-address: {a}" for a in addresses), "  server-count: 1", '  username: ""',
                 '  chroot: ""', f"  zonesdir: {self.directory}", '  database: ""', "  rrl-ratelimit: 0",
                 f"  pidfile: {self.directory}/pid", f"  xfrdfile: {self.directory}/xfrd",
                 f"  zonelistfile: {self.directory}/zonelist", f"  xfrdir: {self.directory}",
                 "remote-control:", "  control-enable: no"]
        for origin in zones:
            lines += ["zone:", f"  name: {origin}", f"  zonefile: {origin.strip('.') or 'root'}.zone"]
        (self.directory / "nsd.conf").write_text("\n".join(lines) + "\n")
        self.run(find("nsd"), "-d", "-c", str(self.directory / "nsd.conf"))
        self.wait_for_answer(addresses[0], next(iter(zones)))


class Knot(Child):
    """Knot DNS serving `zones` on these addresses, port 53."""

    def __init__(self, addresses, zones):
        super().__init__("knot")
        _write_zones(self.directory, zones)
        lines = ["server:", f"  rundir: {self.directory}", "  udp-workers: 1", "  tcp-workers: 1",
                 "  background-workers: 1", f"  listen: [{', '.join(a + '@53' for a in addresses)}]",
                 "database:", f"  storage: {self.directory}/db",
                 "template:", "  - id: default", f"    storage: {self.directory}", "    semantic-checks: off",
                 "    zonefile-load: whole", "    journal-content: none", "zone:"]
        for origin in zones:
            lines += [f"  - domain: {origin}", f"    file: {origin.strip('.') or 'root'}.zone"]
        (self.directory / "knot.conf").write_text("\n".join(lines) + "\n")
        self.run(find("knotd"), "-c", str(self.directory / "knot.conf"))
        self.wait_for_answer(addresses[0], next(iter(zones)))


class Unbound(Resolver):
    """Unbound in the place of resolve64, for the expectations that hold for any DNS64 resolver."""

    def ctl(self, *args, **kwargs):
        pytest.skip("asks for something that only resolve64 has")

    def start(self, env=None):
        hints = self.config["root_hints"]
        (self.directory / "hints").write_text("\n".join(
            [f". 3600 IN NS {h['name']}" for h in hints]
            + [f"{h['name']} 3600 IN A {a}" for h in hints for a in h["addresses"]]) + "\n")
        prefix = self.config["dns64"].get("prefixes", ["64:ff9b::/96"])[0]
        (self.directory / "unbound.conf").write_text("\n".join([
            "server:", *(f"  interface: {a}@{p}" for a, p in self.listen), '  username: ""', '  chroot: ""',
            '  pidfile: ""', f"  directory: {self.directory}", "  use-syslog: no", "  do-daemonize: no",
            "  do-not-query-localhost: no", "  access-control: 0.0.0.0/0 allow", "  num-threads: 1",
            "  use-caps-for-id: yes", "  qname-minimisation: yes", "  prefetch: no", "  ede: yes",
            "  do-ip6: no", f"  root-hints: {self.directory}/hints", '  module-config: "dns64 iterator"',
            f"  dns64-prefix: {prefix}", "remote-control:", "  control-enable: no"]) + "\n")
        with open(self.stderr_file, "wb") as stderr:
            self.process = subprocess.Popen([find("unbound"), "-d", "-c", str(self.directory / "unbound.conf")],
                                            stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
        address, port = self.listen[0]
        wait_until(lambda: client.udp_exchange(address, port, client.make_query("localhost.", "A"), 0.2), 10)
        return self
