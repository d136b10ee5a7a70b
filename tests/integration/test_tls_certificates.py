"""Which certificate is served, how it is replaced, and what is done where there is none."""

import datetime
import os
import random
import re
import signal
import ssl
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support import certificates, figures, load, tls_client
from support.client import Response, make_query
from support.encrypted import encrypted, ours
from support.net import scaled, wait_until
from support.stubs import Stubby
from support.tls_client import NAME, TLS12, TLS13, context

__all__ = ["encrypted", "ours"]
V4 = ["192.0.2.33"]


@pytest.fixture
def subject(site, encrypted):
    return encrypted()


def pin_served(subject, name=NAME, *, version=TLS13, port=853, alpn=("dot",)):
    tls = context(None, least=version, most=version, alpn=alpn)
    with tls_client.TlsClient(subject.address, port, tls=tls, name=name) as connection:
        assert connection.alpn == (alpn[0] if alpn else None)
        return connection.pin


def answers(subject):
    return subject.query("v4.example.com.", "A").values("A") == V4 and tls_client.ask(
        subject.address, "v4.example.com.", tls=context(None), timeout=10).values("A") == V4


# --- which one ---

@pytest.fixture
def several(site, encrypted, ours, net):
    """The certificates by a word for each, and a resolver that has them all."""
    address = net.ipv4()
    by = {"first": ours.issue(names=["one.example.com", "both.example.com"]),
          "second": ours.issue(names=["two.example.com", "both.example.com"], key="rsa"),
          "wildcard": ours.issue(names=["*.wild.example.com"], key="ed25519"),
          "address": ours.issue(names=["three.example.com"], addresses=[address])}
    others = [issued.config() for word, issued in by.items() if word != "first"]
    return by, encrypted(address=address, tls={**by["first"].config(), "certificates": others})


# Covers: TRA-26
@pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("port,alpn", [(853, "dot"), (443, "h2")])
def test_the_name_that_the_client_asks_for_chooses_and_without_one_our_address(several, version, port, alpn):
    by, subject = several
    for name, word in [("one.example.com", "first"), ("two.example.com", "second"), ("TWO.example.com", "second"),
                       ("both.example.com", "first"), ("any.wild.example.com", "wildcard"),
                       ("a.b.wild.example.com", "first"), ("wild.example.com", "first"),
                       ("three.example.com", "address"), ("nobody.example.net", "first"), (None, "address")]:
        assert pin_served(subject, name, version=version, port=port, alpn=[alpn]) == by[word].pin, name


# Covers: TRA-26
def test_on_a_wildcard_listener_the_address_that_was_asked_chooses(site, start, ours, net):
    addresses = [net.ipv4() for _ in range(3)]
    issued = [ours.issue(names=[f"n{i}.example.com"], addresses=[address]) for i, address in enumerate(addresses)]
    start(listeners=[{"address": addresses[0], "port": 53}, {"address": "0.0.0.0", "port": 853, "transport": "tls"}],
          tls={**issued[0].config(), "certificates": [each.config() for each in issued[1:]]})
    for address, each in zip(addresses, issued):
        with tls_client.TlsClient(address, tls=context(ours.ca_file), name=address) as connection:
            assert connection.pin == each.pin
            assert connection.ask("v4.example.com.", "A").values("A") == V4


# Covers: TRA-29
def test_a_strict_client_can_check_the_name_and_the_address(subject):
    for name in (NAME, subject.address):
        with subject.over_tls(name=name) as connection:
            assert connection.ask("v4.example.com.", "A").values("A") == V4
    with pytest.raises(ssl.SSLCertVerificationError):
        subject.over_tls(name="other.example.com")


def test_the_intermediate_authorities_are_sent(site, encrypted, tmp_path):
    deep = certificates.authority(tmp_path / "deep", intermediate=True)
    subject = encrypted(issued=deep.issue(names=[NAME]))
    with subject.over_tls(tls=context(deep.ca_file)) as connection:
        assert connection.ask("v4.example.com.", "A").values("A") == V4


# --- replaced while it runs ---

# Covers: TRA-24
@pytest.mark.parametrize("how", ["watched", "SIGHUP", "resolve64ctl reload"])
def test_a_new_certificate_is_served_and_open_connections_stay(subject, ours, how):
    fresh = ours.issue(names=[NAME], addresses=[subject.address], key="rsa")
    with subject.over_tls() as connection:
        connection.ask("v4.example.com.", "A")
        fresh.install(subject.issued.cert_file, subject.issued.key_file)
        if how == "SIGHUP":
            subject.signal(signal.SIGHUP)
        elif how == "resolve64ctl reload":
            subject.ctl("reload")
            assert pin_served(subject) == fresh.pin    # at once
        wait_until(lambda: pin_served(subject) == fresh.pin, 8, "the new certificate", every=0.1)
        assert connection.ask("v4.example.com.", "A").values("A") == V4
        assert connection.pin == subject.issued.pin
    assert fresh.pin in subject.stderr()


