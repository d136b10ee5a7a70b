"""Behind a load balancer: dnsdist with PROXY v2 over UDP, TCP and TLS. The client's address decides, not dnsdist's."""

import socket
import struct
import subprocess

import pytest

from support import client, tls_client
from support.client import Response, make_query
from support.encrypted import encrypted, ours
from support.net import scaled, wait_until
from support.peers import Child, find
from support.tls_client import NAME, TLS12, context

__all__ = ["encrypted", "ours"]
DEFAULT, GUEST = "2001:db8:64::c000:221", "2001:db8:65::c000:221"


class Dnsdist(Child):
    """dnsdist on the ports 53, 853 and 443 of `address`, from which it asks the resolver too."""

    def __init__(self, address, issued, backend):
        super().__init__("dnsdist")
        self.address = address
        (self.directory / "dnsdist.conf").write_text("\n".join([
            'setSecurityPollSuffix("")', 'setACL({"0.0.0.0/0"})', f'setLocal("{address}:53")',
            f'addTLSLocal("{address}:853", "{issued.cert_file}", "{issued.key_file}")',
            f'addDOHLocal("{address}:443", "{issued.cert_file}", "{issued.key_file}", "/dns-query")',
            f'newServer({{useProxyProtocol=true, source="{address}", checkName="v4.example.com.", checkInterval=1, '
            f'maxCheckFailures=3, mustResolve=true, {backend}}})']) + "\n")
        self.run(find("dnsdist"), "--supervised", "--disable-syslog", "-C", str(self.directory / "dnsdist.conf"))
        wait_until(self._up, 20, "dnsdist's good opinion of the resolver")

    def _up(self):
        assert self.process.poll() is None, self.log()
        reply = client.udp_exchange(self.address, 53, make_query("v4.example.com.", "A"), 0.5)
        return reply is not None and Response(reply).rcode == "NOERROR"


@pytest.fixture
def site(world):
    world.zone("com.")
    world.zone("example.com.", """
        @ 300 SOA ns1.example.com. hostmaster.example.com. 1 3600 600 86400 300
        v4 600 A 192.0.2.33
        many TXT "{0}" "{0}" "{0}" "{0}" "{0}" "{0}"
    """.format("x" * 250))
    return world


class Setting:
    """The resolver, the address that may speak PROXY v2 to it, and a guest whose view has another prefix."""

    def __init__(self, net, encrypted):
        self.proxy, self.guest, self.stranger = net.ipv4(), net.ipv4(), net.ipv4()
        self.subject = encrypted(
            listener={"proxy_protocol": [self.proxy]}, access={"refuse": [self.stranger]},
            views={"guests": {"clients": [self.guest], "dns64": {"prefixes": ["2001:db8:65::/96"]}}})
        self.address = self.subject.address


@pytest.fixture
def setting(site, net, encrypted):
    return Setting(net, encrypted)


def backend(setting, kind):
    """What stands in dnsdist's newServer{} for the way that it asks."""
    if kind in ("tls", "https"):
        port = {"tls": 853, "https": 443}[kind]
        return (f'address="{setting.address}:{port}", tls="openssl", caStore="{setting.subject.ca_file}", '
                f'subjectName="{NAME}", validateCertificates=true'
                + (', dohPath="/dns-query"' if kind == "https" else ""))
    return f'address="{setting.address}:53"' + (", tcpOnly=true" if kind == "tcp" else "")


def ask_over(how, address, ca_file, source, name="v4.example.com.", rtype="AAAA"):
    if how in ("udp", "tcp"):
        return client.ask(address, name, rtype, over=how, source=source)
    if how == "tls":
        return tls_client.ask(address, name, rtype, tls=context(ca_file), source=source)
    raise ValueError(how)


