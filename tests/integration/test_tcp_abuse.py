"""TCP as a service for many (RFC 7766, RFC 9210): bounds, fairness, and what the kernel is asked to do."""

import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import behave, figures
from support.client import Response, make_query
from support.crowd import Polite, crowd, descriptors, sources
from support.net import scaled, wait_until
from support.resolver import Resolver, binary
from support.tls_client import ends, framed

__all__ = ["crowd"]

SYN_DATA = 32    # of tcpi_options: the SYN carried data that was acknowledged
MSG_FASTOPEN = 0x20000000


@pytest.fixture
def subject(site, start):
    made = start()
    made.query("v4.example.com.", "A")
    return made


def tcp_info(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)


def data_segments_in(sock):
    return struct.unpack_from("=I", tcp_info(sock), 152)[0]


# Covers: TRA-06, ATK-25
def test_a_crowd_of_idle_connections_makes_room_for_who_asks(site, start, isolated, crowd):
    subject = start(limits={"tcp_clients": 100})
    with subject.tcp() as kept:
        kept.send(make_query("v4.example.com.", "A"))
        assert kept.receive()
        assert len(crowd.connect(*subject.listen[0], sources(isolated, 1000))) == 1000
        polite = Polite(subject)
        for _ in range(10):
            polite.ask()
        # Who has asked something goes last.
        kept.send(make_query("v4.example.com.", "A"))
        assert kept.receive()
    assert subject.stats()["limit_tcp_clients"] >= 800
    assert descriptors(subject) < 160


class FewDescriptors(Resolver):
    """May have 256 file descriptors."""

    def launch(self, env=None):
        with open(self.stderr_file, "wb") as stderr:
            self.process = subprocess.Popen(["prlimit", "--nofile=256:256", binary("resolve64"), "-c",
                                             str(self.config_file)], stdin=subprocess.DEVNULL, stdout=stderr,
                                            stderr=stderr, cwd=self.directory, env=env)
        return self


# Covers: F17, TRA-06
def test_a_crowd_that_takes_every_descriptor_leaves_some_for_resolving(site, resolver_factory, isolated, crowd):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = resolver_factory(site.config(), kind=FewDescriptors)
    crowd.connect(*subject.listen[0], sources(isolated, 600))
    polite = Polite(subject)
    for number in range(20):
        polite.ask(f"n{number}.w.example.com.", "AAAA")    # cold: asks others, over sockets
    assert subject.query("many.w.example.com.", "A", over="tcp").values("A") == ["192.0.2.1"]


# Covers: TRA-06
def test_one_network_is_held_to_its_share(site, start, isolated, crowd):
    subject = start(limits={"tcp_clients": 500, "tcp_clients_per_network": 40})
    other = isolated.ipv4()
    with subject.tcp(source=other) as stranger:
        open_before = descriptors(subject)
        flood = sources(isolated, 200, of_each=200)
        crowd.connect(*subject.listen[0], flood)
        wait_until(lambda: subject.stats()["limit_tcp_network"] >= 160, 5, "the limit")
        wait_until(lambda: descriptors(subject) <= open_before + 44, 5, "room")
        stranger.send(make_query("v4.example.com.", "A"))
        assert Response(stranger.receive()).rcode == "NOERROR"
    Polite(subject, flood[7]).ask()


# Covers: TRA-05, TRA-06
def test_the_more_connections_there_are_the_sooner_idle_ones_end_and_the_oldest_first(site, start, isolated, crowd):
    subject = start(limits={"tcp_clients": 200, "tcp_idle": "10s"})
    base = descriptors(subject)
    held = crowd.connect(*subject.listen[0], sources(isolated, 195))
    wait_until(lambda: descriptors(subject) >= base + 190, 5, "all connections")
    polite = Polite(subject)

    def ended(sock):
        sock.setblocking(False)
        try:
            return sock.recv(1) == b""
        except BlockingIOError:
            return False

    def fewer():
        polite.ask()    # the service looks at what is silent when somebody comes
        return descriptors(subject) <= base + 150
    wait_until(fewer, 12, "room", every=0.1)
    gone = [index for index, sock in enumerate(held) if ended(sock)]
    assert sum(gone) / len(gone) < 80, f"the youngest went, not the oldest: {gone}"


def test_answers_to_questions_that_come_together_leave_together(subject):
    with subject.tcp() as connection:
        connection.send(make_query("v4.example.com.", "A", ident=1))
        connection.receive()
        before = data_segments_in(connection.sock)
        connection.send(*(make_query("v4.example.com.", "A", ident=i) for i in range(60)))
        assert {Response(connection.receive()).id for _ in range(60)} == set(range(60))
        assert data_segments_in(connection.sock) - before <= 6