# Covers: TRA-24
def test_a_link_that_leads_to_other_files_is_noticed(site, encrypted, ours, tmp_path):
    first, second = (ours.issue(names=[NAME]) for _ in range(2))
    live = tmp_path / "live"
    for number, issued in enumerate((first, second)):
        (tmp_path / f"archive{number}").mkdir()
        issued.install(tmp_path / f"archive{number}/cert.pem", tmp_path / f"archive{number}/key.pem")
    live.symlink_to("archive0")
    subject = encrypted(tls={"certificate": str(live / "cert.pem"), "key": str(live / "key.pem")})
    assert pin_served(subject) == first.pin
    (tmp_path / "next").symlink_to("archive1")
    (tmp_path / "next").replace(live)
    wait_until(lambda: pin_served(subject) == second.pin, 8, "the new certificate", every=0.1)


def other_key(ours, own):
    certificates.replace_file(own.key_file, ours.issue(names=[NAME]).key_pem())


def cut_certificate(ours, own):
    certificates.replace_file(own.cert_file, own.cert_pem()[:200])


def no_certificate(ours, own):
    os.unlink(own.cert_file)


def empty_key(ours, own):
    certificates.replace_file(own.key_file, b"")


def locked_key(ours, own):
    certificates.replace_file(own.key_file, certificates.key_pem(own.key, password="secret"))


def names_the_files(text, issued):
    """By their paths, or by their place in the configuration."""
    return Path(issued.cert_file).stem in text or "/tls/certificate:" in text


BREAKAGES = [other_key, cut_certificate, no_certificate, empty_key, locked_key]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda function: function.__name__)
def test_what_cannot_be_used_is_reported_at_reload_and_the_old_pair_stays(subject, ours, breakage):
    breakage(ours, subject.issued)
    done = subject.ctl("reload", check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 1 and names_the_files(told, subject.issued), told
    assert pin_served(subject) == subject.issued.pin
    subject.issued.install(subject.issued.cert_file, subject.issued.key_file)
    subject.ctl("reload")
    assert answers(subject)


@pytest.mark.parametrize("breakage", [other_key, cut_certificate, no_certificate],
                         ids=lambda function: function.__name__)
def test_files_that_become_unusable_are_reported_once_and_the_next_good_ones_are_taken(subject, ours, breakage):
    breakage(ours, subject.issued)
    wait_until(lambda: "cannot be used" in subject.stderr(), 8, "the report")
    assert pin_served(subject) == subject.issued.pin
    fresh = ours.issue(names=[NAME])
    fresh.install(subject.issued.cert_file, subject.issued.key_file)
    wait_until(lambda: pin_served(subject) == fresh.pin, 8, "the new certificate", every=0.1)
    assert subject.stderr().count("cannot be used") == 1


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda function: function.__name__)
def test_what_cannot_be_used_at_the_start_is_exit_1_with_the_file_and_no_prompt(site, start, ours, net, breakage):
    own = ours.issue(names=[NAME])
    breakage(ours, own)
    address = net.ipv4()
    subject = start(launch=False, tls=own.config(),
                    listeners=[{"address": address, "port": 853, "transport": "tls"}])
    subject.launch()
    assert subject.wait() == 1, subject.stderr()
    subject.process = None
    assert names_the_files(subject.stderr(), own), subject.stderr()
    assert "PEM pass phrase" not in subject.stderr()


class Visitors:
    """Clients over TLS that ask all the time; what went wrong is in `wrong`."""

    def __init__(self, subject, pins, keeping=2, coming=1):
        self.subject, self.pins = subject, pins
        self.wrong = []
        self.answered = self.connections = 0
        self.seen = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guard, args=(self._keep,)) for _ in range(keeping)]
        self._threads += [threading.Thread(target=self._guard, args=(self._come,)) for _ in range(coming)]
        for thread in self._threads:
            thread.start()

    def _guard(self, body):
        try:
            body()
        except Exception as fault:    # told by the test
            self.wrong.append(repr(fault))

    def _check(self, connection, count):
        for _ in range(count):
            reply = connection.receive()
            assert reply is not None, "a connection was ended with questions in progress"
            assert Response(reply).rcode == "NOERROR"
            self.answered += 1

    def _keep(self):
        """One connection all the time, with questions in batches."""
        with tls_client.TlsClient(self.subject.address, tls=context(None)) as connection:
            while not self._stop.is_set():
                connection.send(*(make_query(f"n{random.randrange(500)}.w.example.com.", "AAAA") for _ in range(10)))
                self._check(connection, 10)

    def _come(self):
        """A connection for each question."""
        tls = context(None)
        while not self._stop.is_set():
            with tls_client.TlsClient(self.subject.address, tls=tls) as connection:
                self.connections += 1
                self.seen.add(connection.pin)
                assert connection.pin in self.pins, "a certificate that was never there"
                connection.send(make_query("v4.example.com.", "A"))
                self._check(connection, 1)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(scaled(30))
        assert not self.wrong, self.wrong


