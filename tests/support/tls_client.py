"""DNS over TLS from Python: a client like client.TcpClient, and one that holds every octet in its own hand."""

import ssl
import struct

from support import client
from support.certificates import pin_of_der
from support.client import Response, make_query
from support.net import scaled

NAME = "dns.example.com"    # what the certificates of the tests are for, unless a test says otherwise
TLS12 = ssl.TLSVersion.TLSv1_2
TLS13 = ssl.TLSVersion.TLSv1_3


def context(ca_file, *, alpn=("dot",), least=TLS12, most=TLS13, ciphers=None, check_name=True):
    """A client's context. `ca_file` None: believes any certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = bool(ca_file) and check_name
    made.verify_mode = ssl.CERT_REQUIRED if ca_file else ssl.CERT_NONE
    if ca_file:
        made.load_verify_locations(ca_file)
    if ciphers:
        made.set_ciphers(ciphers)
    made.minimum_version, made.maximum_version = least, most
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


class TlsClient(client.TcpClient):
    """One connection over TLS. An end without close_notify raises ssl.SSLEOFError, not None."""

    def __init__(self, address, port=853, *, tls, name=NAME, session=None, source=None, timeout=10.0):
        super().__init__(address, port, source, timeout)
        try:
            self.sock = tls.wrap_socket(self.sock, server_hostname=name, session=session,
                                        suppress_ragged_eofs=False)
        except BaseException:
            self.sock.close()
            raise

    @property
    def session(self):
        """What a later connection can resume; of TLS 1.3 it is there once something was received."""
        return self.sock.session

    @property
    def resumed(self):
        return self.sock.session_reused

    @property
    def version(self):
        return self.sock.version()

    @property
    def alpn(self):
        return self.sock.selected_alpn_protocol()

    @property
    def pin(self):
        return pin_of_der(self.sock.getpeercert(binary_form=True))

    def ask(self, name, rtype="A", **kwargs):
        wire = make_query(name, rtype, **kwargs)
        self.send(wire)
        reply = self.receive()
        assert reply is not None, f"the connection ended before the reply to {name} {rtype}"
        assert reply[:2] == wire[:2], f"the reply has another id: {reply.hex()}"
        return Response(reply, "tls")


class TlsBytes:
    """TLS in memory beside a TCP socket: the test decides which octets go out when."""

    def __init__(self, address, port=853, *, tls, name=NAME, source=None, timeout=10.0):
        self.tcp = client.TcpClient(address, port, source, timeout)
        self.sock = self.tcp.sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls.wrap_bio(self._in, self._out, server_hostname=name)

    def due(self):
        """What TLS wants to send."""
        return self._out.read()

    def take(self):
        """Gives TLS what has come; false at the end of the connection."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self._in.write_eof()
            return False
        self._in.write(data)
        return True

    def hello(self):
        """The ClientHello, unsent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.due()

    def handshake(self, send=None):
        """Shakes hands; `send(octets)` puts octets on the wire."""
        send = send or self.sock.sendall
        while True:
            try:
                self.tls.do_handshake()
                send(self.due())
                return self
            except ssl.SSLWantReadError:
                data = self.due()
                if data:
                    send(data)
                if not self.take():
                    raise ConnectionError("the connection ended during the handshake") from None

    def record(self, data):
        """`data` in a record of its own, unsent."""
        self.tls.write(data)
        return self.due()

    def read(self):
        """What the next record holds; None at the end of the connection."""
        while True:
            try:
                return self.tls.read(65536) or None
            except ssl.SSLWantReadError:
                if not self.take():
                    return None
            except ssl.SSLZeroReturnError:
                return None

    def receive(self):
        """One DNS message; None at the end of the connection."""
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
            more = self.read()
            if more is None:
                return None
            data += more
        return data[2:]

    def close(self):
        self.tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(address, name, rtype="A", *, tls, port=853, server_name=NAME, source=None, timeout=10.0, **kwargs):
    """One question on a new connection."""
    with TlsClient(address, port, tls=tls, name=server_name, source=source, timeout=timeout) as connection:
        return connection.ask(name, rtype, **kwargs)


def framed(message):
    return struct.pack("!H", len(message)) + message


def ends(sock, seconds=5.0):
    """Whether the peer closes within this time, whatever it sends before."""
    sock.settimeout(scaled(seconds))
    try:
        while sock.recv(65536):
            pass
        return True
    except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
        return True
    except TimeoutError:
        return False
