"""Unbound, after "Unbound Howto Optimise" of its documentation."""

from peers.base import ADDRESS, HTTPS_PORT, PORT, PREFIX, TLS_PORT, Subject, find, first_line


class Unbound(Subject):
    name, label = "unbound", "Unbound"

    @classmethod
    def version(cls, programs):
        return first_line(find("unbound"), "-V").removeprefix("Version ")

    def configure(self):
        s = self.setting
        lines = [
            "server:", f"  interface: {ADDRESS}@{PORT}", f"  interface: {ADDRESS}@{TLS_PORT}",
            f"  interface: {ADDRESS}@{HTTPS_PORT}", f"  tls-port: {TLS_PORT}", f"  https-port: {HTTPS_PORT}",
            f"  tls-service-pem: {s.certificate}", f"  tls-service-key: {s.key}",
            '  username: ""', '  chroot: ""', '  pidfile: ""', f"  directory: {self.directory}",
            "  use-syslog: no", "  do-daemonize: no", "  verbosity: 0", "  access-control: 0.0.0.0/0 allow",
            '  module-config: "dns64 validator iterator"', f"  dns64-prefix: {PREFIX}", "  do-ip6: no",
            f"  root-hints: {s.data.hints}", f"  trust-anchor-file: {s.data.anchor}", "  do-not-query-localhost: no",
            f"  num-threads: {s.workers}",
            # "Set *-slabs to a power of 2 close to the num-threads value": less lock contention.
            *(f"  {cache}-slabs: {s.workers}" for cache in ("msg-cache", "rrset-cache", "infra-cache", "key-cache")),
            # "rrset-cache-size: about twice that of msg-cache-size."
            f"  msg-cache-size: {s.cache // 3}m", f"  rrset-cache-size: {s.cache * 2 // 3}m",
            # With libevent, as Debian has it: many ports, and half as many queries as file descriptors.
            "  outgoing-range: 8192", "  num-queries-per-thread: 4096",
            # "so-rcvbuf: 4m … to catch peaks"; so-reuseport gives each thread its own socket.
            "  so-rcvbuf: 4m", "  so-sndbuf: 4m", "  so-reuseport: yes", "  incoming-num-tcp: 1000",
            # Thousands of signed zones: their keys and what they deny should stay.
            "  key-cache-size: 64m", "  neg-cache-size: 64m", "  infra-cache-numhosts: 100000",
            "  minimal-responses: yes", "remote-control:", "  control-enable: no"]
        (self.directory / "unbound.conf").write_text("\n".join(lines) + "\n")
        return [find("unbound"), "-d", "-c", self.directory / "unbound.conf"]
