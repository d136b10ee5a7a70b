"""Zones signed by real signers: ldns-signzone and Knot DNS. What was signed is kept for the next run.

    signer = Signers(folder)
    signed = signer.ldns("example.", text, nsec3=Nsec3(iterations=1))
    signed.records              # (labels, type, ttl, rdata)
    signed.ds(2)                # DS records of its key signing keys, as text
"""

import base64
import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import dns.dnssec
import dns.rdata
import dns.zone
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from support.net import wait_until
from support.wire import labels_of, name_wire

DAY = 86400
RRSIG, DNSKEY = 46, 48
# Everything is signed for longer than it is kept, and from before now.
LIFETIME, KEEP = 28 * DAY, 7 * DAY

LDNS_NAMES = {5: "RSASHA1", 7: "RSASHA1-NSEC3-SHA1", 8: "RSASHA256", 10: "RSASHA512", 13: "ECDSAP256SHA256",
              14: "ECDSAP384SHA384", 15: "ED25519", 16: "ED448"}
KNOT_NAMES = {number: name.lower() for number, name in LDNS_NAMES.items()}


@dataclass(frozen=True)
class Nsec3:
    iterations: int = 0
    salt: str = ""
    opt_out: bool = False


def labels_from(name):
    """The labels of a dnspython name as the rest of the support code has them."""
    return tuple(label.lower() for label in name.labels if label)


def read_zone(origin, text):
    """The records of a zone file, in the order of their owners."""
    zone = dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)
    for name, ttl, rdata in zone.iterate_rdatas():
        yield labels_from(name), int(rdata.rdtype), ttl, rdata.to_wire()


class Key:
    """A key of an ldns-signed zone, algorithm 13, to sign with once more and otherwise."""

    def __init__(self, base):
        fields = dict(line.split(": ", 1) for line in Path(f"{base}.private").read_text().splitlines() if ": " in line)
        private = int.from_bytes(base64.b64decode(fields["PrivateKey"]), "big")
        self.private = ec.derive_private_key(private, ec.SECP256R1())
        text = Path(f"{base}.key").read_text().split(";")[0].split()
        self.owner = labels_of(text[0])
        self.dnskey = dns.rdata.from_text("IN", "DNSKEY", " ".join(text[text.index("DNSKEY") + 1:]))
        self.sep = bool(self.dnskey.flags & 1)

    def sign(self, labels, rtype, ttl, rdatas, inception=None, expiration=None):
        """RRSIG RDATA over these records (RFC 4034 section 3.1.8.1). Times are seconds since 1970."""
        now = int(time.time())
        owner = name_wire(labels)
        count = len([label for label in labels if label != b"*"])
        head = struct.pack("!HBBIIIH", rtype, self.dnskey.algorithm, count, ttl,
                           now + LIFETIME if expiration is None else expiration,
                           now - DAY if inception is None else inception, dns.dnssec.key_id(self.dnskey))
        head += name_wire(self.owner)
        records = (struct.pack("!HHIH", rtype, 1, ttl, len(rdata)) + rdata for rdata in sorted(rdatas))
        data = head + b"".join(owner + record for record in records)
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return head + r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Signed:
    """A signed zone: its records and, where ldns made them, its keys."""

    def __init__(self, origin, directory):
        self.origin = origin
        self.directory = directory
        self.text = (directory / "signed").read_text()
        self.records = self.as_signed = list(read_zone(origin, self.text))

    def keys(self):
        """(key signing key, zone signing key), algorithm 13."""
        keys = [Key(str(path)[:-len(".key")]) for path in sorted(self.directory.glob("K*.key"))]
        return (next(k for k in keys if k.sep), next((k for k in keys if not k.sep), keys[0]))

    def dnskeys(self):
        """The keys as they are served; those that signed it, where none are."""
        for records in (self.records, self.as_signed):
            keys = [dns.rdata.from_wire("IN", "DNSKEY", rdata, 0, len(rdata))
                    for labels, rtype, _, rdata in records if rtype == DNSKEY and labels == labels_of(self.origin)]
            if keys:
                return keys
        return []

    def ds(self, digest=2):
        """DS RDATA in text for every key with the SEP flag."""
        name = {1: "SHA1", 2: "SHA256", 4: "SHA384"}[digest]
        return [dns.dnssec.make_ds(self.origin, key, name, policy=dns.dnssec.allow_all_policy).to_text()
                for key in self.dnskeys() if key.flags & 1]


