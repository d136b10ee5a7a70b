"""DNS over HTTPS (RFC 8484): what HTTP says, and clients that use HTTP/2 against the server."""

import contextlib
import http.server
import struct
import subprocess
import threading
import time

import pytest

from support import behave, figures, http2_client, tls_client
from support.client import Response, make_query
from support.encrypted import encrypted, ours
from support.http2_client import DNS, Codes, Http2Client, Setting, frame, get_path
from support.net import scaled, wait_until

__all__ = ["encrypted", "ours"]

PADDING = 12
QUERY = make_query("v4.example.com.", "A", ident=0)
V4 = ["192.0.2.33"]


@pytest.fixture
def subject(site, encrypted):
    made = encrypted()
    made.query("v4.example.com.", "A")
    return made


def connect(subject, **kwargs):
    return Http2Client(subject.address, ca_file=subject.ca_file, **kwargs)


def curl(subject, target, *words, data=None):
    """Status, header fields and content of what curl gets."""
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--noproxy", "*", "--max-time", str(scaled(15)), "--cacert", subject.ca_file,
         "--resolve", f"{tls_client.NAME}:443:{subject.address}", "-D", "-", *words,
         *(["--data-binary", "@-"] if data is not None else []), f"https://{tls_client.NAME}{target}"],
        input=data, capture_output=True, check=False, timeout=scaled(20))
    if done.returncode:
        return done.returncode, {}, done.stderr
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), fields, content


# --- questions and replies ---

# Covers: TRA-40
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_question_is_answered_and_synthesized_like_any_other(subject, method):
    before = subject.stats()
    with connect(subject) as client:
        assert client.ask(QUERY, method).dns.values("A") == V4
        aaaa = client.ask(make_query("v4.example.com.", "AAAA", ident=0), method).dns
        assert aaaa.values("AAAA") == ["2001:db8:64::c000:221"]
        gone = client.ask(make_query("nothing.example.com.", "A", ident=7), method)
        assert gone.status == 200 and gone.dns.rcode == "NXDOMAIN" and gone.dns.id == 7
    after = subject.stats()
    assert after["queries_https"] == before["queries_https"] + 3
    assert after["queries_tcp"] == before["queries_tcp"]


# Covers: TRA-41
def test_a_reply_may_be_kept_as_long_as_its_smallest_ttl(site, encrypted):
    subject = encrypted()
    with connect(subject) as client:
        for name, rtype in (("v4", "A"), ("v4", "AAAA"), ("www", "A"), ("text", "AAAA"), ("nothing", "A")):
            answer = client.ask(make_query(f"{name}.example.com.", rtype, ident=0))
            reply = answer.dns
            ttls = [record[1] for record in reply.answer()]
            for soa in reply.soa:
                ttls += [soa[1], int(soa[3].split()[-1])]
            assert ttls and answer.fields["cache-control"] == f"max-age={min(ttls)}", reply


# Covers: TRA-41, TRA-42
def test_a_failure_is_a_success_of_http_that_nobody_keeps(site, com, encrypted):
    com.on(behave.rcode("SERVFAIL"), name="global.example.com.")
    subject = encrypted()
    with connect(subject) as client:
        answer = client.ask(make_query("global.example.com.", "A", ident=0))
        assert answer.dns.rcode == "SERVFAIL" and answer.fields["cache-control"] == "no-store"
        malformed = client.ask(QUERY[:-2], "POST")
        assert malformed.dns.rcode == "FORMERR" and malformed.fields["cache-control"] == "no-store"


# Covers: TRA-42
def test_what_is_no_dns_gets_a_status_of_http(subject):
    long = "A" * 8300
    with connect(subject) as client:
        cases = [
            (404, client.request("GET", "/")),
            (404, client.request("POST", "/dns-query/x", QUERY, [("content-type", DNS)])),
            (405, client.request("PUT", content=QUERY, fields=[("content-type", DNS)])),
            (400, client.request("GET")),
            (400, client.request("GET", get_path(QUERY) + "=")),
            (400, client.request("GET", "/dns-query?dns=AA+A")),
            (400, client.post(b"short")),
            (400, client.post(Response(subject.query("v4.example.com.", "A").wire).wire)),
            (414, client.request("GET", f"/dns-query?dns={long}")),
            (415, client.post(QUERY, "application/json")),
            (413, client.post(b"x" * 65536)),
            (431, client.request("GET", get_path(QUERY), fields=[(f"x{i}", "y" * 50) for i in range(300)])),
        ]
        for status, stream in cases:
            answer = client.wait(stream)[0]
            assert answer.status == status, answer
            assert answer.fields["cache-control"] == "no-store"
            assert len(answer.content) > 20 and answer.content.endswith(b"\n")
            assert "server" not in answer.fields
        assert client.ask(QUERY).dns.values("A") == V4


