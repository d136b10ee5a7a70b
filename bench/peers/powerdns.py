"""PowerDNS Recursor 4.8, after "Performance Guide" of its documentation."""

from peers.base import ADDRESS, PORT, PREFIX, Subject, find, first_line


class PowerDns(Subject):
    name, label = "powerdns", "PowerDNS Recursor"
    transports = ("udp", "tcp")  # it serves neither TLS nor HTTPS: dnsdist does that in front of it

    @classmethod
    def version(cls, programs):
        return first_line(find("pdns_recursor"), "--version").split("Recursor ")[-1].split(" ")[0]

    def configure(self):
        s = self.setting
        anchor = s.data.anchor.read_text().split(" DS ")[1].strip()
        (self.directory / "recursor.lua").write_text(f'clearTA()\naddTA(".", "{anchor}")\n')
        settings = {
            "local-address": ADDRESS, "local-port": PORT, "socket-dir": self.directory, "daemon": "no",
            "write-pid": "no", "disable-syslog": "yes", "loglevel": 0, "quiet": "yes", "security-poll-suffix": "",
            "hint-file": s.data.hints, "lua-config-file": self.directory / "recursor.lua", "dnssec": "validate",
            "dns64-prefix": PREFIX, "allow-from": "0.0.0.0/0", "dont-query": "", "query-local-address": "0.0.0.0",
            # "threads: the number of cores"; with reuseport each takes from a socket of its own, and nobody hands on.
            "threads": s.workers, "pdns-distributes-queries": "no", "reuseport": "yes", "max-mthreads": 4096,
            # Its caches are counted in entries. An entry is about half a kibioctet by its own estimate.
            "max-cache-entries": s.cache * 2048, "max-packetcache-entries": s.cache * 1024,
            "max-tcp-clients": 1000, "max-concurrent-requests-per-tcp-connection": 100,
        }
        (self.directory / "recursor.conf").write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        return [find("pdns_recursor"), f"--config-dir={self.directory}"]