class Signers:
    """`folder` keeps what was signed, by what went in; older than KEEP it is signed anew."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for entry in self.folder.iterdir():
            try:
                if entry.stat().st_mtime < time.time() - 2 * KEEP:
                    shutil.rmtree(entry, ignore_errors=True)
            except FileNotFoundError:
                pass

    def _kept(self, make, *ingredients):
        """The directory that `make(directory)` filled, now or earlier."""
        period = int(time.time()) // KEEP
        name = hashlib.sha256(repr((period, 4) + ingredients).encode()).hexdigest()[:32]
        place = self.folder / name
        if not place.exists():
            fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                make(fresh)
                os.rename(fresh, place)
            except OSError:
                if not place.exists():      # another worker may have been first
                    raise
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return place

    def ldns(self, origin, text, algorithms=(13,), nsec3=None, inception=None, expiration=None):
        """Signed by ldns-signzone with a KSK and a ZSK of each algorithm. Times: seconds from now."""
        def make(directory):
            bases = []
            for algorithm in algorithms:
                for flags in (["-k"], []):
                    size = ["-b", "1024" if algorithm in (5, 7) else "2048"] if algorithm in (5, 7, 8, 10) else []
                    bases.append(_run(directory, "ldns-keygen", "-a", LDNS_NAMES[algorithm], *size, *flags,
                                      origin).strip())
            (directory / "zone").write_text(text + "\n")
            now = int(time.time())
            command = ["ldns-signzone", "-o", origin, "-f", "signed", "-i", str(now + (inception or -DAY)),
                       "-e", str(now + (expiration or LIFETIME))]
            if len(algorithms) > 1:
                command.append("-U")
            if nsec3:
                command += ["-n", "-t", str(nsec3.iterations), "-s", nsec3.salt, *(["-p"] if nsec3.opt_out else [])]
            _run(directory, *command, "zone", *bases)
        return Signed(origin, self._kept(make, "ldns", origin, text, tuple(algorithms), nsec3, inception, expiration))

    def knot(self, zones):
        """`zones`: {origin: (text, algorithm, nsec3)}, signed by one run of Knot DNS."""
        def make(directory):
            _sign_with_knot(directory, zones)
        place = self._kept(make, "knot", tuple((o, t, a, n) for o, (t, a, n) in zones.items()))
        return {origin: Signed(origin, place / _folder(origin)) for origin in zones}


def _folder(origin):
    return origin.strip(".") or "root"


def _run(directory, *command):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def _sign_with_knot(directory, zones):
    (directory / "db").mkdir()
    lines = ["server:", f"  rundir: {directory}", "  background-workers: 2", "database:", f"  storage: {directory}/db",
             "policy:"]
    for origin, (_, algorithm, nsec3) in zones.items():
        lines += [f"  - id: p-{_folder(origin)}", f"    algorithm: {KNOT_NAMES[algorithm]}",
                  "    cds-cdnskey-publish: none", f"    rrsig-lifetime: {LIFETIME // DAY}d"]
        if algorithm in (5, 7, 8, 10):
            lines += ["    ksk-size: 2048", "    zsk-size: 2048"]
        if nsec3:
            lines += ["    nsec3: on", f"    nsec3-iterations: {nsec3.iterations}",
                      f"    nsec3-salt-length: {len(nsec3.salt) // 2}",
                      f"    nsec3-opt-out: {'on' if nsec3.opt_out else 'off'}"]
    lines += ["template:", "  - id: default", "    semantic-checks: off", "    zonefile-load: whole",
              "    zonefile-sync: 0", "    journal-content: none", "    dnssec-signing: on", "zone:"]
    for origin, (text, _, _) in zones.items():
        (directory / _folder(origin)).mkdir()
        (directory / _folder(origin) / "zone").write_text(f"$ORIGIN {origin}\n$TTL 300\n{text}\n")
        lines += [f"  - domain: {origin}", f"    file: {directory}/{_folder(origin)}/zone",
                  f"    dnssec-policy: p-{_folder(origin)}"]
    (directory / "knot.conf").write_text("\n".join(lines) + "\n")
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen([shutil.which("knotd", path=os.environ.get("PATH", "") + ":/usr/sbin"), "-c",
                                    "knot.conf"], cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def signed():
        assert process.poll() is None, (directory / "log").read_text()
        return all("RRSIG" in (directory / _folder(o) / "zone").read_text() for o in zones)
    try:
        wait_until(signed, 60, "Knot's signed zones", every=0.05)
    finally:
        process.terminate()
        process.wait(60)
    for origin in zones:
        (directory / _folder(origin) / "zone").rename(directory / _folder(origin) / "signed")
