"""What a listener for TLS must bear: crowds, garbage, slowness. A polite client is served all the while."""

import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import pytest

from support import figures, load, tls_client
from support.client import TcpClient, make_query
from support.crowd import Polite, crowd, descriptors, sources
from support.encrypted import encrypted, ours
from support.net import scaled, wait_until
from support.peers import find
from support.tls_client import TlsBytes, context, ends, framed

__all__ = ["crowd", "encrypted", "ours"]


@pytest.fixture
def subject(site, encrypted):
    made = encrypted()
    made.query("v4.example.com.", "A")
    return made


# Covers: F15, ATK-25, TRA-06
@pytest.mark.figure
def test_thousands_of_idle_and_dripping_clients_do_not_keep_a_polite_one_out(site, encrypted, isolated, crowd):
    subject = encrypted(workers=2)
    subject.query("v4.example.com.", "A")
    share = 1 if figures.timed() else 5
    places = sources(isolated, 7600 // share)
    kept = subject.over_tls()
    kept.ask("v4.example.com.", "A")
    polite = Polite(subject)
    before = subject.resident()
    # The more there are, the less silence is borne; who asks now and then is kept.
    tcp, shaken = [], 0
    for at in range(0, 5000 // share, 250):
        tcp += crowd.connect(subject.address, 53, places[at:at + 250])
        kept.ask("v4.example.com.", "A")
    polite.ask()
    assert len(tcp) == 5000 // share
    for at in range(5000 // share, 7000 // share, 50):
        shaken += crowd.shake_hands(subject.address, places[at:at + 50], context(None))
        kept.ask("v4.example.com.", "A")
    polite.ask()
    assert shaken == 2000 // share
    slow_tcp = crowd.connect(subject.address, 53, places[7000 // share:7300 // share])
    slow_tls = crowd.connect(subject.address, 853, places[7300 // share:7600 // share])
    drips = {53: framed(make_query("v4.example.com.", "A")),
             853: TlsBytes(subject.address, tls=context(None)).hello()}
    for step in range(20):
        for port, socks in ((53, slow_tcp), (853, slow_tls)):
            for sock in socks:
                try:
                    sock.send(drips[port][step:step + 1])
                except OSError:
                    pass    # it was shed, as it should be sooner or later
        polite.ask()
        kept.ask("v4.example.com.", "A")
    kept.close()
    figures.record("F15", f"{len(tcp)} idle over TCP, {shaken} over TLS, {len(slow_tcp) + len(slow_tls)} dripping: "
                   f"a polite client lost nothing, {polite.report()}; "
                   f"memory {(subject.resident() - before) / 1048576:+.0f} MB")
    assert max(polite.worst().values()) < scaled(2)


# Covers: TRA-06
def test_one_network_cannot_take_the_connections_of_the_others(site, encrypted, isolated, crowd):
    subject = encrypted(limits={"tcp_clients": 400, "tcp_clients_per_network": 50})
    guest = isolated.ipv4()
    waiting = subject.over_tls(source=guest)    # has not asked anything yet
    flood = sources(isolated, 300, of_each=300)
    assert crowd.shake_hands(subject.address, flood, context(None)) == 300
    assert subject.stats()["limit_tcp_network"] >= 240
    assert waiting.ask("v4.example.com.", "A").rcode == "NOERROR"
    Polite(subject, guest).ask()
    # Who comes last from the crowded network is served too: the one that was silent longest made room.
    Polite(subject, flood[0]).ask()
    waiting.close()


# Covers: TRA-30
def test_a_flood_of_handshakes_does_not_starve_the_others(site, encrypted):
    subject = encrypted(workers=1)
    subject.query("v4.example.com.", "A")
    polite = Polite(subject)
    polite.ask()
    memory = subject.resident()
    with subject.over_tls() as kept:
        flood = [subprocess.Popen([find("openssl"), "s_time", "-connect", f"{subject.address}:853", "-new",
                                   "-time", "4"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True) for _ in range(4)]
        try:
            outcomes = load.run(subject.address, [("v4.example.com.", "A")] * 1500, rate=500, timeout=5)
            for _ in range(10):
                kept.ask("v4.example.com.", "A")
                polite.ask()
            told = [child.communicate(timeout=scaled(20))[0] for child in flood]
        finally:
            for child in flood:
                child.kill()
                child.wait()
    shaken = sum(int(re.search(r"(\d+) connections in \d+ real", text).group(1)) for text in told)
    assert all(outcome.good for outcome in outcomes)
    assert shaken > (200 if figures.timed() else 20), "that was no flood"
    seconds = [outcome.seconds for outcome in outcomes]
    figures.record("TRA-30", f"{shaken} handshakes in a flood: cached answers over UDP p50 "
                   f"{figures.milliseconds(figures.percentile(seconds, 50))}, p99 "
                   f"{figures.milliseconds(figures.percentile(seconds, 99))}, none lost; {polite.report()}")
    assert figures.percentile(seconds, 90) < scaled(0.25)    # the tail is the share of the cores that others take
    assert max(polite.worst().values()) < scaled(2)
    assert subject.resident() - memory < 16 << 20 or not figures.timed()


# Sends hundreds of questions at once over TLS, again as soon as the answers are there, in a process of its own.
GREEDY = """
import socket, ssl, sys
block, octets = bytes.fromhex(sys.argv[2]), int(sys.argv[3])
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
sock = tls.wrap_socket(socket.create_connection((sys.argv[1], 853)))
sock.sendall(block)
while True:
    sock.sendall(block)
    left = octets
    while left > 0:
        left -= len(sock.recv(min(left, 65536)))
"""


# Covers: TRA-30
def test_clients_that_ask_without_end_do_not_slow_down_the_others(site, encrypted):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    subject = encrypted(workers=1)
    wires = [make_query(f"n{i % 50}.w.example.com.", "A", ident=i) for i in range(300)]
    with subject.over_tls() as connection:
        connection.send(*wires)
        octets = sum(2 + len(connection.receive()) for _ in wires)
    greedy = [subprocess.Popen([sys.executable, "-c", GREEDY, subject.address, b"".join(map(framed, wires)).hex(),
                                str(octets)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL) for _ in range(8)]
    polite = Polite(subject)
    try:
        wait_until(lambda: subject.stats()["tls_handshakes"] > 8 and subject.stats()["queries_tls"] > 20000, 30,
                   "the flood")
        before, began = subject.stats()["queries_tls"], time.monotonic()
        while time.monotonic() < began + 3:
            polite.ask()
        rate = (subject.stats()["queries_tls"] - before) / (time.monotonic() - began)
    finally:
        for child in greedy:
            child.kill()
            child.wait()
    figures.record("TLS", f"eight clients that pipeline without end, {rate:.0f} answers a second: {polite.report()}")
    assert max(polite.overtaken(rate).values()) < 20000


# Covers: TRA-22
def test_the_end_does_not_wait_for_idle_clients_and_tells_them(subject, crowd):
    held = [subject.over_tls() for _ in range(200)]
    crowd.connect(subject.address, 53, ["127.0.0.1"] * 200)
    crowd.connect(subject.address, 853, ["127.0.0.1"] * 100)
    began = time.monotonic()
    subject.signal(15)
    assert subject.wait() == 0
    assert time.monotonic() - began < scaled(2)
    for connection in held:
        assert connection.receive() is None    # an end without close_notify raises
        connection.close()


def garbage(hello, chance):
    """Beginnings that are no TLS, or nearly are."""
    flipped = bytearray(hello)
    for _ in range(chance.randrange(1, 8)):
        flipped[chance.randrange(5, len(flipped))] ^= 1 << chance.randrange(8)
    return [
        chance.randbytes(chance.randrange(1, 2000)),
        bytes(flipped),
        hello[:chance.randrange(1, len(hello))],
        hello + chance.randbytes(200),
        hello + hello,
        b"\x16\x03\x01\xff\xff" + chance.randbytes(3000),                    # longer than a record may be
        b"\x16\x03\x01\x00\x00" * 400,                                       # empty records
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + b"\x16\x03\x01\x40\x00" + bytes(16384),    # 16 MB announced
        b"\x17\x03\x03\x00\x20" + chance.randbytes(32),                      # data before any handshake
        b"\x15\x03\x01\x00\x02\x01\x5a" * 100,                               # warning alerts
        b"\x14\x03\x03\x00\x01\x01" * 100,                                   # ChangeCipherSpec
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + chance.randbytes(40),    # SSLv2
        b"GET /dns-query?dns=AAAB HTTP/1.1\r\nHost: dns.example.com\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.randbytes(60),
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + chance.randbytes(12),    # a PROXY header from nobody's proxy
    ]


@pytest.mark.parametrize("port", [853, 443])
def test_garbage_in_place_of_a_handshake_ends_and_leaves_nothing_behind(subject, port):
    chance = random.Random(853)
    polite = Polite(subject)
    hello = TlsBytes(subject.address, port, tls=context(None)).hello()
    before, open_before = subject.resident(), descriptors(subject)
    waiting = []
    for _ in range(20):
        for data in garbage(hello, chance):
            sock = socket.create_connection((subject.address, port), timeout=scaled(5))
            try:
                sock.sendall(data)
                if chance.random() < 0.5:
                    sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            waiting.append(sock)
        polite.ask()
    for sock in waiting:
        assert ends(sock, 10)
        sock.close()
    wait_until(lambda: descriptors(subject) <= open_before + 2, 10, "the end of all connections")
    assert subject.resident() - before < 24 << 20 or not figures.timed()
    assert max(polite.worst().values()) < scaled(2)
    assert subject.stats()["queries_tls"] == len(polite.seconds["TLS"])


def test_records_that_were_tampered_with_end_their_connection_only(subject):
    chance = random.Random(8446)
    with subject.over_tls() as bystander:
        for _ in range(40):
            with TlsBytes(subject.address, tls=context(None)) as connection:
                connection.handshake()
                record = bytearray(connection.record(framed(make_query("v4.example.com.", "A"))))
                record[chance.randrange(5, len(record))] ^= 1 << chance.randrange(8)
                connection.sock.sendall(record)
                assert ends(connection.sock)
        assert bystander.ask("v4.example.com.", "A").rcode == "NOERROR"


def test_many_writers_of_single_octets_are_all_served_and_hold_up_nobody(subject):
    polite = Polite(subject)
    writers = []
    for _ in range(60):
        connection = TlsBytes(subject.address, tls=context(subject.ca_file))
        connection.handshake()
        data = b"".join(connection.record(bytes([octet])) for octet in framed(make_query("v4.example.com.", "A")))
        writers.append((connection, memoryview(data)))
    longest = max(len(data) for _, data in writers)
    for at in range(0, longest, 7):
        for connection, data in writers:
            connection.sock.sendall(data[at:at + 7])
        if at % 70 == 0:
            polite.ask()
    for connection, _ in writers:
        assert tls_client.Response(connection.receive()).values("A") == ["192.0.2.33"]
        connection.close()
    assert max(polite.worst().values()) < scaled(1)


def test_half_closed_connections_are_ended_and_given_back(site, encrypted):
    subject = encrypted(limits={"tls_idle": "2s", "tcp_idle": "2s"})
    polite = Polite(subject)
    polite.ask()
    open_before = descriptors(subject)
    halves = []
    for number in range(150):
        connection = TlsBytes(subject.address, tls=context(None))
        if number % 3 == 0:
            connection.sock.sendall(connection.hello())
        else:
            connection.handshake()
        if number % 3 == 1:
            connection.sock.sendall(connection.record(framed(make_query("v4.example.com.", "A"))[:9]))
        connection.sock.shutdown(socket.SHUT_WR)
        halves.append(connection)
    polite.ask()
    for connection in halves:
        assert ends(connection.sock, 15)
        connection.close()
    wait_until(lambda: descriptors(subject) <= open_before + 1, 15, "the end of all connections")


# Covers: TRA-08
def test_a_client_that_does_not_read_is_bounded_and_shed(site, encrypted):
    site.edit("example.com.", add="\n".join(f"many A 198.51.{i // 100}.{i % 100}" for i in range(90)))
    subject = encrypted(dns64={"enabled": False}, limits={"tls_idle": "2s"})
    subject.query("many.example.com.", "A", over="tcp")
    polite = Polite(subject)
    polite.ask()
    before, open_before = subject.resident(), descriptors(subject)
    tls = context(subject.ca_file)
    greedy = []
    for _ in range(8):
        connection = tls_client.TlsClient(subject.address, tls=tls)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sock.settimeout(0.05)
        greedy.append(connection)
    block = framed(make_query("many.example.com.", "A")) * 100
    highest = before
    for connection in greedy:
        try:
            for _ in range(200):
                connection.send_raw(block)
        except (OSError, ssl.SSLError):
            pass
        polite.ask()
        highest = max(highest, subject.resident())
    # A sanitizer keeps freed memory back.
    assert highest - before < 48 << 20 or not figures.timed()
    wait_until(lambda: descriptors(subject) <= open_before + 1, 15, "the end of those that do not read")
    for connection in greedy:
        connection.close()
    assert max(polite.worst().values()) < scaled(1)


def test_handshakes_that_are_left_half_way_are_forgotten(subject, crowd):
    polite = Polite(subject)
    open_before = descriptors(subject)
    tls = context(None)
    for number in range(400):
        connection = TlsBytes(subject.address, tls=tls)
        connection.sock.sendall(connection.hello()[:60 if number % 2 else None])
        crowd.sockets.append(connection.sock)
        if number % 40 == 0:
            polite.ask()
    wait_until(lambda: descriptors(subject) <= open_before + 2, 15, "the end of the half handshakes")
    polite.ask()


def test_connections_that_are_reset_as_fast_as_they_come_leave_nothing_behind(subject):
    polite = Polite(subject)
    polite.ask()
    open_before, before = descriptors(subject), subject.resident()
    wrong = []

    def storm():
        tls = context(None)
        until = time.monotonic() + 3
        try:
            while time.monotonic() < until:
                connection = TlsBytes(subject.address, tls=tls)
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sock.sendall(connection.hello())
                connection.close()
                with TcpClient(subject.address, 53) as plain:
                    plain.send(make_query("v4.example.com.", "A"))
                    plain.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError as fault:
            wrong.append(fault)

    storms = [threading.Thread(target=storm) for _ in range(2)]
    for thread in storms:
        thread.start()
    while any(thread.is_alive() for thread in storms):
        polite.ask()
    assert not wrong
    wait_until(lambda: descriptors(subject) <= open_before + 2, 15, "the end of all connections")
    assert subject.resident() - before < 24 << 20 or not figures.timed()
    assert max(polite.worst().values()) < scaled(2)
