"""Certificates for tests: authorities, and what they issue.

    ours = authority(tmp_path)
    issued = ours.issue(names=["dns.example"], addresses=["127.0.0.1"])
    ... {"tls": {"certificate": issued.cert_file, "key": issued.key_file}} ...; kdig +tls-ca=ours.ca_file
"""

import base64
import datetime
import hashlib
import ipaddress
import itertools
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_numbers = itertools.count(1)


def new_key(kind="ec"):
    """A private key: "ec" (P-256), "rsa" (2048 bits) or "ed25519"."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise ValueError(kind)


def key_pem(key, password=None):
    protection = (serialization.BestAvailableEncryption(password.encode()) if password
                  else serialization.NoEncryption())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def certificate_pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def pin_of(certificate):
    """base64 of the SHA-256 of the public key (RFC 7858 section 4.2)."""
    info = certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                 serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


def pin_of_der(data):
    return pin_of(x509.load_der_x509_certificate(data))


def pin_of_file(path):
    """The pin of the first certificate of a PEM file."""
    return pin_of(x509.load_pem_x509_certificate(Path(path).read_bytes()))


def replace_file(path, data):
    """Writes beside it and renames: who reads sees the old file or the new one."""
    fresh = Path(f"{path}.new")
    fresh.write_bytes(data)
    os.chmod(fresh, 0o644)
    fresh.replace(path)


class Issued:
    """A certificate and its key, in files. The files are world-readable: a resolver changes its user."""

    def __init__(self, directory, stem, chain, key):
        self.certificate = chain[0]
        self.chain = chain
        self.key = key
        self.pin = pin_of(chain[0])
        self.cert_file = str(directory / f"{stem}.pem")
        self.key_file = str(directory / f"{stem}.key")
        replace_file(self.cert_file, self.cert_pem())
        replace_file(self.key_file, self.key_pem())

    def cert_pem(self):
        return b"".join(certificate_pem(each) for each in self.chain)

    def key_pem(self):
        return key_pem(self.key)

    @property
    def serial(self):
        return self.certificate.serial_number

    def config(self):
        """The value of "tls" for a resolver."""
        return {"certificate": self.cert_file, "key": self.key_file}

    def install(self, cert_file, key_file):
        """Puts this pair in the place of another, the key first as careful operators do."""
        replace_file(key_file, self.key_pem())
        replace_file(cert_file, self.cert_pem())


class Authority:
    """A root, below it an intermediate where `intermediate` says so. `ca_file` holds the root."""

    def __init__(self, directory, name="resolve64 test authority", *, intermediate=False, key="ec"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._key = new_key(key)
        self._subject = _subject(name)
        self.certificate = self._sign(self._subject, self._key.public_key(), 3650, None, [
            (x509.BasicConstraints(ca=True, path_length=1 if intermediate else 0), True), _signs()])
        self.ca_file = str(self.directory / f"ca{next(_numbers)}.pem")
        replace_file(self.ca_file, certificate_pem(self.certificate))
        self._above = []
        if intermediate:
            lower, subject = new_key(key), _subject(f"{name}, intermediate")
            made = self._sign(subject, lower.public_key(), 3650, None,
                              [(x509.BasicConstraints(ca=True, path_length=0), True), _signs()])
            self._key, self._subject, self._above = lower, subject, [made]

    def issue(self, names=(), addresses=(), days=90, not_before=None, key="ec", common_name=None):
        """A server's certificate for these names and addresses. `not_before`: a datetime in UTC; an hour ago."""
        alternatives = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        extensions = [(x509.BasicConstraints(ca=False, path_length=None), True),
                      (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]
        if alternatives:
            extensions.append((x509.SubjectAlternativeName(alternatives), False))
        own = key if not isinstance(key, str) else new_key(key)
        subject = _subject(common_name or (list(names) or [str(a) for a in addresses] or ["nobody"])[0])
        made = self._sign(subject, own.public_key(), days, not_before, extensions)
        return Issued(self.directory, f"issued{next(_numbers)}", [made, *self._above], own)

    def _sign(self, subject, public_key, days, not_before, extensions):
        begins = not_before or datetime.datetime.utcnow() - datetime.timedelta(hours=1)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self._subject)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(begins).not_valid_after(begins + datetime.timedelta(days=days))
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, None if isinstance(self._key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def authority(directory, name="resolve64 test authority", *, intermediate=False, key="ec"):
    """An authority whose files are in `directory`; several may share one."""
    return Authority(directory, name, intermediate=intermediate, key=key)


def _subject(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _signs():
    usage = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False,
                          data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                          encipher_only=False, decipher_only=False)
    return usage, True
