"""The TLS clients that people have: kdig, dig, openssl s_client, Stubby."""

import re
import subprocess

import pytest

from support import client, load, tls_client
from support.certificates import authority
from support.client import make_query
from support.encrypted import encrypted, ours
from support.net import scaled, wait_until
from support.peers import Child, find
from support.s_client import SClient
from support.stubs import Stubby
from support.tls_client import NAME, context, framed

__all__ = ["encrypted", "ours"]
SYNTHESIZED = "2001:db8:64::c000:221"


@pytest.fixture
def subject(site, encrypted):
    made = encrypted()
    made.query("v4.example.com.", "A")
    return made


def run(*words):
    return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=scaled(30), check=False)


def kdig(subject, *words):
    return run("kdig", f"@{subject.address}", "+retry=0", "+timeout=10", *words)


def dig(subject, *words):
    return run("dig", f"@{subject.address}", "+tries=1", "+time=10", *words)


# --- dig and kdig ---

WAYS = {
    "kdig +tls": ("kdig", "+tls"),
    "kdig +tls-ca +tls-hostname": ("kdig", "+tls-ca={ca}", "+tls-hostname=" + NAME),
    "kdig +tls-ca, by address": ("kdig", "+tls-ca={ca}", "+tls-hostname={address}"),
    "kdig +tls-pin": ("kdig", "+tls-pin={pin}"),
    "kdig +tls-sni": ("kdig", "+tls", "+tls-sni=" + NAME),
    "kdig +https": ("kdig", "+https", "+tls-ca={ca}", "+tls-hostname=" + NAME),
    "kdig +https-get": ("kdig", "+https", "+https-get", "+tls-ca={ca}", "+tls-hostname=" + NAME),
    "kdig +https=URL": ("kdig", "+https=https://" + NAME + "/dns-query", "+tls-ca={ca}", "+tls-hostname=" + NAME),
    "dig +tls": ("dig", "+tls"),
    "dig +tls-ca, by address": ("dig", "+tls", "+tls-ca={ca}"),
    "dig +tls-ca +tls-hostname": ("dig", "+tls", "+tls-ca={ca}", "+tls-hostname=" + NAME),
    "dig +tls +keepopen": ("dig", "+tls", "+keepopen", "+tls-ca={ca}", "+tls-hostname=" + NAME),
    "dig +https": ("dig", "+https", "+tls-ca={ca}", "+tls-hostname=" + NAME),
    "dig +https-get": ("dig", "+https-get", "+tls-ca={ca}", "+tls-hostname=" + NAME),
}


# Covers: TRA-20, TRA-29, TRA-40
@pytest.mark.parametrize("way", WAYS)
def test_dig_and_kdig_get_the_synthesized_answer(subject, way):
    program, *words = (word.format(ca=subject.ca_file, pin=subject.issued.pin, address=subject.address)
                       for word in WAYS[way])
    done = (kdig if program == "kdig" else dig)(subject, *words, "v4.example.com", "AAAA", "+short")
    assert done.returncode == 0 and done.stdout.split() == [SYNTHESIZED], done
    assert subject.stats()["queries_https" if "https" in way else "queries_tls"] == 1


@pytest.mark.parametrize("words", [("+tls-ca={ca}", "+tls-hostname=other.example.com"),
                                   ("+tls-ca={ca}", "+tls-hostname=192.0.2.1"),
                                   ("+tls-ca={stranger}", "+tls-hostname=" + NAME),
                                   ("+tls-pin=AAAAUrDBnAcdD3FFKsaMyziL9l/9KjUIwgnujTOT6I8=",)])
def test_who_checks_the_wrong_name_authority_or_pin_gets_no_answer(subject, tmp_path, words):
    stranger = authority(tmp_path / "stranger").ca_file
    done = kdig(subject, *(word.format(ca=subject.ca_file, stranger=stranger) for word in words),
                "v4.example.com", "AAAA", "+short")
    assert done.returncode != 0 and not done.stdout.strip(), done
    assert subject.stats()["queries_tls"] == 0
    assert tls_client.ask(subject.address, "v4.example.com.", tls=context(subject.ca_file)).rcode == "NOERROR"


