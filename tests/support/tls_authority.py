"""Port 853 in front of a scripted server: what it answers over UDP it answers over TLS, too.

    issued = certificates.authority(tmp_path).issue(names=["dns.example"])
    front = TlsFront(world.new_server(), server_context(issued))
    ... front.server.zone(...), front.server.on(...) ...
    assert front.accepted == 1 and world.queries(transport="tls")

Queries stand in the scripted authority's log with the transport "tls".
"""

import os
import queue
import select
import socket
import ssl
import struct
import threading


def server_context(issued, *, least=ssl.TLSVersion.TLSv1_2, most=ssl.TLSVersion.TLSv1_3, alpn=("dot",)):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(issued.cert_file, issued.key_file)
    made.minimum_version, made.maximum_version = least, most
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


class TlsFront:
    """Serves `server` over TLS. `manner(n)` says how connection number n (from 0) is treated:

    "serve"; "silent": accepted, and then nothing; "garbage": no TLS; "mute": a handshake, and then nothing;
    "close": closed at the first query; "half": half of a reply, and then closed.
    """

    def __init__(self, server, context, *, port=853, manner=lambda number: "serve"):
        self.server = server
        self.context = context
        self.manner = manner
        self.accepted = 0
        self.handshakes = 0
        self.resumed = 0
        self.names = []             # SNI of each handshake; None where there was none
        self.protocols = []         # ALPN of each handshake
        self.failures = []          # of handshakes
        self.collisions = []        # ids that came again before their answer had left
        self.most_open = 0
        self._open = set()
        self._lock = threading.Lock()
        context.sni_callback = self._on_name
        self._socket = socket.socket(server.family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((server.address, port))
        self._socket.listen(256)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def open(self):
        return len(self._open)

    def close(self):
        """May be called again."""
        if self._socket.fileno() < 0:
            return
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()
        self.close_connections()

    def close_connections(self):
        for connection in list(self._open):
            connection.stop()

    def _on_name(self, _socket, name, _context):
        self.names.append(name)

    def _accept(self):
        while True:
            try:
                sock, peer = self._socket.accept()
            except OSError:
                return
            connection = _Connection(self, sock, peer, self.manner(self.accepted))
            with self._lock:
                self.accepted += 1
                self._open.add(connection)
                self.most_open = max(self.most_open, len(self._open))
            connection.start()

    def left(self, connection):
        with self._lock:
            self._open.discard(connection)


class _Connection(threading.Thread):
    """One thread does all of a connection's TLS; replies come to it through a queue."""

    def __init__(self, front, sock, peer, manner):
        super().__init__(daemon=True)
        self.front = front
        self.sock = sock
        self.peer = peer
        self.manner = manner
        self.replies = queue.SimpleQueue()
        self.wake_r, self.wake_w = os.pipe()
        self.stopping = False
        self.buffer = b""
        self.unanswered = set()

    def stop(self):
        self.stopping = True
        self._wake()

    def _wake(self):
        try:
            os.write(self.wake_w, b".")
        except OSError:
            pass

    def reply(self, message):
        self.replies.put(message)
        self._wake()

    def run(self):
        try:
            self._serve()
        except OSError:
            pass
        finally:
            self.front.left(self)
            self.sock.close()
            wake, self.wake_w = self.wake_w, -1
            os.close(wake)
            os.close(self.wake_r)

    def _serve(self):
        if self.manner == "silent":
            self._wait_for_stop(self.sock)
            return
        if self.manner == "garbage":
            self.sock.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n" * 4)
            return
        self.sock.settimeout(10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock = self.front.context.wrap_socket(self.sock, server_side=True)
        except OSError as fault:
            self.front.failures.append(str(fault))
            return
        self.front.handshakes += 1
        self.front.resumed += bool(self.sock.session_reused)
        self.front.protocols.append(self.sock.selected_alpn_protocol())
        self.sock.setblocking(False)
        while not self.stopping:
            if not self._read() or not self._write():
                break
            select.select([self.sock, self.wake_r], [], [])
        try:
            self.sock.settimeout(0.1)
            self.sock.unwrap()
        except (OSError, ValueError):
            pass

    def _wait_for_stop(self, sock):
        while not self.stopping:
            ready, _, _ = select.select([sock, self.wake_r], [], [])
            if sock in ready and not sock.recv(65536):
                return

    def _read(self):
        while True:
            try:
                data = self.sock.recv(65536)
            except ssl.SSLWantReadError:
                return True
            if not data:
                return False
            self.buffer += data
            while len(self.buffer) >= 2:
                length = struct.unpack_from("!H", self.buffer)[0]
                if len(self.buffer) < 2 + length:
                    break
                message, self.buffer = self.buffer[2:2 + length], self.buffer[2 + length:]
                if not self._query(message):
                    return False

    def _query(self, message):
        if message[:2] in self.unanswered:
            self.front.collisions.append(message[:2])
        self.unanswered.add(message[:2])
        server = self.front.server
        authority = server.authority
        reply_to = self.reply if self.manner in ("serve", "half") else lambda _: None
        # Behaviours run in the authority's own thread, as for every other transport.
        authority.later(0, lambda: authority._query(server, "tls", message, self.peer, reply_to))
        return self.manner != "close"

    def _write(self):
        try:
            os.set_blocking(self.wake_r, False)
            os.read(self.wake_r, 65536)
        except BlockingIOError:
            pass
        while not self.replies.empty():
            message = self.replies.get()
            self.unanswered.discard(message[:2])
            framed = struct.pack("!H", len(message)) + message
            if self.manner == "half":
                framed = framed[:len(framed) // 2]
            self.sock.setblocking(True)
            self.sock.settimeout(5)
            self.sock.sendall(framed)
            self.sock.setblocking(False)
            if self.manner == "half":
                return False
        return True