# Covers: TRA-40
def test_dns_is_at_the_path_that_the_configuration_says(net, site, encrypted):
    other = net.ipv4()
    subject = encrypted(more=[{"address": other, "port": 443, "transport": "https", "path": "/other"}])
    with Http2Client(other, ca_file=subject.ca_file) as client:
        assert client.wait(client.get(QUERY, "/other"))[0].dns.values("A") == V4
        assert client.wait(client.get(QUERY))[0].status == 404


# Covers: TRA-11
def test_the_payload_size_of_the_question_is_ignored(site, encrypted):
    site.edit("example.com.", add="\n".join(f"many A 198.51.{i // 100}.{i % 100}" for i in range(150)))
    subject = encrypted(dns64={"enabled": False})
    with connect(subject) as client:
        reply = client.ask(make_query("many.example.com.", "A", edns=512)).dns
    assert len(reply.values("A")) == 150 and "TC" not in reply.flags


# Covers: TRA-27, TRA-28
def test_a_padded_question_gets_a_padded_reply(subject):
    with connect(subject) as client:
        padded = client.ask(make_query("v4.example.com.", "A", options=[(PADDING, bytes(20))]))
        plain = client.ask(make_query("v4.example.com.", "A", edns=1232))
    assert len(padded.content) == 468
    assert PADDING in [code for code, _ in padded.dns.options]
    assert PADDING not in [code for code, _ in plain.dns.options]


def test_who_may_not_ask_is_told_in_dns(site, encrypted):
    subject = encrypted(access={"allow": ["192.0.2.0/24"]})
    with connect(subject) as client:
        assert client.ask(QUERY).dns.rcode == "REFUSED"


def test_a_slow_name_does_not_hold_up_the_questions_beside_it(site, com, subject):
    com.on(behave.delay(0.7), name="global.example.com.")
    with connect(subject) as client:
        slow = client.get(make_query("global.example.com.", "A", ident=0))
        quick = client.get(QUERY)
        assert client.wait(quick)[0].dns.values("A") == V4
        assert not client.answers[slow].ended
        assert client.wait(slow)[0].dns.values("A") == ["78.0.96.91"]


def test_a_question_in_single_octets_is_put_together(subject):
    with connect(subject) as client:
        stream = client.post(QUERY)
        for octet in client.h2.data_to_send():
            client.raw(bytes([octet]))
        assert client.wait(stream)[0].dns.values("A") == V4


def test_ten_thousand_questions_on_one_connection_are_answered(subject):
    with connect(subject) as client:
        client.settle()
        asked = answered = 0
        while answered < 10_000:
            streams = [client.get(QUERY) for _ in range(min(100, 10_000 - asked))]
            asked += len(streams)
            for answer in client.wait(*streams, seconds=30):
                assert answer.status == 200
                answered += 1
            client.answers.clear()
        assert client.goaway is None


# --- curl ---

# Covers: TRA-40, TRA-41, TRA-42
def test_curl_gets_and_posts(subject):
    status, fields, content = curl(subject, get_path(QUERY))
    assert status == 200 and fields["content-type"] == DNS and Response(content).values("A") == V4
    assert fields["cache-control"].startswith("max-age=")
    status, fields, content = curl(subject, "/dns-query", "-H", f"content-type: {DNS}", data=QUERY)
    assert status == 200 and Response(content).values("A") == V4
    status, fields, _ = curl(subject, get_path(QUERY), "-I")
    assert status == 200 and int(fields["content-length"]) > 40
    assert curl(subject, "/dns-query", data=QUERY)[0] == 415
    status, fields, _ = curl(subject, "/dns-query", "-X", "DELETE")
    assert status == 405 and fields["allow"] == "GET, HEAD, POST"
    assert curl(subject, "/favicon.ico")[0] == 404


def test_a_client_of_http1_is_told_what_is_spoken_here(subject):
    status, _, content = curl(subject, get_path(QUERY), "--no-alpn", "--http1.1")
    assert status == 505 and b"HTTP/2" in content
    failed, _, why = curl(subject, get_path(QUERY), "--http1.1")
    assert failed == 35 and b"no application protocol" in why, "ALPN without h2 is refused in the handshake"