# Covers: CLI-20
@pytest.mark.parametrize("kind", ["udp", "tcp", "tls", "https"])
def test_behind_dnsdist_the_clients_own_address_chooses_the_view(setting, ours, children, kind):
    dnsdist = Dnsdist(setting.proxy, ours.issue(names=[NAME]), backend(setting, kind))
    children.append(dnsdist)
    for how in ("udp", "tcp", "tls"):
        for source, wanted in [(setting.guest, GUEST), (None, DEFAULT), (setting.guest, GUEST)]:
            answer = ask_over(how, dnsdist.address, ours.ca_file, source)
            assert answer.values("AAAA") == [wanted], f"a client over {how}, dnsdist over {kind}: {answer}"
        refused = ask_over(how, dnsdist.address, ours.ca_file, setting.stranger)
        assert refused.rcode == "REFUSED", f"a client over {how}, dnsdist over {kind}: {refused}"
    done = subprocess.run(["kdig", f"@{dnsdist.address}", "+https", f"+tls-ca={ours.ca_file}",
                           f"+tls-hostname={NAME}", f"-b{setting.guest}", "v4.example.com", "AAAA", "+short"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=scaled(20), check=False)
    assert done.stdout.split() == [GUEST], done
    stats = setting.subject.stats()
    assert stats[f"queries_{kind}"] > 0
    assert stats["proxy_refused"] == 0
    assert stats["queries"] >= 10


# Covers: CLI-20
@pytest.mark.parametrize("kind", ["udp", "tls"])
def test_a_long_answer_comes_through_dnsdist_whole(setting, ours, children, kind):
    dnsdist = Dnsdist(setting.proxy, ours.issue(names=[NAME]), backend(setting, kind))
    children.append(dnsdist)
    short = client.ask(dnsdist.address, "many.example.com.", "TXT", source=setting.guest)
    assert "TC" in short.flags or short.values("TXT")
    whole = client.ask(dnsdist.address, "many.example.com.", "TXT", over="tcp", source=setting.guest)
    assert len(whole.wire) > 1500 and whole.values("TXT")


# Covers: CLI-20
@pytest.mark.parametrize("words", [(), ("+tcp",)], ids=["udp", "tcp"])
def test_kdig_in_the_place_of_a_proxy_names_the_client(setting, words):
    def kdig(source, *more):
        done = subprocess.run(["kdig", f"@{setting.address}", f"-b{source}", "+retry=0", "+timeout=2", *words, *more,
                               "v4.example.com", "AAAA", "+short"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=scaled(20), check=False)
        return done.stdout.split()
    assert kdig(setting.proxy, f"+proxy={setting.guest}-192.0.2.1") == [GUEST]
    assert kdig(setting.proxy, "+proxy=127.0.0.9-192.0.2.1") == [DEFAULT]
    assert kdig(setting.proxy, "+proxy=192.0.2.7-192.0.2.1") == [], "REFUSED has no answer"
    assert kdig(setting.guest) == [GUEST]
    assert kdig(setting.proxy) == [], "who must send a header sent none"
    # Nobody else's header is believed.
    assert kdig(setting.guest, "+proxy=127.0.0.9-192.0.2.1") == []


def header(source, destination="192.0.2.1"):
    """A PROXY v2 header of a TCP connection over IPv4."""
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(source) + socket.inet_aton(destination)
            + struct.pack("!HH", 4321, 853))


class Passing(tls_client.TlsClient):
    """A proxy's connection over TLS with the header before the handshake, or inside TLS, or both, or nowhere."""

    def __init__(self, address, port, *, source, before=b"", within=b"", pieces=False, **kwargs):
        self.before, self.pieces = before, pieces
        tls = kwargs.pop("tls")
        client.TcpClient.__init__(self, address, port, source, 10)
        self._put(before)
        self.sock = tls.wrap_socket(self.sock, server_hostname=NAME, suppress_ragged_eofs=False)
        self._put(within)

    def _put(self, data):
        for piece in ([data[i:i + 1] for i in range(len(data))] if self.pieces else [data] if data else []):
            self.sock.sendall(piece)


# Covers: CLI-20
@pytest.mark.parametrize("place", ["before", "within"])
@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "in single octets"])
def test_the_header_may_come_before_tls_or_inside_it(setting, ours, place, pieces):
    for tls in (context(ours.ca_file), context(ours.ca_file, most=TLS12)):
        with Passing(setting.address, 853, tls=tls, source=setting.proxy, pieces=pieces,
                     **{place: header(setting.guest)}) as connection:
            for _ in range(3):
                assert connection.ask("v4.example.com.", "AAAA").values("AAAA") == [GUEST]


# Covers: CLI-20
@pytest.mark.parametrize("before,within", [(b"", b""), (b"", b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\0"),
                                           (b"", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n")],
                         ids=["none", "of a unix socket", "version 1"])
def test_a_proxy_without_a_good_header_is_not_served_over_tls(setting, ours, before, within):
    with Passing(setting.address, 853, tls=context(ours.ca_file), source=setting.proxy, before=before,
                 within=within) as connection:
        connection.send(make_query("v4.example.com.", "AAAA"))
        assert tls_client.ends(connection.sock)
    assert setting.subject.stats()["proxy_refused"] >= 1
    assert setting.subject.stats()["queries_tls"] == 0
