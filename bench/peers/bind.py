"""BIND 9, after the Administrator Reference Manual's notes on a caching server."""

from peers.base import ADDRESS, HTTPS_PORT, PORT, PREFIX, TLS_PORT, Subject, find, first_line


class Bind(Subject):
    name, label = "bind", "BIND"

    @classmethod
    def version(cls, programs):
        return first_line(find("named"), "-v").removeprefix("BIND ").split("-")[0]

    def configure(self):
        s = self.setting
        tag, algorithm, digest_type, digest = s.data.anchor.read_text().split()[4:8]
        (self.directory / "named.conf").write_text(f"""
tls bench {{ cert-file "{s.certificate}"; key-file "{s.key}"; }};
http bench {{ endpoints {{ "/dns-query"; }}; listener-clients 1000; }};
options {{
  directory "{self.directory}"; pid-file none; session-keyfile none;
  listen-on port {PORT} {{ {ADDRESS}; }};
  listen-on port {TLS_PORT} tls bench {{ {ADDRESS}; }};
  listen-on port {HTTPS_PORT} tls bench http bench {{ {ADDRESS}; }};
  listen-on-v6 {{ none; }};
  recursion yes; allow-query {{ any; }}; allow-recursion {{ any; }}; dnssec-validation yes;
  dns64 {PREFIX} {{ clients {{ any; }}; }};
  max-cache-size {s.cache}m;
  minimal-responses yes;
  // A busy resolver wants more than the default of 1000, or questions are dropped.
  recursive-clients 20000; tcp-clients 1000; tcp-listen-queue 100;
  zone-statistics none; notify no;
}};
trust-anchors {{ "." static-ds {tag} {algorithm} {digest_type} "{digest}"; }};
zone "." {{ type hint; file "{s.data.hints}"; }};
controls {{ }};
logging {{ category default {{ null; }}; category lame-servers {{ null; }}; category query-errors {{ null; }}; }};
""")
        # -4: no IPv6 here; -n: worker threads, one a core.
        return [find("named"), "-f", "-4", "-n", s.workers, "-c", self.directory / "named.conf"]