# Asks cached questions as fast as the answers are taken, in a process of its own.
GREEDY = """
import socket, sys, threading
block = bytes.fromhex(sys.argv[3])
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def drain():
    while sock.recv(1 << 18):
        pass
threading.Thread(target=drain, daemon=True).start()
while True:
    sock.sendall(block)
"""


def test_clients_that_ask_without_end_do_not_slow_down_the_others(site, start):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = start(workers=1)
    polite = Polite(subject)
    polite.ask()
    polite.forget()
    block = b"".join(framed(make_query(f"n{i % 50}.w.example.com.", "A", ident=i)) for i in range(500))
    address, port = subject.listen[0]
    greedy = [subprocess.Popen([sys.executable, "-c", GREEDY, address, str(port), block.hex()],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
              for _ in range(8)]
    try:
        wait_until(lambda: subject.stats()["queries_tcp"] > 10000, 20, "the flood")
        before, began = subject.stats()["queries_tcp"], time.monotonic()
        while time.monotonic() < began + 3:
            polite.ask()
        rate = (subject.stats()["queries_tcp"] - before) / (time.monotonic() - began)
    finally:
        for child in greedy:
            child.kill()
            child.wait()
    figures.record("TCP", f"eight clients that pipeline without end, {rate:.0f} answers a second: {polite.report()}")
    assert max(polite.overtaken(rate).values()) < 10000


# Covers: TRA-06
def test_questions_beyond_a_connections_share_wait_and_are_not_lost(site, com, start):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    gate = behave.Gate(site.authority)
    com.on(gate, below="w.example.com.", when=lambda query: len(query.labels) > 3)
    subject = start()
    with subject.tcp() as greedy:
        greedy.send(*(make_query(f"g{i}.w.example.com.", "A", ident=i) for i in range(350)))
        site.authority.wait_for(below="w.example.com.", count=20)
        with subject.tcp() as polite:
            polite.send(make_query("v4.example.com.", "A"))
            assert Response(polite.receive()).rcode == "NOERROR", "it does not wait for the other connection's"
        gate.open()
        assert {Response(greedy.receive()).id for _ in range(350)} == set(range(350))


def test_half_closed_connections_are_ended_and_given_back(site, start, crowd):
    subject = start(limits={"tcp_idle": "2s"})
    polite = Polite(subject)
    polite.ask()
    open_before = descriptors(subject)
    query = framed(make_query("v4.example.com.", "A"))
    for number, sock in enumerate(crowd.connect(*subject.listen[0], ["127.0.0.1"] * 300)):
        sock.sendall(query[:(0, 1, 2, 20, len(query))[number % 5]])
        sock.shutdown(socket.SHUT_WR)
    polite.ask()
    for sock in crowd.sockets:
        assert ends(sock, 10)
    wait_until(lambda: descriptors(subject) <= open_before + 1, 10, "the end of all connections")


def test_hundreds_of_dripping_clients_end_in_time_and_hold_up_nobody(site, start, isolated, crowd):
    subject = start(limits={"tcp_idle": "1s"})
    open_before = descriptors(subject)
    polite = Polite(subject)
    query = framed(make_query("v4.example.com.", "A"))
    dripping = crowd.connect(*subject.listen[0], sources(isolated, 600))
    at = 0

    def all_ended():
        nonlocal at
        for sock in dripping:
            try:
                sock.send(query[at % 20:at % 20 + 1])
            except OSError:
                pass
        at = min(at + 1, 19)
        polite.ask()
        return descriptors(subject) <= open_before + 1
    wait_until(all_ended, 15, "the end of those that drip", every=0.1)
    assert max(polite.worst().values()) < scaled(1)


def test_the_first_question_may_come_in_the_syn(site, start, isolated):
    setting = Path("/proc/sys/net/ipv4/tcp_fastopen")
    try:
        setting.write_text("3\n")
    except OSError:
        pytest.skip("this namespace cannot switch TCP fast open on")
    subject = start()
    query = framed(make_query("v4.example.com.", "A"))
    for attempt in range(2):    # the first brings the cookie
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.sendto(query, MSG_FASTOPEN, subject.listen[0])
            sock.settimeout(scaled(5))
            reply = sock.recv(65535)
            assert Response(reply[2:]).values("A") == ["192.0.2.33"]
            assert bool(tcp_info(sock)[5] & SYN_DATA) == (attempt == 1)
