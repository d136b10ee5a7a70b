"""DNS over HTTPS from Python: HTTP/2 on one connection, with the frames in the test's hand."""

import base64
import struct
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from support import tls_client
from support.client import Response, TcpClient
from support.net import scaled

PATH = "/dns-query"
DNS = "application/dns-message"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Codes = h2.errors.ErrorCodes
Setting = h2.settings.SettingCodes


def get_path(wire, path=PATH):
    return f"{path}?dns={base64.urlsafe_b64encode(wire).rstrip(b'=').decode()}"


def frame(kind, flags=0, stream=0, payload=b""):
    """A frame as RFC 9113 section 4.1 draws it."""
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


class Answer:
    """What came on a stream so far."""

    def __init__(self):
        self.fields = {}
        self.content = b""
        self.ended = False
        self.reset = None       # the code of RST_STREAM

    @property
    def over(self):
        return self.ended or self.reset is not None

    @property
    def status(self):
        return int(self.fields.get(":status", 0))

    @property
    def dns(self):
        assert self.status == 200 and self.fields["content-type"] == DNS, (self.fields, self.content)
        assert int(self.fields["content-length"]) == len(self.content)
        return Response(self.content, "https")

    def __repr__(self):
        return f"{self.fields} {len(self.content)} octets, ended {self.ended}, reset {self.reset}"


class Http2Client:
    """One connection. `settings`: of the client. `window`: whether it takes content as it comes."""

    def __init__(self, address, port=443, *, ca_file, name=tls_client.NAME, settings=None, window=True, timeout=10.0):
        tls = tls_client.context(ca_file, alpn=("h2",))
        self.tcp = TcpClient(address, port, None, timeout)
        self.sock = tls.wrap_socket(self.tcp.sock, server_hostname=name)
        assert self.sock.selected_alpn_protocol() == "h2"
        self.name, self.window = name, window
        # The connection is tested with requests that no client should make.
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False))
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values={
                Setting.ENABLE_PUSH: 0, **settings})
        self.h2.initiate_connection()
        self.answers = {}
        self.goaway = None      # its code
        self.closed = False
        self.pongs = 0

    # --- requests ---

    def request(self, method="GET", path=PATH, content=None, fields=(), end=True):
        """The stream. The request goes out with the next flush()."""
        stream = self.h2.get_next_available_stream_id()
        answer = self.answers[stream] = Answer()
        lines = [(":method", method), (":scheme", "https"), (":authority", self.name), (":path", path), *fields]
        self.h2.send_headers(stream, lines, end_stream=end and not content)
        while content and not answer.over:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room == 0:
                self.run(lambda: answer.over or self.h2.local_flow_control_window(stream) > 0)
                continue
            piece, content = content[:room], content[room:]
            self.h2.send_data(stream, piece, end_stream=end and not content)
        return stream

    def get(self, wire, path=PATH):
        return self.request("GET", get_path(wire, path), fields=[("accept", DNS)])

    def post(self, wire, kind=DNS, path=PATH):
        return self.request("POST", path, wire, [("content-type", kind), ("content-length", str(len(wire)))])

    # --- octets ---

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.raw(data)

    def raw(self, data):
        self.sock.sendall(data)

    def run(self, condition, seconds=10.0):
        """Sends and receives until `condition()` holds; False where the connection ended first."""
        deadline = time.monotonic() + scaled(seconds)
        while True:
            try:
                self.flush()
            except OSError:
                self.closed = True
            if condition():
                return True
            if self.closed:
                return False
            left = deadline - time.monotonic()
            assert left > 0, f"it did not come about in {scaled(seconds)} s: {list(self.answers.items())[-3:]}"
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                self.closed = True
                continue
            for event in self.h2.receive_data(data):
                self._hear(event)

    def _hear(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs += 1
        elif answer is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            answer.fields = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            answer.content += event.data
            if self.window:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code

    def settle(self):
        """Until the server's settings are here."""
        self.run(lambda: self.h2.remote_settings.get(Setting.MAX_CONCURRENT_STREAMS, 1000) < 1000)

    def wait(self, *streams, seconds=10.0):
        """The answers of these streams, whole."""
        answers = [self.answers[stream] for stream in streams]
        done = self.run(lambda: all(answer.over for answer in answers), seconds)
        assert done, f"the connection ended first, goaway {self.goaway}: {answers[-3:]}"
        return answers

    def ask(self, wire, method="GET"):
        stream = self.get(wire) if method == "GET" else self.post(wire)
        return self.wait(stream)[0]

    def wait_end(self, seconds=10.0):
        """Until the server closes the connection; the code of its GOAWAY, None where there was none."""
        self.run(lambda: self.closed, seconds)
        return self.goaway

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
