"""`resolve64ctl profile`: what each kind of client is given, and what is refused because it could not work."""

import datetime
import json
import plistlib
import re
import subprocess
import uuid

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support import certificates
from support.peers import find
from support.resolver import run_binary
from support.stubs import Stub

NAME = "dns.example.net"
V4, V6 = "192.0.2.53", "2001:db8::53"


class Home:
    """A configuration file, its certificate, and the command on them."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = certificates.authority(directory / "authority")
        self.issued = self.authority.issue(names=[NAME], addresses=[V4, V6])
        self.listen = [{"address": address, "transport": transport}
                       for transport in ("dns", "tls", "https") for address in (V4, V6)]
        self.config = {"tls": self.issued.config()}

    def certify(self, **kwargs):
        self.issued = self.authority.issue(**kwargs)
        self.config["tls"] = self.issued.config()

    def self_sign(self, names=(NAME,), addresses=(V4, V6)):
        """What the resolver keeps where it was given no certificate."""
        made = self.authority.issue(names=names, addresses=addresses)
        builder = (x509.CertificateBuilder().subject_name(made.certificate.subject)
                   .issuer_name(made.certificate.subject).public_key(made.key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(made.certificate.not_valid_before)
                   .not_valid_after(made.certificate.not_valid_after))
        for extension in made.certificate.extensions:
            if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
                builder = builder.add_extension(extension.value, extension.critical)
        certificate = builder.sign(made.key, certificates.hashes.SHA256())
        state = self.directory / "certificate.pem"
        state.write_bytes(certificates.certificate_pem(certificate) + made.key_pem())
        self.config["tls"] = {"state_file": str(state)}
        return certificate

    def run(self, *args):
        file = self.directory / "resolve64.json"
        file.write_text(json.dumps({"listen": self.listen, **self.config}))
        return run_binary("resolve64ctl", "profile", *args, "-c", file)

    def text(self, *args):
        done = self.run(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, *args):
        done = self.run(*args)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("resolve64ctl: "), done
        return done.stderr


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def payloads(text):
    """The whole, and its parts by their type."""
    whole = plistlib.loads(text.encode())
    return whole, {part["PayloadType"]: part for part in whole["PayloadContent"]}


def scan(text, directory):
    """What a camera reads from a code of half blocks."""
    rows = []
    for line in text.splitlines():
        if not line or set(line) - set(" ▀▄█"):
            continue
        rows.append(["01"[c in " ▄"] for c in line])
        rows.append(["01"[c in " ▀"] for c in line])
    scale = 4
    pixels = [" ".join(bit for bit in row for _ in range(scale)) for row in rows for _ in range(scale)]
    image = directory / "code.pbm"
    image.write_text(f"P1\n{len(rows[0]) * scale} {len(rows) * scale}\n" + "\n".join(pixels) + "\n")
    done = subprocess.run(["zbarimg", "--raw", "-q", str(image)], capture_output=True, text=True, check=False)
    return done.stdout.strip()


# --- what is made ---


def test_without_a_kind_all_are_listed():
    done = run_binary("resolve64ctl", "profile")
    assert done.returncode == 0
    kinds = [line.split()[0] for line in done.stdout.splitlines()]
    assert kinds == ["apple", "android", "windows", "systemd-resolved", "networkmanager", "stubby", "qr"]


def test_apple_over_tls(home):
    done = home.run("apple")
    whole, parts = payloads(done.stdout)
    assert whole["PayloadType"] == "Configuration" and whole["PayloadVersion"] == 1
    assert list(parts) == ["com.apple.dnsSettings.managed"]
    assert parts["com.apple.dnsSettings.managed"]["DNSSettings"] == {
        "DNSProtocol": "TLS", "ServerName": NAME, "ServerAddresses": [V4, V6]}
    assert "Settings" in done.stderr, "how to install it"


def test_apple_over_https(home):
    settings = payloads(home.text("apple", "--transport", "https"))[1]["com.apple.dnsSettings.managed"]["DNSSettings"]
    assert settings == {"DNSProtocol": "HTTPS", "ServerURL": f"https://{NAME}/dns-query", "ServerAddresses": [V4, V6]}
    home.listen = [{"address": V6, "port": 8443, "transport": "https", "path": "/q"}]
    settings = payloads(home.text("apple"))[1]["com.apple.dnsSettings.managed"]["DNSSettings"]
    assert settings["ServerURL"] == f"https://{NAME}:8443/q"


def test_apple_profiles_are_the_same_each_time_and_differ_from_each_other(home):
    home.config["views"] = {"lab": {"clients": ["private"]}}
    profiles = [home.text("apple", *args) for args in
                ((), ("--transport", "https"), ("--view", "lab"), ("--view", "lab", "--transport", "https"))]
    assert profiles[0] == home.text("apple")
    identities = set()
    for text in profiles:
        whole, parts = payloads(text)
        for payload in (whole, *parts.values()):
            identity = uuid.UUID(payload["PayloadUUID"])
            assert identity == uuid.uuid5(uuid.NAMESPACE_DNS, payload["PayloadIdentifier"])
            identities.add(identity)
    assert len(identities) == 8


def test_apple_gets_a_self_signed_certificate_along(home):
    certificate = home.self_sign()
    done = home.run("apple")
    parts = payloads(done.stdout)[1]
    assert parts["com.apple.security.root"]["PayloadContent"] == certificate.public_bytes(Encoding.DER)
    assert "Certificate Trust Settings" in done.stderr
    assert "PRIVATE" not in done.stdout


def test_android_gets_the_name_and_a_code(home, tmp_path):
    text = home.text("android")
    assert "Private DNS provider hostname" in text
    assert f"\n        {NAME}\n" in text
    assert f"{NAME}.  AAAA  {V6}" in text and f"{NAME}.  A     {V4}" in text
    assert scan(text, tmp_path) == NAME


def test_android_without_an_ipv6_address_gets_a_note(home):
    home.listen = [{"address": V4, "transport": "tls"}]
    assert "IPv6" in home.run("android").stderr


def test_windows_gets_a_template_for_each_address(home):
    text = home.text("windows")
    added = re.findall(r"^Add-DnsClientDohServerAddress -ServerAddress '(\S+)' -DohTemplate '(\S+)' "
                       r"-AllowFallbackToUdp \$false -AutoUpgrade \$true$", text, re.M)
    assert added == [(V4, f"https://{NAME}/dns-query"), (V6, f"https://{NAME}/dns-query")]
    assert f"-ServerAddresses ('{V4}', '{V6}')" in text


def test_systemd_resolved_gets_a_drop_in(home):
    text = home.text("systemd-resolved")
    assert f"\n[Resolve]\nDNS={V4}#{NAME} {V6}#{NAME}\n" in text
    assert "\nDNSOverTLS=yes\n" in text and "\nDomains=~.\n" in text
    home.listen = [{"address": address, "port": 8853, "transport": "tls"} for address in (V4, V6)]
    assert f"\nDNS={V4}:8853#{NAME} [{V6}]:8853#{NAME}\n" in home.text("systemd-resolved")


def test_networkmanager_gets_commands_that_a_shell_takes(home):
    text = home.text("networkmanager")
    assert f'ipv4.dns "{V4}#{NAME}"' in text and f'ipv6.dns "{V6}#{NAME}"' in text
    assert "connection.dns-over-tls yes" in text
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("self_signed", [False, True])
def test_stubby_gets_a_file_that_it_takes(home, tmp_path, self_signed):
    certificate = home.self_sign() if self_signed else home.issued.certificate
    file = tmp_path / "stubby.yml"
    done = home.run("stubby", "-o", file)
    assert done.returncode == 0 and done.stdout == ""
    servers = yaml.safe_load(file.read_text())["upstream_recursive_servers"]
    assert [server["address_data"] for server in servers] == [V4, V6]
    pins = [{"digest": "sha256", "value": certificates.pin_of(certificate)}]
    known_by = {"tls_pubkey_pinset": pins} if self_signed else {"tls_auth_name": NAME}
    assert servers[0] == {"address_data": V4, "tls_port": 853, **known_by}
    checked = subprocess.run(["stubby", "-i", "-C", str(file)], capture_output=True, text=True, check=False)
    assert "syntax is valid" in checked.stdout + checked.stderr
    assert pins[0]["value"] in checked.stdout or not self_signed


@pytest.mark.parametrize("args, read", [((), NAME), (("--transport", "https"), f"https://{NAME}/dns-query")])
def test_a_code_is_read_by_a_camera(home, tmp_path, args, read):
    text = home.text("qr", *args)
    assert scan(text, tmp_path) == read
    assert text.splitlines()[-1] == read
    assert "\033" not in text, "colours are for terminals"


# --- what it is made from ---


def test_name_and_address_are_taken_from_the_command(home):
    home.certify(names=[NAME, "*.example.org"])
    text = home.text("systemd-resolved", "--name", "dns.EXAMPLE.org.", "--address", "198.51.100.1", "--address",
                     "2001:db8::1")
    assert "\nDNS=198.51.100.1#dns.example.org 2001:db8::1#dns.example.org\n" in text


def test_a_view_has_its_own_listener_and_certificate(home):
    other = home.authority.issue(names=["lab.example.net"], addresses=["192.0.2.64"])
    home.config["tls"]["certificates"] = [{"certificate": other.cert_file, "key": other.key_file}]
    home.config["views"] = {"lab": {}, "by-address": {"clients": ["private"]}, "nobody": {}}
    home.listen += [{"address": "192.0.2.64", "transport": "tls", "view": "lab"}]
    assert "\nDNS=192.0.2.64#lab.example.net\n" in home.text("systemd-resolved", "--view", "lab")
    assert f"\nDNS={V4}#{NAME} {V6}#{NAME}\n" in home.text("systemd-resolved", "--view", "by-address")
    assert f"\nDNS={V4}#{NAME} {V6}#{NAME}\n" in home.text("systemd-resolved")
    assert 'view "nobody" has no listener' in home.refusal("systemd-resolved", "--view", "nobody")
    assert 'no view "labb"' in home.refusal("systemd-resolved", "--view", "labb")
    assert 'view "lab" has no listener with transport "https"' in home.refusal("windows", "--view", "lab")


def test_a_view_must_be_named_where_all_listeners_have_one(home):
    home.config["views"] = {"a": {}, "b": {}}
    home.listen = [{"address": V4, "transport": "tls", "view": "b"}, {"address": V6, "transport": "tls", "view": "a"}]
    assert "--view: a, b" in home.refusal("stubby")


def test_the_running_resolver_tells_its_configuration(start, net, tmp_path):
    address = net.ipv4()
    issued = certificates.authority(tmp_path).issue(names=[NAME], addresses=[address])
    subject = start(listeners=[{"address": address}, {"address": address, "transport": "tls"}], tls=issued.config())
    done = subject.ctl("profile", "systemd-resolved", "--address", V4)
    assert f"\nDNS={V4}#{NAME}\n" in done.stdout


def test_a_self_signed_certificate_is_that_of_the_running_resolver(start, net, tmp_path):
    address, state = net.ipv4(), tmp_path / "state.pem"
    subject = start(listeners=[{"address": address}, {"address": address, "transport": "tls"}],
                    tls={"names": [NAME], "state_file": str(state)})
    text = subject.ctl("profile", "stubby", "--address", V4).stdout
    pins = yaml.safe_load(text)["upstream_recursive_servers"][0]["tls_pubkey_pinset"]
    assert pins[0]["value"] == certificates.pin_of_file(state)


@pytest.mark.parametrize("self_signed", [True, False])
def test_stubby_asks_with_the_file_that_it_is_given(site, start, net, tmp_path, children, self_signed):
    address, here = net.ipv4(), net.ipv4()
    authority = certificates.authority(tmp_path)
    issued = authority.issue(names=[NAME])
    tls = {"names": [NAME], "state_file": str(tmp_path / "state.pem")} if self_signed else issued.config()
    subject = start(listeners=[{"address": address}, {"address": address, "transport": "tls"}], tls=tls)
    text = subject.ctl("profile", "stubby", "--address", address).stdout
    stubby = Stub("stubby")
    children.append(stubby)
    file = stubby.directory / "stubby.yml"
    trust = "" if self_signed else f'tls_ca_file: "{authority.ca_file}"\n'
    file.write_text(trust + text.replace("  - 127.0.0.1\n  - 0::1\n", f"  - {here}@53\n"))
    stubby.address = here
    stubby.run(find("stubby"), "-C", str(file), "-l")
    stubby.wait_up()
    assert stubby.short("AAAA", "v4.example.com.") == ["2001:db8:64::c000:221"]
    assert subject.stats()["queries_tls"] >= 1


# --- what is refused ---


KINDS = ["apple", "android", "windows", "systemd-resolved", "networkmanager", "stubby", "qr"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_encrypted_is_refused(home, kind):
    home.listen = [{"address": V4}]
    assert 'add one to "listen"' in home.refusal(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_loopback_alone_is_refused(home, kind):
    home.listen = [{"address": address, "transport": transport} for address in ("127.0.0.1", "::1")
                   for transport in ("tls", "https")]
    assert "loopback" in home.refusal(kind)
    home.text(kind, "--address", V4)


@pytest.mark.parametrize("kind", KINDS)
def test_listeners_behind_a_proxy_are_refused(home, kind):
    for listener in home.listen:
        listener["proxy_protocol"] = ["192.0.2.99"]
    assert "proxy" in home.refusal(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_an_expired_certificate_is_refused(home, kind):
    home.certify(names=[NAME], days=1, not_before=datetime.datetime(2024, 1, 1))
    assert "expired" in home.refusal(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_begins_later_is_refused(home, kind):
    home.certify(names=[NAME], not_before=datetime.datetime.utcnow() + datetime.timedelta(days=2))
    assert "not valid yet" in home.refusal(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_the_certificate_does_not_hold_is_refused(home, kind):
    reason = home.refusal(kind, "--name", "other.example.net")
    assert "not for other.example.net" in reason and NAME in reason
    assert "is an address" in home.refusal(kind, "--name", V4)
    assert "not the name of a host" in home.refusal(kind, "--name", "*.example.net")


@pytest.mark.parametrize("kind", ["apple", "android", "qr"])
def test_a_certificate_for_addresses_alone_is_refused_where_a_name_is_wanted(home, kind):
    home.certify(addresses=[V4, V6])
    assert "holds no name" in home.refusal(kind)


def test_a_certificate_for_addresses_alone_is_enough_where_the_address_is_checked(home):
    home.certify(addresses=[V4, V6])
    assert f"\nDNS={V4} {V6}\n" in home.text("systemd-resolved")
    assert "'https://192.0.2.53/dns-query'" in home.text("windows")
    assert "neither the name of a host nor 192.0.2.1" in home.refusal("systemd-resolved", "--address", "192.0.2.1")


@pytest.mark.parametrize("kind", ["android", "windows"])
def test_a_self_signed_certificate_is_refused_where_nobody_would_trust_it(home, kind):
    home.self_sign()
    assert "self-signed" in home.refusal(kind)


@pytest.mark.parametrize("kind", ["systemd-resolved", "networkmanager"])
def test_a_self_signed_certificate_comes_with_the_steps_to_trust_it(home, kind):
    certificate = home.self_sign()
    text = home.text(kind)
    assert "update-ca-certificates" in text
    pem = "".join(line[1:] + "\n" for line in text.splitlines() if re.match(r"#(-----|[A-Za-z0-9+/=]+$)", line))
    assert x509.load_pem_x509_certificate(pem.encode()) == certificate


@pytest.mark.parametrize("kind", ["android", "networkmanager", "apple"])
def test_another_port_is_refused_where_the_client_knows_one_only(home, kind):
    home.listen = [{"address": V4, "port": 8853, "transport": "tls"}]
    assert "port 853 only" in home.refusal(kind)


@pytest.mark.parametrize("kind, transport", [("android", "https"), ("windows", "tls"), ("stubby", "https")])
def test_a_transport_that_the_client_does_not_speak_is_refused(home, kind, transport):
    assert "can only use" in home.refusal(kind, "--transport", transport)


def test_a_configuration_that_is_wrong_is_told(home):
    home.config["nonsense"] = 1
    done = home.run("stubby")
    assert done.returncode == 1 and "/nonsense: unknown key" in done.stderr


def test_a_certificate_that_cannot_be_read_is_told(home, tmp_path):
    home.config["tls"] = {"state_file": str(tmp_path / "none.pem")}
    assert "none.pem" in home.refusal("stubby")


@pytest.mark.parametrize("args", [("nonsense",), ("stubby", "--transport", "quic"), ("stubby", "--address", "x"),
                                  ("stubby", "extra")])
def test_bad_usage_is_told_as_such(home, args):
    done = home.run(*args)
    assert done.returncode == 2 and done.stderr


def test_a_file_that_cannot_be_written_is_told(home, tmp_path):
    assert "cannot be written" in home.refusal("stubby", "-o", tmp_path / "none" / "stubby.yml")
