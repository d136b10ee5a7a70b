"""The stub resolvers of laptops: Stubby, and systemd-resolved where a copy of it was unpacked."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.net import scaled, wait_until
from support.peers import Child, find
from support.resolver import REPOSITORY

CLIENTS = REPOSITORY / "build/clients"    # tools/clients unpacks here


def inside(namespace):
    """What a command begins with to run in this network namespace; None: here."""
    return ["ip", "netns", "exec", namespace] if namespace else []


def dig(address, *words, port=53, namespace=None, timeout=15):
    """What dig prints; empty where nobody answered."""
    done = subprocess.run([*inside(namespace), "dig", f"@{address}", "-p", str(port), "+tries=1", f"+time={timeout}",
                           *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=scaled(timeout + 10), check=False)
    return done.stdout if done.returncode == 0 else ""


class Stub(Child):
    """Asked with dig, in the namespace where it runs."""

    address, port, namespace = "127.0.0.1", 53, None

    def ask(self, *words):
        text = dig(self.address, *words, port=self.port, namespace=self.namespace)
        assert text, f"{type(self).__name__} did not answer {words}:\n{self.log()}"
        return text

    def short(self, *words):
        return self.ask(*words, "+short").split()

    def wait_up(self):
        def answers():
            assert self.process.poll() is None, self.log()
            return dig(self.address, "localhost", port=self.port, namespace=self.namespace, timeout=1)
        wait_until(answers, 15, f"the first answer of {type(self).__name__}")
        return self


class Stubby(Stub):
    """Stubby, strict: the certificate must be for `name` by `ca_file`, or its key must have `pin`."""

    def __init__(self, address, port, upstream, *, name=None, ca_file=None, pin=None, namespace=None):
        super().__init__("stubby")
        self.address, self.port, self.namespace = address, port, namespace
        lines = ["resolution_type: GETDNS_RESOLUTION_STUB", "dns_transport_list:", "  - GETDNS_TRANSPORT_TLS",
                 "tls_authentication: GETDNS_AUTHENTICATION_REQUIRED", "tls_query_padding_blocksize: 128",
                 "edns_client_subnet_private: 1", "idle_timeout: 10000", "tls_connection_retries: 1",
                 "tls_backoff_time: 1", "timeout: 5000", "listen_addresses:", f"  - {address}@{port}"]
        if ca_file:
            lines.append(f'tls_ca_file: "{ca_file}"')
        lines += ["upstream_recursive_servers:", f"  - address_data: {upstream}", "    tls_port: 853"]
        if name:
            lines.append(f'    tls_auth_name: "{name}"')
        if pin:
            lines += ["    tls_pubkey_pinset:", '      - digest: "sha256"', f"        value: {pin}"]
        (self.directory / "stubby.yml").write_text("\n".join(lines) + "\n")
        self.run(*inside(namespace), find("stubby"), "-C", str(self.directory / "stubby.yml"), "-l")


RESOLVED = """\
set -e
mount --make-rprivate /
cp /etc/passwd /etc/group .
echo 'systemd-resolve:x:64064:64064::/:/usr/sbin/nologin' >>passwd
echo 'systemd-resolve:x:64064:' >>group
mount --bind passwd /etc/passwd
mount --bind group /etc/group
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/resolve
chown 64064:64064 /run/systemd/resolve
mkdir -p /etc/systemd
mount -t tmpfs tmpfs /etc/systemd
mkdir /etc/systemd/resolved.conf.d
cp resolve64.conf /etc/systemd/resolved.conf.d/
exec {program}
"""


class Resolved(Stub):
    """systemd-resolved without a bus, on 127.0.0.53 of a network namespace.

    `drop_in` is the text of its configuration; without it, it asks `upstream` over TLS, and checks `name`.
    It answers only where some link but the loopback one has an address: it takes the network for down otherwise.
    """

    address = "127.0.0.53"

    @staticmethod
    def why_not():
        program = CLIENTS / "lib/systemd/systemd-resolved"
        return None if program.exists() else f"there is no {program}: tools/clients unpacks one"

    def __init__(self, namespace, upstream, name, ca_file, drop_in=None):
        super().__init__("resolved")
        self.namespace = namespace
        shutil.copy(ca_file, self.directory / "ca.pem")    # it gives up root before it reads this
        (self.directory / "ca.pem").chmod(0o644)
        server = f"[{upstream}]:853#{name}" if ":" in upstream else f"{upstream}:853#{name}"
        (self.directory / "resolve64.conf").write_text(drop_in or "\n".join([
            "[Resolve]", f"DNS={server}", "FallbackDNS=", "Domains=~.", "DNSSEC=no", "DNSOverTLS=yes", "Cache=no",
            "MulticastDNS=no", "LLMNR=no", "DNSStubListener=yes"]) + "\n")
        libraries = next(iter(CLIENTS.glob("usr/lib/*/systemd")), Path("/nonexistent"))
        (self.directory / "start").write_text(RESOLVED.format(program=CLIENTS / "lib/systemd/systemd-resolved"))
        self.run(*inside(namespace), "unshare", "-m", "env", f"SSL_CERT_FILE={self.directory}/ca.pem",
                 f"LD_LIBRARY_PATH={libraries}", "SYSTEMD_LOG_LEVEL=debug", "SYSTEMD_LOG_TARGET=console",
                 "sh", str(self.directory / "start"))


def need_resolved():
    """Skips where there is no copy of systemd-resolved."""
    reason = Resolved.why_not()
    if reason:
        pytest.skip(reason)
