"""A resolver with every door that phones and laptops use, in a running lab: TLS and HTTPS beside UDP and TCP."""

import json
import subprocess

from labrun import PREFIXES, run
from support import certificates
from support.resolver import Resolver, binary

NAME = "dns.lab.example"
# What the clients of the lab's network are called by their addresses.
CLIENT_NETWORKS = {96: "fd64:6400:0:1::/64", 32: "fd64:6400:0:2::/64", 64: "fd64:6400:0:3::/64"}
WITH_RESOLV_CONF = 'mount --make-rprivate / && mount --bind "$0" /etc/resolv.conf && exec "$@"'


class Doors(Resolver):
    """One address, and the view by the client's address. The clients find `NAME` in their hosts file."""

    def __init__(self, lab, directory):
        self.lab = lab
        self.namespace = next(name for name in lab.about["namespaces"] if name.endswith("-dns"))
        self.address = lab.resolver(96)["address"].removesuffix("96") + "853"
        self.authority = certificates.authority(directory / "authority")
        self.issued = self.authority.issue(names=[NAME], addresses=[self.address])
        self.ca_file = self.authority.ca_file
        listen = [{"address": self.address, "port": 53},
                  {"address": self.address, "port": 853, "transport": "tls"},
                  {"address": self.address, "port": 443, "transport": "https"}]
        views = {f"p{length}": {"clients": [CLIENT_NETWORKS[length]], "dns64": {"prefixes": [PREFIXES[length]]}}
                 for length in (32, 64)}
        super().__init__(directory, {
            "listen": listen, "tls": self.issued.config(), "views": views,
            "dns64": {"prefixes": [PREFIXES[96]]},
            "root_hints": [{"name": "a.root.", "addresses": ["127.64.0.1"]}],
            "upstream": {"allow_loopback": True},
            "dnssec": {"trust_anchors": f"{lab.about['directory']}/root.anchor", "automatic_update": False},
            "builtin_zones": {"except": ["test"]}})
        run("ip", "-n", self.namespace, "addr", "add", f"{self.address}/64", "dev", "host", "nodad")
        for length in PREFIXES:
            self._write_etc(length, "hosts", f"::1 localhost\n{self.address} {NAME}\n")

    def _write_etc(self, length, name, text):
        # `ip netns exec` puts this in place of the file of the same name in /etc.
        with open(f"/etc/netns/{self.client(length)}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def client(self, length):
        """The namespace of the client that uses this prefix."""
        return self.lab.resolver(length)["client"]

    def launch(self, env=None):
        with open(self.stderr_file, "wb") as stderr:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, binary("resolve64"), "-c", str(self.config_file)],
                stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, cwd=self.directory, env=env)
        return self

    def counted(self, *names):
        stats = json.loads(self.ctl("stats", "--json").stdout)
        return tuple(stats[name] for name in names)

    def on_client(self, length, *command, resolv_conf=None, **kwargs):
        """Runs a command on a client; `resolv_conf`: a file in place of its /etc/resolv.conf."""
        if resolv_conf:
            command = ["unshare", "-m", "sh", "-c", WITH_RESOLV_CONF, str(resolv_conf), *command]
        return run("ip", "netns", "exec", self.client(length), *command, **kwargs)