def test_several_questions_of_dig_share_one_connection(subject):
    done = dig(subject, "+tls", "+keepopen", "v4.example.com", "AAAA", "v6.example.com", "AAAA",
               "www.example.com", "AAAA")
    assert done.stdout.count("status: NOERROR") == 3, done
    stats = subject.stats()
    assert stats["queries_tls"] == 3 and stats["tls_handshakes"] == 1


# Covers: TRA-27, TRA-28
def test_the_answer_to_kdigs_padded_question_is_padded(subject):
    sizes = [re.search(r"Received (\d+) B", kdig(subject, "+tls", name, "AAAA", *more).stdout).group(1)
             for name in ("v4.example.com", "www.example.com") for more in ((), ("+nopadding",))]
    assert [int(size) % 468 == 0 for size in sizes] == [True, False, True, False], sizes


# --- openssl s_client ---

@pytest.fixture
def s_client(subject, children):
    """`s_client(*options)` connects to port 853 and waits for the end of the handshake."""
    def go(*options):
        made = SClient(subject.address, 853, "-CAfile", subject.ca_file, "-verify_hostname", NAME,
                       "-verify_return_error", "-servername", NAME, *options)
        children.append(made)
        return made.wait_for("Verify return code", "error:", "alert")
    return go


def with_ticket(connection, session):
    """The ticket of TLS 1.3 comes after the handshake."""
    wait_until(lambda: session.exists() and "END SSL SESSION" in session.read_text(), 10, "a session ticket")
    return connection


# Covers: TRA-22, TRA-23, TRA-25
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_likes_what_it_sees(subject, s_client, version):
    told = s_client(version, "-alpn", "h2,dot", "-comp").close()
    assert "Verification: OK" in told and f"Verified peername: {NAME}" in told, told
    assert "ALPN protocol: dot" in told
    assert "Compression: NONE" in told
    suite = re.search(r"New, (TLSv1\.[23]), Cipher is (\S+)", told)
    assert suite.group(1) == {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}[version]
    assert re.search("GCM|CHACHA20", suite.group(2)) and (version == "-tls1_3" or "ECDHE" in suite.group(2)), told


# Covers: TRA-22, TRA-24
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes_its_session_and_offers_no_early_data(subject, s_client, tmp_path, version):
    session = tmp_path / "session"
    told = with_ticket(s_client(version, "-sess_out", session), session).close()
    assert "New, TLSv1." in told
    assert "TLS session ticket lifetime hint" in told
    early = re.findall(r"Max Early Data: (\d+)", told)
    assert set(early) <= {"0"} and (early or version == "-tls1_2"), told
    again = s_client(version, "-sess_in", session).close()
    assert "Reused, TLSv1." in again, again
    assert subject.stats()["tls_resumed"] == 1


# Covers: TRA-23
def test_data_that_is_sent_early_is_not_taken(subject, s_client, tmp_path):
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_bytes(framed(make_query("v4.example.com.", "A")))
    with_ticket(s_client("-tls1_3", "-sess_out", session), session).close()
    told = s_client("-tls1_3", "-sess_in", session, "-early_data", early).close()
    assert "Early data was accepted" not in told, told
    assert subject.stats()["queries_tls"] == 0


# Covers: TRA-23
def test_renegotiation_is_refused(subject, s_client):
    connection = s_client("-tls1_2")
    connection.say(b"R\n")
    connection.wait_for("no renegotiation", "ssl handshake failure")
    told = connection.close()
    assert "RENEGOTIATING" in told and "no renegotiation" in told, told
    assert subject.stats()["tls_handshakes"] == 1


def test_many_key_updates_hold_up_nobody(subject, s_client):
    busy = s_client("-tls1_3")
    for _ in range(300):
        busy.say(b"K\n")    # each asks us to change our key as well
    for _ in range(5):
        answer = tls_client.ask(subject.address, "v4.example.com.", tls=context(subject.ca_file), timeout=scaled(5))
        assert answer.values("A") == ["192.0.2.33"]
    busy.close()


