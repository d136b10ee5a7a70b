"""IPv6-only phones and laptops reach an IPv4-only server over TLS and HTTPS: their real resolvers, a real NAT64."""

import pytest

from doors import NAME
from labrun import PREFIXES, WEB, run
from support.net import wait_until
from support.resolver import binary
from support.stubs import Resolved, Stubby, dig, need_resolved

HELLO = "Hello from the IPv4-only web server 78.0.96.91"
PAGE = "http://www.v4only.example/"
FETCH = ["curl", "-6", "-sS", "--noproxy", "*", "--max-time", "15", "-w", "%{remote_ip}"]


@pytest.fixture
def resolv_conf(tmp_path):
    path = tmp_path / "resolv.conf"

    def write(server):
        path.write_text(f"nameserver {server}\n")
        return path
    return write


# Covers: TRA-40, D64-05
@pytest.mark.parametrize("length", PREFIXES)
def test_curl_resolves_over_https_and_fetches_the_page(doors, length):
    before = doors.counted("queries_https", "queries_udp")
    page = doors.on_client(length, *FETCH, "--cacert", doors.ca_file, "--doh-url", f"https://{NAME}/dns-query", PAGE)
    assert HELLO in page and page.endswith(WEB[length]), page
    after = doors.counted("queries_https", "queries_udp")
    assert after[0] > before[0] and after[1] == before[1]


# Covers: TRA-20, TRA-40
@pytest.mark.parametrize("length", PREFIXES)
@pytest.mark.parametrize("how", ["+tls", "+https"])
def test_the_client_keeps_its_prefix_over_every_transport(doors, length, how):
    secure = [how, f"+tls-ca={doors.ca_file}", f"+tls-hostname={NAME}"]
    for words in ([], ["+tcp"], secure):
        told = doors.on_client(length, "kdig", f"@{doors.address}", *words, "www.v4only.example", "AAAA", "+short")
        assert told.split() == [WEB[length]]


# Covers: TRA-29
def test_stubby_checks_the_name_and_the_page_is_reached_through_it(doors, children, resolv_conf):
    stubby = Stubby("127.0.0.1", 53, doors.address, name=NAME, ca_file=doors.ca_file, namespace=doors.client(32))
    children.append(stubby)
    stubby.wait_up()
    before = doors.counted("queries_tls", "queries_udp")
    page = doors.on_client(32, *FETCH, PAGE, resolv_conf=resolv_conf("127.0.0.1"))
    assert HELLO in page and page.endswith(WEB[32]), page
    after = doors.counted("queries_tls", "queries_udp")
    assert after[0] > before[0] and after[1] == before[1]


# Covers: TRA-22, TRA-29
def test_systemd_resolved_checks_the_name_and_the_page_is_reached_through_it(doors, children, resolv_conf):
    need_resolved()
    resolved = Resolved(doors.client(64), doors.address, NAME, doors.ca_file)
    children.append(resolved)
    resolved.wait_up()
    before = doors.counted("queries_tls", "queries_udp", "tls_handshakes")
    assert resolved.short("www.v4only.example", "AAAA") == [WEB[64]]
    page = doors.on_client(64, *FETCH, PAGE, resolv_conf=resolv_conf("127.0.0.53"))
    assert HELLO in page and page.endswith(WEB[64]), page
    for name in ("mapped.dual.example", "shop.alias.example", "www.sigok.example"):
        assert "status: NOERROR" in resolved.ask(name, "AAAA")
    assert "status: NXDOMAIN" in resolved.ask("nothing.v4only.example", "AAAA")
    after = doors.counted("queries_tls", "queries_udp", "tls_handshakes")
    assert after[0] >= before[0] + 6 and after[1] == before[1]
    assert after[2] - before[2] <= 1, "a new connection for each question"


def test_what_resolve64ctl_profile_prints_for_systemd_resolved_is_all_it_needs(doors, children, resolv_conf):
    need_resolved()
    profile = run(binary("resolve64ctl"), "profile", "systemd-resolved", "-c", doors.config_file)
    resolved = Resolved(doors.client(32), doors.address, NAME, doors.ca_file, drop_in=profile)
    children.append(resolved)
    resolved.wait_up()
    before = doors.counted("queries_tls", "queries_udp")
    page = doors.on_client(32, *FETCH, PAGE, resolv_conf=resolv_conf("127.0.0.53"))
    assert HELLO in page and page.endswith(WEB[32]), page
    after = doors.counted("queries_tls", "queries_udp")
    assert after[0] > before[0] and after[1] == before[1]


def test_systemd_resolved_takes_nobody_elses_certificate(doors, children):
    need_resolved()
    resolved = Resolved(doors.client(96), doors.address, "other.example.com", doors.ca_file)
    children.append(resolved)
    before = doors.counted("queries_tls")
    resolved.wait_up()
    # It tries again and again, longer than dig waits.
    assert "ANSWER SECTION" not in dig(resolved.address, "www.v4only.example", "AAAA", namespace=resolved.namespace,
                                       timeout=3)
    assert "certificate verify failed" in resolved.log() or "hostname mismatch" in resolved.log(), resolved.log()
    assert doors.counted("queries_tls") == before


# Covers: TRA-24
def test_a_new_certificate_is_noticed_by_nobody(doors, children, resolv_conf):
    stubby = Stubby("127.0.0.1", 5353, doors.address, name=NAME, ca_file=doors.ca_file, namespace=doors.client(96))
    children.append(stubby)
    stubby.wait_up()
    fresh = doors.authority.issue(names=[NAME], addresses=[doors.address], key="rsa")
    assert stubby.short("www.v4only.example", "AAAA") == [WEB[96]]
    fresh.install(doors.issued.cert_file, doors.issued.key_file)
    wait_until(lambda: fresh.pin in doors.stderr(), 8, "the new certificate")
    assert stubby.short("www.dual.example", "AAAA") == ["2001:db8:64:80::92"]
    told = doors.on_client(96, "kdig", f"@{doors.address}", f"+tls-pin={fresh.pin}", "www.v4only.example", "AAAA",
                           "+short")
    assert told.split() == [WEB[96]]