# Covers: F8, TRA-24
@pytest.mark.figure
def test_certificates_are_swapped_under_load_and_no_question_is_lost(site, encrypted, ours):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = encrypted(workers=2)
    pairs = [ours.issue(names=[NAME], key=("ec", "rsa")[i % 2]) for i in range(4)]
    visitors = Visitors(subject, {subject.issued.pin, *(pair.pin for pair in pairs)})
    outcomes = []
    udp = threading.Thread(target=lambda: outcomes.extend(load.run(
        subject.address, [(f"n{i % 500}.w.example.com.", "A") for i in range(8000)], rate=1000, timeout=10, retry=3)))
    udp.start()
    try:
        swaps = 0
        while swaps < 20 or udp.is_alive():
            pair = pairs[swaps % 4]
            pair.install(subject.issued.cert_file, subject.issued.key_file)
            if swaps % 2:
                subject.ctl("reload")
                assert pin_served(subject) == pair.pin
            elif swaps < 20:
                subject.signal(signal.SIGHUP)
                wait_until(lambda wanted=pair.pin: pin_served(subject) == wanted, 8, "the swap", every=0.02)
            swaps += 1
    finally:
        udp.join()
        visitors.stop()
    lost = sum(not outcome.good for outcome in outcomes)
    assert lost == 0
    assert visitors.answered > 200 and len(visitors.seen) >= 4
    figures.record("F8", f"{swaps} certificate swaps with reload: {lost} of {len(outcomes)} questions over UDP lost; "
                   f"over TLS {visitors.answered} answered, 0 lost, over {visitors.connections} new connections")


def test_files_that_are_replaced_one_after_the_other_are_never_served_mixed(site, encrypted, ours):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = encrypted()
    pairs = [ours.issue(names=[NAME]) for _ in range(3)]
    visitors = Visitors(subject, {subject.issued.pin, *(pair.pin for pair in pairs)}, keeping=1)
    try:
        for pair in pairs:
            certificates.replace_file(subject.issued.cert_file, pair.cert_pem())
            time.sleep(0.3)    # the operator's own slowness is what is tested
            certificates.replace_file(subject.issued.key_file, pair.key_pem())
            wait_until(lambda wanted=pair.pin: pin_served(subject) == wanted, 8, "the new pair", every=0.1)
    finally:
        visitors.stop()


def test_a_key_that_cannot_be_read_again_is_a_warning_at_the_start(site, encrypted, ours, net):
    if os.geteuid() != 0:
        pytest.skip("only root changes its user")
    issued = ours.issue(names=[NAME])
    os.chmod(issued.key_file, 0o600)
    subject = encrypted(issued=issued, run_as={"user": "nobody", "group": "nogroup"}, admin={"control": None})
    line = next(line for line in subject.stderr().splitlines() if "cannot be read again" in line)
    assert issued.key_file in line and "run_as" in line, line
    assert pin_served(subject) == issued.pin


# --- ends ---

def utc(**ago):
    return datetime.datetime.utcnow() - datetime.timedelta(**ago)


@pytest.mark.parametrize("began,days,told", [(utc(days=60), 65, "ends soon"), (utc(days=60), 30, "has ended"),
                                             (utc(days=-3), 30, "not valid yet")],
                         ids=["ends soon", "has ended", "not yet"])
def test_who_runs_it_is_warned_of_the_end_of_a_certificate(site, encrypted, ours, began, days, told):
    issued = ours.issue(names=["soon.example.com"], not_before=began, days=days)
    subject = encrypted(issued=issued)
    line = next(line for line in subject.stderr().splitlines() if told in line)
    assert "soon.example.com" in line and re.search(r"\d{4}-\d\d-\d\d", line), line
    assert answers(subject)    # who pins the key or does not look is served


def test_nobody_is_warned_of_a_certificate_that_lasts(site, encrypted, ours):
    subject = encrypted(issued=ours.issue(names=[NAME], days=90))
    assert not [line for line in subject.stderr().splitlines() if "ends soon" in line or "ended" in line]