@contextlib.contextmanager
def web_server(address):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a page")

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer((address, 80), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Covers: TRA-40
def test_curl_finds_a_page_over_https(site, net, encrypted):
    page = net.ipv4()
    site.edit("example.com.", add=f"page A {page}")
    subject = encrypted()
    with web_server(page):
        done = subprocess.run(
            ["curl", "-sS", "-4", "--noproxy", "*", "--max-time", str(scaled(15)), "--cacert", subject.ca_file,
             "--doh-url", f"https://{subject.address}/dns-query", "http://page.example.com/"],
            capture_output=True, check=False, timeout=scaled(20))
    assert done.stdout == b"a page", done.stderr
    assert subject.stats()["queries_https"] >= 1


# --- the life of a connection ---

# Covers: TRA-05
def test_a_silent_connection_is_closed_and_one_in_use_is_not(site, encrypted):
    subject = encrypted(limits={"tls_idle": "2s"})
    with connect(subject) as used, connect(subject) as silent, connect(subject) as pinging:
        began = time.monotonic()
        for client in (silent, pinging):
            assert client.ask(QUERY).status == 200
        while not (silent.closed and pinging.closed):
            assert used.ask(QUERY).status == 200
            for client in (silent, pinging):
                if client is pinging and not client.closed:
                    client.h2.ping(bytes(8))
                with contextlib.suppress(AssertionError):
                    client.run(lambda c=client: c.closed, 0.1)
            assert time.monotonic() - began < scaled(10)
        assert time.monotonic() - began >= 1.8
        assert used.ask(QUERY).status == 200


def frames_of(octets):
    """The whole frames at the beginning, and what is left: (kind, stream, payload) each."""
    frames = []
    while len(octets) >= 9 and len(octets) >= 9 + (length := int.from_bytes(octets[:3], "big")):
        frames.append((octets[3], int.from_bytes(octets[5:9], "big"), octets[9:9 + length]))
        octets = octets[9 + length:]
    return frames, octets


def test_an_end_in_good_order_answers_what_was_asked(site, com, encrypted):
    gate = behave.Gate(site.authority)
    com.on(gate, name="global.example.com.")
    subject = encrypted()
    with connect(subject) as client:
        client.settle()
        stream = client.get(make_query("global.example.com.", "A", ident=0))
        client.flush()
        site.authority.wait_for("global.example.com.")
        subject.signal(15)
        # The library takes nothing after GOAWAY: the frames are read here.
        before, left = [], b""
        while not any(kind == 7 for kind, _, _ in before):
            came, left = frames_of(left + client.sock.recv(65536))
            before += came
        assert (7, 0, struct.pack("!II", stream, Codes.NO_ERROR)) in before
        assert not any(kind == 0 for kind, _, _ in before), "the answer is still to come"
        gate.open()
        while more := client.sock.recv(65536):
            left += more
    content = b"".join(payload for kind, on, payload in frames_of(left)[0] if (kind, on) == (0, stream))
    assert Response(content).values("A") == ["78.0.96.91"]


# --- abuse: a polite client is served all the while ---

class Polite(threading.Thread):
    """Asks on a connection of its own until it is stopped."""

    def __init__(self, subject):
        super().__init__()
        self.subject = subject
        self.stopped = threading.Event()
        self.fault = None
        self.slowest = 0.0
        self.count = 0

    def run(self):
        try:
            with connect(self.subject) as client:
                while not self.stopped.is_set():
                    began = time.monotonic()
                    assert client.ask(QUERY).dns.values("A") == V4
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.count += 1
                    self.stopped.wait(0.01)
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = fault

    def __enter__(self):
        self.start()
        wait_until(lambda: self.count > 0 or self.fault, 10, "the polite client's first answer")
        return self

    def __exit__(self, *_):
        had = self.count
        wait_until(lambda: self.count > had or self.fault, 10, "an answer after the abuse")
        self.stopped.set()
        self.join()
        assert self.fault is None, self.fault
        assert self.slowest < scaled(1.5)


def flood(client, data, times):
    """Sends `data` so many times unless the server ends the connection."""
    client.run(lambda: True)
    with contextlib.suppress(OSError):
        for _ in range(times):
            client.raw(data)


FLOODS = {
    "ping": frame(6, payload=bytes(8)),
    "settings": frame(4),
    "settings in full": frame(4, payload=struct.pack("!HI", 4, 65535) * 30),
    "priority": frame(2, stream=3, payload=struct.pack("!IB", 0, 1)),
    "window": frame(8, payload=struct.pack("!I", 1)),
    "unknown": frame(0xEE, payload=bytes(100)),
    "reset of nothing": frame(3, stream=1, payload=struct.pack("!I", 8)),
    "continuation": frame(9, stream=1, payload=b"\0\1x\1y"),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_ends_its_connection_only(subject, kind):
    before = subject.resident()
    with Polite(subject), connect(subject) as client:
        if kind in ("continuation", "reset of nothing"):
            client.run(lambda: True)
            client.raw(frame(1, 0, 1, b"\x82\x87\x84"))  # a header that is not ended
        flood(client, FLOODS[kind] * 100, 400)
        # Where the last octets met a closed socket, TCP takes the GOAWAY back.
        assert client.wait_end() in (Codes.ENHANCE_YOUR_CALM, Codes.PROTOCOL_ERROR, None)
    assert subject.resident() - before < 16 << 20 or not figures.timed()


def test_rapid_resets_end_their_connection_and_cost_little(site, com, subject):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    com.on(behave.delay(0.3), below="w.example.com.")
    with Polite(subject), connect(subject) as client:
        client.settle()
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(1000):
                for _ in range(10):
                    stream = client.get(make_query(f"n{sent}.w.example.com.", "A", ident=0))
                    client.h2.reset_stream(stream, Codes.CANCEL)
                    sent += 1
                client.flush()
        assert client.wait_end() in (Codes.ENHANCE_YOUR_CALM, None)
    assert site.authority.count(below="w.example.com.") <= 400, "questions behind the resets were not asked"


def test_a_client_that_takes_no_content_is_bounded(site, encrypted):
    site.edit("example.com.", add="\n".join(f"many A 198.51.{i // 100}.{i % 100}" for i in range(400)))
    subject = encrypted(dns64={"enabled": False}, limits={"tls_idle": "3s"})
    many = make_query("many.example.com.", "A", ident=0)
    subject.query("many.example.com.", "A", over="tcp")
    subject.query("v4.example.com.", "A")
    before = subject.resident()
    with Polite(subject), contextlib.ExitStack() as stack:
        greedy = []
        for _ in range(20):
            client = connect(subject, window=False, settings={Setting.INITIAL_WINDOW_SIZE: 0})
            greedy.append(stack.enter_context(client))
            client.settle()
            for _ in range(100):
                client.get(many)
            client.flush()
        for client in greedy:
            client.wait_end()
            begun = [answer for answer in client.answers.values() if answer.status == 200]
            assert len(begun) >= 256 // 8
            assert not any(answer.content for answer in begun)
    assert subject.resident() - before < 48 << 20 or not figures.timed()


def test_replies_come_once_the_client_takes_them(site, encrypted):
    site.edit("example.com.", add="\n".join(f"many A 198.51.{i // 100}.{i % 100}" for i in range(400)))
    subject = encrypted(dns64={"enabled": False})
    many = make_query("many.example.com.", "A", ident=0)
    with connect(subject, window=False, settings={Setting.INITIAL_WINDOW_SIZE: 100}) as client:
        client.settle()
        streams = [client.get(many) for _ in range(100)]
        assert client.run(lambda: sum(len(answer.content) for answer in client.answers.values()) >= 3000)
        client.h2.increment_flow_control_window(100 * 7000)
        for stream in streams:
            client.h2.increment_flow_control_window(7000, stream)
        for answer in client.wait(*streams):
            assert len(answer.dns.values("A")) == 400


def test_questions_that_never_end_are_bounded(subject):
    before = subject.resident()
    with Polite(subject), contextlib.ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(connect(subject))
            client.settle()
            for _ in range(10):
                with contextlib.suppress(AssertionError, OSError):
                    client.request("POST", content=b"x" * 60000, fields=[("content-type", DNS)], end=False)
            client.flush()
    assert subject.resident() - before < 32 << 20 or not figures.timed()


def test_many_streams_that_are_never_asked_do_not_hold_up_others(subject):
    with Polite(subject), contextlib.ExitStack() as stack:
        for _ in range(50):
            client = stack.enter_context(connect(subject))
            client.settle()
            for _ in range(100):
                client.request("POST", fields=[("content-type", DNS)], end=False)
            client.flush()


@pytest.mark.parametrize("data", [
    b"\0" * 100, b"\xff" * 100, http2_client.PREFACE + b"\xff" * 100, http2_client.PREFACE + frame(0, 1, 1, b"x"),
    http2_client.PREFACE + frame(4) + frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    http2_client.PREFACE + frame(4) + frame(1, 5, 2, b"\x82\x87\x84"), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
], ids=str)
def test_nonsense_ends_its_connection_only(subject, data):
    with Polite(subject):
        tls = tls_client.context(subject.ca_file, alpn=("h2",))
        with tls_client.TlsClient(subject.address, 443, tls=tls) as client:
            client.sock.settimeout(scaled(10))
            client.send_raw(data)
            with contextlib.suppress(OSError):
                while client.sock.recv(65536):
                    pass
