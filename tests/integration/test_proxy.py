"""Proxies that speak for clients (PROXY protocol, version 2): kdig, dnsdist, octets by hand."""

import socket
import struct
import subprocess

import pytest

from support import client
from support.client import Response, TcpClient, make_query
from support.net import scaled, wait_until
from support.peers import Child, find

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
COOKIE = 10


def header(source, destination="198.51.100.53", *, command=0x21, stream=False, tlvs=b""):
    """A header that names `source`; both addresses are of one family."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    block = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    block += struct.pack("!HH", 54321, 53) + tlvs
    kind = (0x20 if family == socket.AF_INET6 else 0x10) | (1 if stream else 2)
    return SIGNATURE + struct.pack("!BBH", command, kind, len(block)) + block


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


@pytest.fixture
def subject(site, start, net):
    """Answers proxies on its first address, and clients of 10.1.0.0/16 by another prefix."""
    made = start(listeners=[{"address": net.ipv4(), "port": 53, "proxy_protocol": ["127.0.0.0/8"]},
                            {"address": net.ipv4(), "port": 53}],
                 access={"allow": ["10.0.0.0/8", "127.0.0.0/8", "2001:db8:a::/48"], "refuse": ["10.6.6.0/24"]},
                 views={"branch": {"clients": ["10.1.0.0/16"], "dns64": {"prefixes": ["2001:db8:999::/96"]}}})
    made.query("v4.example.com.", "AAAA", to=1)
    return made


def udp(subject, head, name="v4.example.com.", rtype="AAAA", **kwargs):
    reply = client.udp_exchange(*subject.listen[0], head + make_query(name, rtype, **kwargs))
    return Response(reply)


def tcp(subject, head, name="v4.example.com.", rtype="AAAA", **kwargs):
    with TcpClient(*subject.listen[0]) as connection:
        connection.send_raw(head + framed(make_query(name, rtype, **kwargs)))
        reply = connection.receive()
    return reply and Response(reply, "tcp")


DEFAULT, BRANCH = "2001:db8:64::c000:221", "2001:db8:999::c000:221"
EXCHANGES = {"udp": udp, "tcp": tcp}


@pytest.fixture(params=sorted(EXCHANGES))
def exchange(request):
    return EXCHANGES[request.param]


# Covers: CLI-20, CLI-21
def test_the_client_that_the_header_names_counts(subject, exchange):
    assert exchange(subject, header("10.1.2.3")).values("AAAA") == [BRANCH]
    assert exchange(subject, header("10.2.2.3")).values("AAAA") == [DEFAULT]
    assert exchange(subject, header("10.6.6.6")).rcode == "REFUSED"
    assert exchange(subject, header("203.0.113.9")).rcode == "REFUSED"
    assert exchange(subject, header("2001:db8:a::1", "2001:db8:a::53")).values("AAAA") == [DEFAULT]
    assert exchange(subject, header("2001:db8:b::1", "2001:db8:a::53")).rcode == "REFUSED"
    assert exchange(subject, header("::ffff:10.1.2.3", "::ffff:10.1.2.4")).values("AAAA") == [BRANCH]


# Covers: CLI-20, CLI-21
def test_of_a_local_header_the_proxy_itself_is_the_client(subject, exchange):
    assert exchange(subject, header("10.6.6.6", command=0x20)).values("AAAA") == [DEFAULT]
    assert exchange(subject, SIGNATURE + b"\x20\0\0\0").values("AAAA") == [DEFAULT]
    assert exchange(subject, SIGNATURE + b"\x21\0\0\0").values("AAAA") == [DEFAULT]


# Covers: CLI-20
def test_tlvs_and_the_transport_of_the_client_make_no_difference(subject, exchange):
    for stream in (False, True):
        head = header("10.1.2.3", stream=stream, tlvs=b"\x03\0\4abcd" + b"\xea\0\2ef")
        assert exchange(subject, head).values("AAAA") == [BRANCH]


# Covers: CLI-20
@pytest.mark.parametrize("head", [
    b"", SIGNATURE[:-1], header("10.1.2.3", command=0x31), header("10.1.2.3", command=0x22),
    header("10.1.2.3", tlvs=bytes(2000)), b"PROXY TCP4 10.1.2.3 10.1.2.4 54321 53\r\n",
    SIGNATURE + b"\x21\x31\0\xd8" + bytes(216),
], ids=["none", "cut-signature", "version-3", "command-2", "too-long", "version-1", "unix"])
def test_a_proxy_without_a_good_header_gets_no_answer(subject, head):
    query = make_query("v4.example.com.", "AAAA", ident=1)
    assert_no_answer(subject, head + query, head + framed(query))


# Covers: CLI-20
def test_a_proxy_with_half_a_header_gets_no_answer(subject):
    head = header("10.1.2.3")
    for size in (1, 12, 16, len(head) - 1):
        assert_no_answer(subject, head[:size], head[:size])


def assert_no_answer(subject, datagram, octets):
    before = subject.stats()["proxy_refused"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(scaled(10))
        sock.connect(subject.listen[0])
        sock.send(datagram)
        # What comes next is answered, and comes after it.
        sock.send(header("10.1.2.3") + make_query("v4.example.com.", "AAAA", ident=2))
        assert Response(sock.recv(4096)).id == 2
    with TcpClient(*subject.listen[0]) as connection:
        connection.send_raw(octets)
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was closed already
        assert connection.receive() is None
    assert subject.stats()["proxy_refused"] > before


# Covers: CLI-20
def test_a_header_in_single_octets_is_put_together(subject):
    with TcpClient(*subject.listen[0]) as connection:
        for octet in header("10.1.2.3", stream=True) + framed(make_query("v4.example.com.", "AAAA")):
            connection.send_raw(bytes([octet]))
        assert Response(connection.receive()).values("AAAA") == [BRANCH]
        connection.send(make_query("v4.example.com.", "AAAA"))
        assert Response(connection.receive()).values("AAAA") == [BRANCH], "the header holds for the connection"


# Covers: CLI-20
def test_a_header_from_who_is_no_proxy_names_nobody(subject):
    address = subject.listen[1]
    reply = client.udp_exchange(*address, header("10.1.2.3") + make_query("v4.example.com.", "AAAA"))
    assert BRANCH.encode() not in reply and Response(reply).rcode in ("NOTIMP", "FORMERR")
    assert subject.query("v4.example.com.", "AAAA", to=1).values("AAAA") == [DEFAULT]


# Covers: ATK-24, CLI-21
def test_a_cookie_belongs_to_the_client_that_the_header_names(subject, exchange):
    def cookie(response):
        (option,) = [option for code, option in response.options if code == COOKIE]
        return option.to_wire()
    mine = cookie(exchange(subject, header("10.2.2.3"), options=[(COOKIE, bytes(range(8)))]))
    assert cookie(exchange(subject, header("10.2.2.3"), options=[(COOKIE, mine)])) == mine
    assert cookie(exchange(subject, header("10.2.2.4"), options=[(COOKIE, mine)])) != mine
    stats = subject.stats()
    assert (stats["cookies_good"], stats["cookies_bad"]) == (1, 1)


def test_a_reload_makes_and_unmakes_a_proxy(subject):
    listen = [dict(entry) for entry in subject.config["listen"]]
    del listen[0]["proxy_protocol"]
    subject.reload({"listen": listen})
    assert subject.query("v4.example.com.", "AAAA").values("AAAA") == [DEFAULT]
    listen[0]["proxy_protocol"] = ["127.0.0.0/8"]
    subject.reload({"listen": listen})
    assert udp(subject, header("10.1.2.3")).values("AAAA") == [BRANCH]
    assert tcp(subject, header("10.1.2.3")).values("AAAA") == [BRANCH]


# --- programs ---

# Covers: CLI-20
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_kdig_as_a_proxy(subject, transport):
    done = subprocess.run(["kdig", f"@{subject.listen[0][0]}", "+retry=0", "+timeout=10", transport,
                           "+proxy=10.1.2.3#4321-10.1.2.4#53", "v4.example.com", "AAAA"],
                          capture_output=True, text=True, timeout=scaled(30), check=False)
    assert done.returncode == 0 and BRANCH in done.stdout, done.stdout + done.stderr


# Covers: CLI-20, CLI-21
def test_dnsdist_as_a_proxy(subject, children, net):
    if find("dnsdist") is None:
        pytest.skip("dnsdist is not installed")
    front = net.ipv4()
    dnsdist = Child("dnsdist")
    children.append(dnsdist)
    config = dnsdist.directory / "dnsdist.conf"
    config.write_text(f"""
        setLocal("{front}:53")
        setACL("127.0.0.0/8")
        setSecurityPollSuffix("")
        newServer({{address="{subject.listen[0][0]}:53", useProxyProtocol=true, healthCheckMode="up"}})
    """)
    dnsdist.run(find("dnsdist"), "--supervised", "--disable-syslog", "-C", str(config))

    def answers():
        return client.udp_exchange(front, 53, make_query("v4.example.com.", "AAAA"), 0.5)
    wait_until(answers, 20, "dnsdist")
    for over in ("udp", "tcp"):
        assert client.ask(front, "v4.example.com.", "AAAA", over=over).values("AAAA") == [DEFAULT]
    assert subject.stats()["proxy_refused"] == 0
    subject.reload({"access": {"allow": ["127.0.0.0/8"], "refuse": ["127.7.7.7/32"]}})
    for over in ("udp", "tcp"):
        assert client.ask(front, "v4.example.com.", over=over).rcode == "NOERROR"
        assert client.ask(front, "v4.example.com.", over=over, source="127.7.7.7").rcode == "REFUSED"
