"""Requests for the fuzz target of DNS over HTTPS: headers as lines, and connections of HTTP/2."""

import base64
import struct

MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
QUERY = b"\0\0\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\x1c\0\1"
VALUE = base64.urlsafe_b64encode(QUERY).rstrip(b"=").decode()
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4


def headers():
    """(name, text): method, target, content-type, content-encoding, content-length, a line each."""
    yield "get", f"GET\n/dns-query?dns={VALUE}\n"
    yield "get-padding", f"GET\n/dns-query?dns={VALUE}==\n"
    yield "get-two", "GET\n/dns-query?dns=AAAA&dns=AAAA\n"
    yield "get-other", "GET\n/dns-query?ct&x=y&dns=AAE&\n"
    yield "get-bits", "GET\n/dns-query?dns=AAF\n"
    yield "head", f"HEAD\n/dns-query?dns={VALUE}\n"
    yield "post", "POST\n/dns-query\napplication/dns-message\n\n33\n"
    yield "post-parameter", "POST\n/dns-query?\nApplication/DNS-Message ; a=b\nidentity\n65536\n"
    yield "post-type", "POST\n/dns-query\ntext/plain\n"
    yield "post-encoding", "POST\n/dns-query\napplication/dns-message\ngzip\n"
    yield "put", "PUT\n/dns-query\n"
    yield "path", "GET\n/\n"
    yield "long", "GET\n/dns-query?dns=" + "A" * 8200 + "\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def field(name, value):
    """A literal that is not indexed (RFC 7541 section 6.2.2)."""
    def text(octets):
        if len(octets) < 127:
            return bytes([len(octets)]) + octets
        rest, out = len(octets) - 127, b"\x7f"
        while rest >= 128:
            out += bytes([rest % 128 + 128])
            rest //= 128
        return out + bytes([rest]) + octets
    return b"\0" + text(name.encode()) + text(value.encode())


def request(stream, method, path, *more, flags=END_HEADERS | END_STREAM):
    pseudo = ((":method", method), (":scheme", "https"), (":authority", "dns.example"), (":path", path))
    return frame(HEADERS, flags, stream, b"".join(field(*pair) for pair in pseudo + more))


def get(stream):
    return request(stream, "GET", f"/dns-query?dns={VALUE}")


def post(stream, *content, more=()):
    made = request(stream, "POST", "/dns-query", ("content-type", "application/dns-message"), *more, flags=END_HEADERS)
    pieces = [frame(DATA, 0, stream, piece) for piece in content[:-1]]
    return made + b"".join(pieces) + frame(DATA, END_STREAM, stream, content[-1])


def connections():
    """(name, octets) that a client sends."""
    settings = frame(SETTINGS, 0, 0)
    start = MAGIC + settings
    yield "magic", MAGIC
    yield "settings", start + frame(SETTINGS, 1, 0)
    yield "settings-window", MAGIC + frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 10)) + get(1)
    yield "settings-odd", MAGIC + frame(SETTINGS, 0, 0, b"\0\1\0") + get(1)
    yield "gets", start + get(1) + get(3) + get(5)
    yield "gets-back", start + get(3) + get(1)
    yield "post", start + post(1, QUERY)
    yield "post-pieces", start + post(1, QUERY[:1], b"", QUERY[1:])
    yield "post-empty", start + post(1, b"")
    yield "post-length", start + post(1, QUERY, more=(("content-length", "7"),))
    yield "post-trailer", start + request(1, "POST", "/dns-query", ("content-type", "application/dns-message"),
                                          flags=END_HEADERS) + frame(DATA, 0, 1, QUERY) + \
        frame(HEADERS, END_HEADERS | END_STREAM, 1, field("x", "y"))
    yield "head", start + request(1, "HEAD", f"/dns-query?dns={VALUE}")
    yield "refused", start + request(1, "PUT", "/dns-query") + request(3, "GET", "/") + post(5, b"x" * 11)
    yield "indexed", start + frame(HEADERS, END_HEADERS | END_STREAM, 1,
                                   bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff"))
    yield "indexed-never", start + frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\xff\xff\xff\x7f")
    yield "continued", start + frame(HEADERS, END_STREAM, 1, b"\x82\x87") + \
        frame(CONTINUATION, END_HEADERS, 1, field(":path", "/"))
    yield "continued-not", start + frame(HEADERS, END_STREAM, 1, b"\x82\x87") + get(3)
    yield "reset", start + get(1) + frame(RST_STREAM, 0, 1, b"\0\0\0\x08") + get(3)
    yield "reset-idle", start + frame(RST_STREAM, 0, 1, b"\0\0\0\x08")
    yield "window-zero", start + get(1) + frame(WINDOW_UPDATE, 0, 1, bytes(4))
    yield "window-over", start + get(1) + frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")
    yield "ping", start + frame(PING, 0, 0, bytes(8)) * 3 + frame(PING, 0, 0, bytes(7))
    yield "priority", start + frame(PRIORITY, 0, 3, b"\0\0\0\3\0") + get(3)
    yield "goaway", start + get(1) + frame(GOAWAY, 0, 0, bytes(8)) + get(3)
    yield "unknown", start + frame(0xEE, 0xFF, 1, b"x") + get(1)
    yield "large", start + frame(DATA, 0, 1, b"x" * 16385)
    yield "http1", b"GET /dns-query HTTP/1.1\r\nHost: dns.example\r\n\r\n"
    yield "other", b"\x16\x03\x01\x02\x00\x01"
