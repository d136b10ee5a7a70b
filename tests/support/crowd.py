"""Many connections at once, of the kinds that do a server no good, and a polite client beside them."""

import socket
import time
from pathlib import Path

import pytest

from support import client, cores, tls_client
from support.client import Response, make_query
from support.net import scaled


def sources(network, count, of_each=900):
    """`count` source addresses of which no more than `of_each` are in one /24. They are loopback addresses."""
    base = network.ipv4().rsplit(".", 2)[0]
    return [f"{base}.{200 + index // of_each}.{1 + index % 250}" for index in range(count)]


class Crowd:
    """Connections that are held open until `close`."""

    def __init__(self):
        self.sockets = []

    def connect(self, address, port, addresses):
        """One from each of these addresses; the socket of each. Who is not let in is not counted."""
        made = []
        for source in addresses:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.settimeout(scaled(5))
            self.sockets.append(sock)
            try:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((source, 0))
                sock.connect((address, port))
                made.append(sock)
            except OSError:
                pass
        return made

    def shake_hands(self, address, addresses, tls):
        """Connections over TLS that say nothing after the handshake; how many there came to be."""
        made = 0
        for source in addresses:
            try:
                connection = tls_client.TlsClient(address, tls=tls, source=source, timeout=5)
            except OSError:
                continue
            self.sockets.append(connection.sock)
            made += 1
        return made

    def close(self):
        for sock in self.sockets:
            sock.close()
        self.sockets = []


# Of IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect(), so that source addresses can share them.
if not hasattr(socket, "IP_BIND_ADDRESS_NO_PORT"):
    socket.IP_BIND_ADDRESS_NO_PORT = 24


class Polite:
    """A client that asks one question after the other, over everything, on new connections and on kept ones."""

    def __init__(self, subject, source=None):
        self.subject, self.source = subject, source
        self.tls = tls_client.context(subject.ca_file) if hasattr(subject, "ca_file") else None
        self.seconds = {}
        self._elsewhere = {}    # of these, those in which it was not the server that we waited for

    def _timed(self, what, ask):
        own, began = cores.own(), time.monotonic()
        reply = ask()
        self.seconds.setdefault(what, []).append(time.monotonic() - began)
        self._elsewhere.setdefault(what, []).append(cores.own() - own)
        assert reply is not None, f"no answer over {what}"
        assert Response(reply).rcode == "NOERROR", f"over {what}: {Response(reply)}"

    def _over_tls(self, wire):
        with tls_client.TlsClient(self.subject.address, tls=self.tls, source=self.source) as connection:
            connection.send(wire)
            return connection.receive()

    def ask(self, name="v4.example.com.", rtype="A"):
        address = self.subject.listen[0][0]
        wire = make_query(name, rtype)
        self._timed("UDP", lambda: client.udp_exchange(address, 53, wire, 5, self.source))
        self._timed("TCP", lambda: client.tcp_exchange(address, 53, wire, 5, self.source))
        if self.tls:
            self._timed("TLS", lambda: self._over_tls(wire))

    def worst(self):
        return {what: max(seconds) for what, seconds in self.seconds.items()}

    def overtaken(self, rate):
        """How many questions of others were answered while one of ours waited, at `rate` of them a second.

        Unlike the time it does not depend on how busy the machine is otherwise. Our own work, and our own waiting for
        a core, are no fault of the server. The lower quartile: nor is it what a single hiccup of the machine adds.
        """
        waited = {what: sorted(map(float.__sub__, seconds, self._elsewhere[what]))
                  for what, seconds in self.seconds.items()}
        return {what: seconds[len(seconds) // 4] * rate for what, seconds in waited.items()}

    def forget(self):
        self.seconds.clear()
        self._elsewhere.clear()

    def report(self):
        return ", ".join(f"{what} median {sorted(seconds)[len(seconds) // 2] * 1000:.1f} ms, "
                         f"worst {max(seconds) * 1000:.1f} ms" for what, seconds in self.seconds.items())


def descriptors(subject):
    """How many file descriptors the resolver has open."""
    return len(list(Path(f"/proc/{subject.pid}/fd").iterdir()))


@pytest.fixture
def crowd():
    made = Crowd()
    yield made
    made.close()
