"""Attacks on the doors: clients that want to crash, wedge, starve or mislead the service."""

import json
import selectors
import socket
import struct
import subprocess
import time

import pytest

from support import behave, figures, tls_client
from support.client import Response, make_query, udp_exchange
from support.crowd import Crowd, sources
from support.encrypted import encrypted, ours
from support.http2_client import Http2Client, get_path
from support.net import scaled, wait_until
from support.resolver import Resolver, binary, run_binary
from support.tls_client import framed

__all__ = ["encrypted", "ours"]

MIB = 1 << 20
LARGE = "large.example.com."    # an answer of some 60,000 octets


def large_answers(site):
    """TXT RRsets that nearly fill a message over TCP, at large.example.com. and everywhere below."""
    text = " ".join('"' + "x" * 250 + '"' for _ in range(4))
    site.edit("example.com.", add="\n".join(f'{owner} TXT "{i}" {text}' for i in range(46)
                                            for owner in ("large", "*.large")))


def small_window(address, port, receive_buffer=2304):
    """A connection over which little is on its way at a time, as over a real link: the kernel buffers little."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
    sock.settimeout(scaled(10))
    sock.connect((address, port))
    return sock


# Covers: TRA-06
def test_readers_that_never_quite_catch_up_do_not_make_the_service_grow(site, start):
    large_answers(site)
    subject = start(workers=1)
    assert len(subject.query(LARGE, "TXT", over="tcp").answer("TXT")) == 46
    before = subject.resident()
    block = framed(make_query(LARGE, "TXT")) * 1000
    socks = [small_window(*subject.listen[0]) for _ in range(4)]
    ready = selectors.DefaultSelector()
    for sock in socks:
        sock.setblocking(False)
        ready.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
    # Whole blocks only matter to the framing: what was left of the last one goes first.
    left = {sock: block for sock in socks}
    worst, until = before, time.monotonic() + scaled(6)
    try:
        while time.monotonic() < until and worst < before + 64 * MIB:
            for key, events in ready.select(1):
                sock = key.fileobj
                try:
                    if events & selectors.EVENT_READ and not sock.recv(1 << 16):
                        ready.unregister(sock)
                        continue
                    if events & selectors.EVENT_WRITE:
                        left[sock] = left[sock][sock.send(left[sock]):] or block
                except BlockingIOError:
                    pass
            worst = max(worst, subject.resident())
    finally:
        for sock in socks:
            sock.close()
    assert worst - before < 16 * MIB or not figures.timed(), f"grew by {(worst - before) // MIB} MiB"


# Covers: TRA-06
def test_one_late_answer_to_many_questions_that_nobody_reads_is_not_kept_for_each(site, com, start):
    large_answers(site)
    subject = start(workers=1)
    subject.query("v4.example.com.", "A")
    com.on(behave.delay(1), below="large.example.com.")
    before = subject.resident()
    socks = [small_window(*subject.listen[0]) for _ in range(30)]
    try:
        for sock in socks:
            sock.sendall(framed(make_query("cold.large.example.com.", "TXT")) * 100)
        wait_until(lambda: subject.stats()["queries_tcp"] >= 3000, 10, "all questions")
        wait_until(lambda: not subject.ctl_json("inflight"), 15, "the answers")
        grown = subject.resident() - before
    finally:
        for sock in socks:
            sock.close()
    assert grown < 64 * MIB or not figures.timed(), f"{grown // MIB} MiB for 30 connections"


def test_a_connection_of_a_listener_that_a_reload_takes_away_is_not_answered_from_its_view(site, start, net):
    first, second = net.ipv4(), net.ipv4()
    branch = {"branch": {"dns64": {"prefixes": ["2001:db8:999::/96"]}}}
    subject = start(listeners=[{"address": first, "port": 53}, {"address": second, "port": 53, "view": "branch"}],
                    views=branch)
    question = make_query("v4.example.com.", "AAAA")
    with subject.tcp(to=1) as connection:
        connection.send(question)
        assert Response(connection.receive()).values("AAAA") == ["2001:db8:999::c000:221"]
        changed = {**subject.config, "listen": subject.config["listen"][:1]}
        changed.pop("views")
        subject.write(changed)
        subject.reload()
        try:
            connection.send(question)
            reply = connection.receive()
        except OSError:
            reply = None
        assert reply is None or Response(reply).values("AAAA") == ["2001:db8:64::c000:221"]


class OnNamelessHost(Resolver):
    """On a host that nobody gave a name, as Linux calls it then."""

    def launch(self, env=None):
        with open(self.stderr_file, "wb") as stderr:
            self.process = subprocess.Popen(["unshare", "--uts", "sh", "-c", f"printf '%s' '{self.hostname}' > /proc/sys/kernel/hostname; exec \"$@\"",
                                             "sh", binary("resolve64"), "-c", str(self.config_file)],
                                            stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                                            cwd=self.directory, env=env)
        return self


@pytest.mark.parametrize("name", ["(none)", "gate.", "two words"])
def test_a_certificate_is_made_whatever_the_host_is_called(site, isolated, resolver_factory, tmp_path, name):
    address = isolated.ipv4()
    kind = type("Named", (OnNamelessHost,), {"hostname": name})
    subject = resolver_factory(site.config(tls={"state_file": str(tmp_path / "made.pem")}),
                               listen=[{"address": address, "port": 853, "transport": "tls"}], kind=kind)
    with tls_client.TlsClient(address, tls=tls_client.context(None, check_name=False)) as connection:
        assert connection.ask("v4.example.com.", "A").values("A") == ["192.0.2.33"]


# Covers: TRA-06, ATK-25
def test_who_may_not_ask_does_not_push_out_who_may(site, start, isolated):
    friends = isolated.ipv4()
    subject = start(limits={"tcp_clients": 60}, access={"allow": [friends + "/32"]})
    outsiders = [one for one in sources(isolated, 150) if one != friends]
    crowd = Crowd()
    with subject.tcp(source=friends) as kept:
        kept.send(make_query("v4.example.com.", "A"))
        assert Response(kept.receive()).rcode == "NOERROR"
        try:
            for outsider in outsiders:
                for sock in crowd.connect(*subject.listen[0], [outsider]):
                    sock.sendall(framed(make_query("v4.example.com.", "A")))
                    assert sock.recv(512)    # REFUSED, and it stays connected
            kept.send(make_query("v4.example.com.", "A"))
            reply = kept.receive()
        finally:
            crowd.close()
    assert reply is not None and Response(reply).rcode == "NOERROR"


# Covers: TRA-41
def test_idle_https_connections_do_not_keep_the_room_of_earlier_answers(site, encrypted):
    large_answers(site)
    subject = encrypted(workers=1)
    assert len(subject.query(LARGE, "TXT", over="tcp").answer("TXT")) == 46
    path = get_path(make_query(LARGE, "TXT", ident=0))
    before = subject.resident()
    clients = []
    try:
        for number in range(20):
            clients.append(Http2Client(subject.address, ca_file=subject.ca_file))
            streams = [clients[-1].request("HEAD" if number % 2 else "GET", path) for _ in range(90)]
            assert all(answer.status == 200 for answer in clients[-1].wait(*streams))
        grown = subject.resident() - before
    finally:
        for client in clients:
            client.close()
    assert grown < 32 * MIB or not figures.timed(), f"{grown // MIB} MiB for 20 connections that have everything"


# Covers: U18, CLI-21
@pytest.mark.parametrize("named", ["203.0.113.99", "224.0.0.1", "0.0.0.0"])
def test_the_address_that_a_proxy_names_is_not_announced_unless_it_is_ours(site, start, ours, net, named):
    address = net.ipv4()
    issued = ours.issue(names=[tls_client.NAME], addresses=[address])
    subject = start(listeners=[{"address": address, "port": 53, "proxy_protocol": ["127.0.0.0/8"]},
                               {"address": "0.0.0.0", "port": 853, "transport": "tls"}],
                    tls=issued.config(), access={"allow": ["any"]})
    block = socket.inet_aton("198.51.100.1") + socket.inet_aton(named) + struct.pack("!HH", 54321, 53)
    head = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x12, len(block)) + block
    reply = Response(udp_exchange(*subject.listen[0], head + make_query("_dns.resolver.arpa.", "SVCB")))
    assert reply.rcode == "NOERROR"
    assert named not in [record[3] for record in reply.additional()]


# Covers: U18
def test_a_path_with_an_apostrophe_does_not_end_the_string_of_a_powershell_command(net, ours, tmp_path):
    issued = ours.issue(names=[tls_client.NAME], addresses=["192.0.2.1"])
    config = tmp_path / "resolve64.json"
    config.write_text(json.dumps({"listen": [{"address": "192.0.2.1", "port": 53}, {
        "address": "192.0.2.1", "transport": "https", "path": "/it's;here"}], "tls": issued.config()}))
    done = run_binary("resolve64ctl", "profile", "windows", "-c", config)
    assert done.returncode == 0, done
    template = next(line for line in done.stdout.splitlines() if "-DohTemplate" in line)
    assert f"'https://{tls_client.NAME}/it''s;here'" in template


# Covers: CLI-13, U18
def test_an_address_that_the_host_got_after_the_start_is_announced_to_who_asked_it(site, start, ours, isolated):
    known = isolated.ipv6()
    subject = start(listeners=[{"address": "::", "port": 5353}, {"address": "::", "transport": "tls"}],
                    tls=ours.issue(names=[tls_client.NAME], addresses=[known]).config(), access={"allow": ["any"]})
    late = isolated.ipv6()
    for asked in (known, late):
        answer = subject.query("_dns.resolver.arpa.", "SVCB", to=(asked, 5353))
        assert [record[3] for record in answer.additional("AAAA")] == [asked]