# Covers: TRA-23, TRA-25
@pytest.mark.parametrize("options,alert", [
    (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "protocol version"),
    (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), "handshake failure"),
    (("-tls1_2", "-cipher", "AES128-GCM-SHA256:AECDH-AES128-SHA:@SECLEVEL=0"), "handshake failure"),
    (("-tls1_3", "-alpn", "h2"), "no application protocol"),
    (("-tls1_3", "-alpn", "doq"), "no application protocol"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_a_handshake_that_cannot_be_gets_the_alert_that_says_so(subject, s_client, options, alert):
    told = s_client(*options).close()
    assert f"alert {alert}" in told, told
    assert subject.stats()["tls_failed"] == 1
    assert tls_client.ask(subject.address, "v4.example.com.", tls=context(subject.ca_file)).rcode == "NOERROR"


# --- another resolver that forwards ---

class Forwarder(Child):
    """Unbound that forwards everything over TLS and checks the name."""

    def __init__(self, address, subject):
        super().__init__("unbound")
        (self.directory / "unbound.conf").write_text("\n".join([
            "server:", f"  interface: {address}", '  username: ""', '  chroot: ""', '  pidfile: ""',
            f"  directory: {self.directory}", "  use-syslog: no", "  do-daemonize: no", "  num-threads: 1",
            "  do-not-query-localhost: no", "  access-control: 0.0.0.0/0 allow", '  module-config: "iterator"',
            "  do-ip6: no", f"  tls-cert-bundle: {subject.ca_file}", "remote-control:", "  control-enable: no",
            "forward-zone:", '  name: "."', "  forward-tls-upstream: yes",
            f"  forward-addr: {subject.address}@853#{NAME}"]) + "\n")
        self.run(find("unbound"), "-d", "-c", str(self.directory / "unbound.conf"))
        wait_until(lambda: client.udp_exchange(address, 53, make_query("localhost.", "A"), 0.2), 15,
                   "Unbound's first answer")


# Covers: TRA-20, TRA-29
def test_unbound_forwards_to_us_over_tls_and_many_questions_share_a_connection(site, subject, net, children):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    address = net.ipv4()
    children.append(Forwarder(address, subject))
    before = subject.stats()
    outcomes = load.run(address, [(f"n{i}.w.example.com.", "AAAA") for i in range(300)], window=30, timeout=15)
    assert all(outcome.good for outcome in outcomes)
    after = subject.stats()
    assert after["queries_tls"] - before["queries_tls"] >= 300
    assert after["tls_handshakes"] - before["tls_handshakes"] < 100
    assert after["queries_udp"] == before["queries_udp"]


# --- Stubby ---

def test_stubby_asks_with_name_and_authority_and_keeps_its_connection(subject, net, children):
    stubby = Stubby(net.ipv4(), 53, subject.address, name=NAME, ca_file=subject.ca_file)
    children.append(stubby)
    stubby.wait_up()
    for name, wanted in [("v4", SYNTHESIZED), ("v6", "2001:db8:1::1"), ("www", SYNTHESIZED)]:
        assert stubby.short(f"{name}.example.com", "AAAA")[-1] == wanted
    assert "status: NXDOMAIN" in stubby.ask("nothing.example.com", "AAAA")
    stats = subject.stats()
    assert stats["queries_tls"] >= 4 and stats["queries_udp"] == 1    # the fixture's
    assert stats["tls_handshakes"] == 1


def test_stubby_takes_the_key_it_was_told_and_no_other(subject, ours, net, children):
    pinned = Stubby(net.ipv4(), 53, subject.address, pin=subject.issued.pin)
    other = Stubby(net.ipv4(), 53, subject.address, pin=ours.issue(names=[NAME]).pin)
    misnamed = Stubby(net.ipv4(), 53, subject.address, name="other.example.com", ca_file=subject.ca_file)
    children.extend([pinned, other, misnamed])
    assert pinned.wait_up().short("v4.example.com", "AAAA") == [SYNTHESIZED]
    for stubby in (other, misnamed):
        assert "status: SERVFAIL" in stubby.wait_up().ask("v4.example.com", "AAAA"), stubby.log()


# Covers: TRA-22
def test_stubby_comes_back_after_an_idle_connection_was_closed(site, encrypted, net, children):
    subject = encrypted(limits={"tls_idle": "1s"})
    stubby = Stubby(net.ipv4(), 53, subject.address, name=NAME, ca_file=subject.ca_file)
    children.append(stubby)
    stubby.wait_up()

    def two_handshakes():
        assert stubby.short("v4.example.com", "AAAA") == [SYNTHESIZED]
        return subject.stats()["tls_handshakes"] >= 2
    wait_until(two_handshakes, 15, "a second connection", every=1.5)
