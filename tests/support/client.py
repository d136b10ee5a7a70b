"""DNS clients: one question over UDP or TCP, a TCP connection with many, raw bytes."""

import socket
import struct
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from support.net import scaled

EDE = 15


def make_query(name, rtype="A", *, rclass="IN", edns=None, do=False, cd=False, ad=False, rd=True, z=False,
               version=0, edns_flags=0, options=(), ident=None):
    """A query as bytes. `edns`: payload size; DO, options or a version make it 1232."""
    message = dns.message.make_query(dns.name.from_text(name), dns.rdatatype.from_text(rtype),
                                     dns.rdataclass.from_text(rclass))
    if ident is not None:
        message.id = ident
    message.flags = (dns.flags.RD if rd else 0) | (dns.flags.CD if cd else 0) | (dns.flags.AD if ad else 0) \
        | (0x40 if z else 0)
    if edns is not None or do or options or version or edns_flags:
        message.use_edns(version, (0x8000 if do else 0) | edns_flags, edns or 1232,
                         options=[dns.edns.GenericOption(code, data) for code, data in options])
    return message.to_wire()


class Response:
    """A parsed response. Records are in the order in which they came, each on its own."""

    def __init__(self, wire, over="udp", seconds=0.0):
        self.wire = wire
        self.over = over
        self.opcode = wire[2] >> 3 & 15 if len(wire) > 2 else None
        self.seconds = seconds
        try:
            # dnspython knows few opcodes: it reads the message as a query's.
            self.message = dns.message.from_wire(wire[:2] + bytes([wire[2] & 0x87]) + wire[3:], one_rr_per_rrset=True)
        except (dns.exception.DNSException, IndexError) as fault:
            raise AssertionError(f"not a DNS message ({fault!r}): {wire.hex()}") from fault

    @property
    def id(self):
        return self.message.id

    @property
    def rcode(self):
        return dns.rcode.to_text(self.message.rcode())

    @property
    def flags(self):
        return set(dns.flags.to_text(self.message.flags).split())

    @property
    def question(self):
        return self.message.question[0] if self.message.question else None

    @staticmethod
    def _records(section, rtype):
        return [(rrset.name.to_text(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rrset[0].to_text())
                for rrset in section if rtype is None or rrset.rdtype == dns.rdatatype.from_text(rtype)]

    def answer(self, rtype=None):
        """(owner, TTL, type, rdata) of the answer section."""
        return self._records(self.message.answer, rtype)

    def authority(self, rtype=None):
        return self._records(self.message.authority, rtype)

    def additional(self, rtype=None):
        return self._records(self.message.additional, rtype)

    def values(self, rtype):
        """The rdata of this type in the answer section."""
        return [record[3] for record in self.answer(rtype)]

    def types(self):
        """The types in the answer section, one a record."""
        return [record[2] for record in self.answer()]

    def ttl(self, rtype):
        ttls = {record[1] for record in self.answer(rtype)}
        assert len(ttls) == 1, f"one TTL was expected for {rtype}: {self}"
        return ttls.pop()

    @property
    def soa(self):
        return self.authority("SOA")

    @property
    def nodata(self):
        """NOERROR without a record of the type asked for, and without a referral."""
        return (self.rcode == "NOERROR" and self.question is not None
                and not any(rrset.rdtype == self.question.rdtype for rrset in self.message.answer))

    @property
    def edns(self):
        return self.message.edns >= 0

    @property
    def do(self):
        return self.edns and bool(self.message.ednsflags & 0x8000)

    @property
    def payload(self):
        return self.message.payload

    @property
    def options(self):
        return [(option.otype, option) for option in self.message.options]

    @property
    def ede(self):
        """The codes of the Extended DNS Errors."""
        return [int(option.code) for option in self.message.options if option.otype == EDE]

    @property
    def ede_text(self):
        return " ".join(option.text or "" for option in self.message.options if option.otype == EDE)

    def __str__(self):
        return f";; over {self.over}, {len(self.wire)} octets, {self.seconds * 1000:.1f} ms\n{self.message.to_text()}"

    __repr__ = __str__


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp_exchange(address, port, wire, timeout=10.0, source=None):
    """Sends one datagram from a connected socket; the reply's bytes, or None after `timeout` (scaled)."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as sock:
        if source:
            sock.bind((source, 0))
        sock.connect((address, port))
        sock.settimeout(scaled(timeout))
        sock.send(wire)
        try:
            return sock.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            return None


class TcpClient:
    """One connection; messages go out and come in as asked."""

    def __init__(self, address, port=53, source=None, timeout=10.0):
        self.sock = socket.socket(_family(address), socket.SOCK_STREAM)
        self.sock.settimeout(scaled(timeout))
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((address, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, *messages):
        self.sock.sendall(b"".join(struct.pack("!H", len(m)) + m for m in messages))

    def send_raw(self, data):
        self.sock.sendall(data)

    def receive(self):
        """One message's bytes, or None where the peer has closed."""
        head = self._exactly(2)
        return None if head is None else self._exactly(struct.unpack("!H", head)[0])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.sock.recv(count - len(data))
            except ConnectionResetError:
                return None
            if not more:
                return None
            data += more
        return data

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def tcp_exchange(address, port, wire, timeout=10.0, source=None):
    try:
        with TcpClient(address, port, source, timeout) as client:
            client.send(wire)
            return client.receive()
    except (TimeoutError, ConnectionRefusedError):
        return None


def ask(address, name, rtype="A", *, port=53, over="udp", timeout=10.0, source=None, **kwargs):
    """Asks and gives a Response; fails where none comes."""
    wire = make_query(name, rtype, **kwargs)
    began = time.monotonic()
    exchange = udp_exchange if over == "udp" else tcp_exchange
    reply = exchange(address, port, wire, timeout, source)
    seconds = time.monotonic() - began
    assert reply is not None, f"no reply to {name} {rtype} over {over} from {address}@{port} in {seconds:.1f} s"
    assert reply[:2] == wire[:2], f"the reply has another id: {reply.hex()}"
    return Response(reply, over, seconds)
