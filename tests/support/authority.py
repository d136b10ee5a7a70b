"""The scripted authority: many name servers in one thread, which behave as well or as badly as a test asks.

    authority = Authority()
    server = authority.server("127.16.0.2")
    server.zone("example.com.", "www A 192.0.2.1")
    server.on(behave.silence(), type="AAAA")
    ... ask ...
    assert authority.queries("www.example.com", "A")

Every query is logged before anything is done about it. The log may be read from any thread.
"""

import errno
import heapq
import itertools
import os
import select
import socket
import struct
import threading
import time

from support import wire
from support.net import receive_buffer, scaled
from support.wire import WireError, labels_of, parse_query
from support.zone import Zone


class Context:
    """One query on its way to a reply. A behaviour changes it, replies, or does nothing."""

    def __init__(self, server, query, reply_to):
        self.server = server
        self.query = query
        self.delay = 0.0
        self.changes = []
        self._reply_to = reply_to

    @property
    def udp(self):
        return self.query.transport == "udp"

    def good(self):
        """The reply that a well-behaved server gives, as bytes."""
        return self.server.good_reply(self.query)

    def send(self, message):
        """Sends `message` after the delay, as the behaviours before this one have changed it."""
        for change in self.changes:
            message = change(self, message)
            if message is None:
                return
        if self.delay:
            self.server.authority.later(self.delay, lambda: self._reply_to(message))
        else:
            self._reply_to(message)

    def send_from(self, port, message):
        """Sends a datagram from another port of the same address."""
        with socket.socket(self.server.family, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((self.server.address, port))
            other.sendto(message, self.query.client)


class Rule:
    def __init__(self, behaviour, name, below, type_, transport, when):
        self.behaviour = behaviour
        self.name = labels_of(name) if name is not None else None
        self.below = labels_of(below) if below is not None else None
        self.types = None if type_ is None else {type_} if isinstance(type_, str) else set(type_)
        self.transport = transport
        self.when = when
        self.active = True

    def matches(self, query):
        return (self.active
                and (self.types is None or query.type in self.types)
                and (self.transport is None or query.transport == self.transport)
                and (self.name is None or query.labels == self.name)
                and (self.below is None or not self.below or query.labels[-len(self.below):] == self.below)
                and (self.when is None or self.when(query)))

    def stop(self):
        self.active = False


class Server:
    """One address and port, UDP and TCP."""

    def __init__(self, authority, address, port):
        self.authority = authority
        self.address = address
        self.port = port
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.zones = []
        self.rules = []
        self._replies = {}
        self.udp = socket.socket(self.family, socket.SOCK_DGRAM)
        receive_buffer(self.udp, 4 << 20)
        self.tcp = socket.socket(self.family, socket.SOCK_STREAM)
        for sock in (self.udp, self.tcp):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
            sock.setblocking(False)
        self.tcp.listen(128)

    def __str__(self):
        return f"{self.address}@{self.port}"

    def zone(self, origin, text="", ttl=300):
        """Serves `origin` from now on, in place of what it served under this name."""
        return self.serve(Zone(origin, text, ttl))

    def serve(self, zone):
        zones = [z for z in self.zones if z.origin != zone.origin] + [zone]
        self.zones = sorted(zones, key=lambda z: -len(z.origin))
        self._replies = {}
        return zone

    def changed(self):
        """A zone was edited in place: forget the replies that were built from it."""
        self._replies = {}

    def on(self, behaviour, *, name=None, below=None, type=None, transport=None, when=None):
        """Does `behaviour` for the queries that match; of several rules the first comes first."""
        rule = Rule(behaviour, name, below, type, transport, when)
        self.rules = self.rules + [rule]
        return rule

    def good_reply(self, query):
        key = (query.labels, query.type, query.edns, query.do, query.payload, query.transport)
        kept = self._replies.get(key)
        if kept is None:
            kept = self._build(query)
            if len(self._replies) > 20000:
                self._replies.clear()
            self._replies[key] = kept
        flags = struct.unpack_from("!H", kept, 2)[0] & ~wire.RD | query.flags & wire.RD
        return (query.wire[:2] + struct.pack("!H", flags) + kept[4:12]
                + query.wire[12:query.question_end] + kept[query.question_end:])

    def _build(self, query):
        if query.qclass == 1:
            for zone in self.zones:
                if zone.holds(query.labels) and not self._above_holds_ds(zone, query):
                    reply = zone.answer(query)
                    message = reply.wire()
                    limit = max(query.payload, 512) if query.edns else 512
                    if query.transport == "udp" and len(message) > limit:
                        return reply.truncated()
                    return message
        reply = wire.Builder(query)
        reply.rcode = wire.RCODES["REFUSED"]
        if query.edns:
            reply.add_opt()
        return reply.wire()

    def _above_holds_ds(self, zone, query):
        """RFC 4035 section 3.1.4.1: a server of both zones answers for DS from the parent."""
        return (query.type == "DS" and query.labels and zone.origin == query.labels
                and any(z is not zone and z.holds(query.labels) for z in self.zones))

    def handle(self, query, reply_to):
        context = Context(self, query, reply_to)
        for rule in self.rules:
            if rule.matches(query) and rule.behaviour(context):
                return
        context.send(context.good())

    def close(self):
        self.udp.close()
        self.tcp.close()


class _Connection:
    def __init__(self, sock, peer):
        self.sock = sock
        self.peer = peer
        self.buffer = b""

    def send(self, message):
        try:
            self.sock.setblocking(True)
            self.sock.settimeout(5)
            self.sock.sendall(struct.pack("!H", len(message)) + message)
        except OSError:
            pass
        finally:
            if self.sock.fileno() >= 0:
                self.sock.setblocking(False)


class Authority:
    def __init__(self):
        self.log = []
        self.not_queries = []
        self.faults = []
        self._servers = {}
        self._poll = select.epoll()
        self._handlers = {}
        self._timers = []
        self._order = itertools.count()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        self._handlers[self._wake_r] = lambda: os.read(self._wake_r, 4096)
        self._poll.register(self._wake_r, select.EPOLLIN)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="authority", daemon=True)
        self._thread.start()

    def server(self, address, port=53):
        """The server at this address and port; made on first use."""
        key = (address, port)
        if key not in self._servers:
            server = Server(self, address, port)
            self._servers[key] = server
            for sock, handler in ((server.udp, self._datagrams), (server.tcp, self._accept)):
                self._handlers[sock.fileno()] = lambda s=server, h=handler: h(s)
                self._poll.register(sock.fileno(), select.EPOLLIN)
        return self._servers[key]

    def close(self):
        self._stopping = True
        os.write(self._wake_w, b".")
        self._thread.join(10)
        for server in self._servers.values():
            server.close()
        self._poll.close()
        os.close(self._wake_r)
        os.close(self._wake_w)

    # --- the log ---

    def queries(self, name=None, type=None, *, below=None, server=None, transport=None, since=0.0):
        """The logged queries that match everything given."""
        labels = labels_of(name) if name is not None else None
        under = labels_of(below) if below is not None else None
        address = getattr(server, "address", server)
        return [q for q in list(self.log)
                if q.time >= since
                and (labels is None or q.labels == labels)
                and (under is None or not under or q.labels[-len(under):] == under)
                and (type is None or q.type == type)
                and (address is None or q.server == address)
                and (transport is None or q.transport == transport)]

    def count(self, *args, **kwargs):
        return len(self.queries(*args, **kwargs))

    def forget(self):
        """Empties the log."""
        self.log = []

    def wait_for(self, *args, count=1, seconds=5.0, **kwargs):
        """The matching queries once there are `count` of them; fails after `seconds`."""
        deadline = time.monotonic() + scaled(seconds)
        while True:
            found = self.queries(*args, **kwargs)
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} queries {args} {kwargs} came in {seconds} s:\n"
                                     + self.dump())
            time.sleep(0.005)

    def dump(self, last=60):
        lines = [str(q) for q in self.log[-last:]]
        if len(self.log) > last:
            lines.insert(0, f"... {len(self.log) - last} before")
        return "\n".join(lines + [f"fault: {f}" for f in self.faults])

    # --- the loop ---

    def later(self, seconds, action):
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), action))
        if threading.current_thread() is not self._thread:
            os.write(self._wake_w, b".")

    def _run(self):
        while not self._stopping:
            timeout = -1.0
            if self._timers:
                timeout = max(0.0, self._timers[0][0] - time.monotonic())
            for fd, _ in self._poll.poll(timeout):
                handler = self._handlers.get(fd)
                if handler:
                    self._guard(handler)
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                self._guard(heapq.heappop(self._timers)[2])

    def _guard(self, action):
        try:
            action()
        except Exception as fault:  # a fault in a test's behaviour must show, and must not stop the others
            self.faults.append(repr(fault))

    def _datagrams(self, server):
        for _ in range(64):
            try:
                message, client = server.udp.recvfrom(65535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self._query(server, "udp", message, client,
                        lambda reply, to=client: self._send_datagram(server, reply, to))

    @staticmethod
    def _send_datagram(server, message, to):
        try:
            server.udp.sendto(message, to)
        except OSError as fault:
            if fault.errno not in (errno.ECONNREFUSED, errno.EAGAIN, errno.EBADF):
                raise

    def _accept(self, server):
        try:
            sock, peer = server.tcp.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(sock, peer)
        self._handlers[sock.fileno()] = lambda: self._stream(server, connection)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _stream(self, server, connection):
        try:
            data = connection.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            fd = connection.sock.fileno()
            self._poll.unregister(fd)
            del self._handlers[fd]
            connection.sock.close()
            return
        connection.buffer += data
        while len(connection.buffer) >= 2:
            length = struct.unpack_from("!H", connection.buffer)[0]
            if len(connection.buffer) < 2 + length:
                return
            message = connection.buffer[2:2 + length]
            connection.buffer = connection.buffer[2 + length:]
            self._query(server, "tcp", message, connection.peer, connection.send)

    def _query(self, server, transport, message, client, reply_to):
        try:
            query = parse_query(message, time.monotonic(), server.address, server.port, transport, client)
        except (WireError, IndexError, struct.error) as fault:
            self.not_queries.append((server.address, message, repr(fault)))
            return
        self.log.append(query)
        server.handle(query, reply_to)


__all__ = ["Authority", "Context", "Server", "Zone"]
