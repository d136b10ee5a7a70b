"""Attacks on the doors: clients that want to crash, wedge, starve or mislead the service."""

import select
import socket
import struct
import threading
import time

import pytest

from support import behave
from support.client import Response, make_query
from support.net import scaled, wait_until
from support.tls_client import framed

MIB = 1 << 20
LARGE = "large.example.com."    # an answer of some 60,000 octets


def large_zone(site):
    """A TXT RRset that nearly fills a message over TCP."""
    text = " ".join('"' + "x" * 250 + '"' for _ in range(4))
    site.edit("example.com.", add="\n".join(f"large TXT \"{i}\" {text}" for i in range(58))
              + "\n*.w TXT " + text)


def connected(address, port, receive_buffer):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)    # as on a real link: the kernel buffers less
    sock.settimeout(scaled(10))
    sock.connect((address, port))
    return sock


# Covers: TRA-06
def test_a_reader_that_never_quite_catches_up_does_not_make_the_service_grow(site, start):
    large_zone(site)
    subject = start(workers=1)
    reply = subject.query(LARGE, "TXT", over="tcp")
    assert len(reply.answer("TXT")) == 58
    before = subject.resident()
    questions = framed(make_query(LARGE, "TXT")) * 1000
    sock = connected(*subject.listen[0], 2304)
    stop = threading.Event()

    def ask():
        try:
            while not stop.is_set():
                sock.sendall(questions)
        except OSError:
            pass
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    import subprocess; tr = subprocess.Popen(["timeout","3","strace","-f","-e","trace=sendto,recvfrom","-p",str(subject.pid),"-o","/tmp/s-strace.out"]) if __import__("os").environ.get("TR") else None
    taken, worst = 0, 0
    until = time.monotonic() + scaled(6)
    try:
        while time.monotonic() < until and taken < 4000 * MIB:
            got = sock.recv(1 << 16)
            if not got:
                break
            taken += len(got)
            worst = max(worst, subject.resident())
        worst = max(worst, subject.resident())
    finally:
        stop.set()
        sock.close()
        asking.join(scaled(5))
    print("taken", taken / MIB, "grew", (worst - before) / MIB)
    assert worst - before < 32 * MIB