# --- self-signed ---

@pytest.fixture
def alone(site, encrypted, tmp_path):
    """`alone(**tls)` starts a resolver without a certificate of its own."""
    state = tmp_path / "certificate.pem"

    def go(**tls):
        subject = encrypted(tls={"state_file": str(state), **tls})
        subject.state = state
        return subject
    return go


def pin_logged(subject):
    return re.findall(r'self-signed.*pin="([A-Za-z0-9+/]{43}=)', subject.stderr())[-1]


# Covers: TRA-29
def test_without_a_certificate_one_is_made_and_kept_and_its_pin_told(alone):
    subject = alone(names=[NAME])
    pin = pin_logged(subject)
    assert pin_served(subject) == pin == certificates.pin_of_file(subject.state)
    assert stat.S_IMODE(subject.state.stat().st_mode) & 0o077 == 0, "others can read the key"
    kept = subject.state.read_bytes()
    subject.stop()
    subject.private.mkdir(exist_ok=True)
    subject.start()
    assert subject.state.read_bytes() == kept and pin_served(subject) == pin


def test_a_client_that_trusts_the_made_certificate_can_check_name_and_address(alone, net, children):
    address = net.ipv4()
    subject = alone(names=[NAME, "127.0.0.1", "2001:db8::853", address])
    trusted = subject.directory / "trusted.pem"
    certificate = subject.state.read_text()
    trusted.write_text(certificate[:certificate.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n")
    for name in (NAME, "127.0.0.1", "2001:db8::853", address):
        with subject.over_tls(tls=context(str(trusted)), name=name) as connection:
            assert connection.ask("v4.example.com.", "A").values("A") == V4
    with pytest.raises(ssl.SSLCertVerificationError):
        subject.over_tls(tls=context(str(trusted)), name="other.example.com")
    for words in (["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", NAME, "-CAfile",
                   trusted, trusted],
                  ["kdig", f"@{subject.address}", f"+tls-ca={trusted}", f"+tls-hostname={NAME}", "v4.example.com"],
                  ["kdig", f"@{subject.address}", f"+tls-pin={pin_logged(subject)}", "v4.example.com"],
                  ["dig", f"@{subject.address}", "+tls", f"+tls-ca={trusted}", f"+tls-hostname={NAME}",
                   "v4.example.com"]):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=scaled(20),
                              stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0 and ("192.0.2.33" in done.stdout or "OK" in done.stdout), done
    stubby = Stubby(net.ipv4(), 53, subject.address, pin=pin_logged(subject))
    children.append(stubby)
    assert stubby.wait_up().short("v4.example.com", "A") == V4


def test_other_names_make_another_certificate_of_the_same_key(alone):
    subject = alone(names=[NAME])
    pin = pin_served(subject)
    before = subject.state.read_bytes()
    subject.reload({"tls": {"names": [NAME, "second.example.com"]}})
    assert pin_served(subject) == pin
    assert subject.state.read_bytes() != before
    trusted = subject.directory / "trusted.pem"
    trusted.write_text(subject.state.read_text().split("-----BEGIN PRIVATE KEY")[0])
    with subject.over_tls(tls=context(str(trusted)), name="second.example.com") as connection:
        assert connection.pin == pin


def test_without_names_it_is_for_the_addresses_that_are_listened_on(alone):
    subject = alone()
    trusted = subject.directory / "trusted.pem"
    trusted.write_text(subject.state.read_text().split("-----BEGIN PRIVATE KEY")[0])
    with subject.over_tls(tls=context(str(trusted)), name=subject.address) as connection:
        assert connection.ask("v4.example.com.", "A").values("A") == V4


@pytest.mark.parametrize("state", ["/proc/nowhere/certificate.pem", "garbage"])
def test_a_state_file_that_cannot_be_used_is_a_warning_and_it_serves(alone, tmp_path, state):
    if state == "garbage":
        state = tmp_path / "garbage.pem"
        state.write_bytes(b"-----BEGIN CERTIFICATE-----\nnonsense\n")
    subject = alone(names=[NAME], state_file=str(state))
    assert answers(subject) and pin_served(subject) == pin_logged(subject)
    if "nowhere" in str(state):
        assert [line for line in subject.stderr().splitlines() if line.split()[:1] == ["warn"] or "warn " in line]


def test_a_certificate_in_the_configuration_takes_the_place_of_a_made_one_at_reload(alone, ours):
    subject = alone(names=[NAME])
    made = pin_served(subject)
    own = ours.issue(names=[NAME])
    subject.reload({"tls": own.config() | {"names": []}})
    assert pin_served(subject) == own.pin != made
