"""Certificates of the lab's encrypted doors, and the authority that vouches for them."""

import subprocess

from . import LabError

DAYS = "30"
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]


def make_authority(directory):
    """`ca.pem` and `ca.key`: what a client of the lab is to trust."""
    _request(directory, "ca", "/CN=resolve64 lab authority", ["-addext", "keyUsage=critical,keyCertSign"])


def issue(directory, file, name, address):
    """`file`.pem and `file`.key, for a name and an address."""
    _request(directory, file, f"/CN={name}",
             ["-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
              "-addext", f"subjectAltName=DNS:{name},IP:{address}",
              "-addext", "basicConstraints=critical,CA:FALSE"])  # fmt: skip


def _request(directory, file, subject, options):
    command = ["openssl", "req", "-x509", *KEY, "-days", DAYS, "-subj", subject, *options,
               "-keyout", directory / f"{file}.key", "-out", directory / f"{file}.pem"]  # fmt: skip
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"no certificate for {subject}: {done.stderr.strip()}")
