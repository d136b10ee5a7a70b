"""Validators of other people, asked for their verdicts: Unbound, and delv over any resolver."""

import subprocess

from support import client
from support.net import scaled, wait_until
from support.peers import Child, find
from support.signed_cases import BOGUS, INSECURE, SECURE


class ValidatingUnbound(Child):
    """Unbound with validation and nothing else, with an empty cache."""

    def __init__(self, world, address):
        super().__init__("unbound")
        self.address = address
        (self.directory / "anchors").write_text("\n".join(world.anchors()) + "\n")
        (self.directory / "hints").write_text(f". 3600 IN NS a.root.\na.root. 3600 IN A {world.root.address}\n")
        (self.directory / "unbound.conf").write_text("\n".join([
            "server:", f"  interface: {address}", '  username: ""', '  chroot: ""', '  pidfile: ""',
            f"  directory: {self.directory}", "  use-syslog: no", "  do-daemonize: no", "  num-threads: 1",
            "  do-not-query-localhost: no", "  access-control: 0.0.0.0/0 allow", "  ede: yes", "  do-ip6: no",
            "  val-log-level: 2", "  aggressive-nsec: no", "  prefetch: no", "  local-zone: home.arpa. nodefault",
            f"  trust-anchor-file: {self.directory}/anchors", f"  root-hints: {self.directory}/hints",
            '  module-config: "validator iterator"', "remote-control:", "  control-enable: no"]) + "\n")
        self.run(find("unbound"), "-d", "-c", str(self.directory / "unbound.conf"))
        wait_until(lambda: client.udp_exchange(address, 53, client.make_query("localhost.", "A"), 0.2), 15,
                   "Unbound's first answer")

    def ask(self, name, rtype, **kwargs):
        return client.ask(self.address, name, rtype, **{"do": True, **kwargs})


def verdict(response):
    """The verdict that a validating resolver's response to a query with DO tells."""
    if response.rcode == "SERVFAIL":
        return BOGUS
    return SECURE if "AD" in response.flags else INSECURE


class Delv:
    """delv, which asks the resolver at `address` for everything with CD and validates by itself."""

    def __init__(self, world, address, directory):
        self.address = address
        self.keys = directory / "delv.keys"
        lines = []
        for text in world.anchors():
            owner, _, _, tag, algorithm, digest, value = text.split()
            lines.append(f'  {owner} static-ds {tag} {algorithm} {digest} "{value}";')
        self.keys.write_text("trust-anchors {\n" + "\n".join(lines) + "\n};\n")

    def ask(self, name, rtype):
        """(verdict, everything that delv said)"""
        done = subprocess.run([find("delv"), f"@{self.address}", "-a", str(self.keys), "+root=.", name, rtype],
                              capture_output=True, text=True, timeout=scaled(30), check=False)
        text = done.stdout + done.stderr
        if "unsigned answer" in text:
            return INSECURE, text
        return SECURE if "fully validated" in text else BOGUS, text
