"""DNS over TLS (RFC 7858, RFC 8310): what is spoken on port 853."""

import socket
import ssl
import struct
import time

import pytest

from support import behave, client, tls_client
from support.client import Response, make_query
from support.encrypted import encrypted, ours
from support.net import scaled, wait_until
from support.tls_client import TLS12, TLS13, TlsBytes, context, ends, framed

__all__ = ["encrypted", "ours"]
PADDING, KEEPALIVE = 12, 11
V4 = ["192.0.2.33"]


@pytest.fixture
def subject(site, encrypted):
    made = encrypted()
    made.query("v4.example.com.", "A")
    return made


def why_not(connect, **kwargs):
    """The reason of a handshake that must fail."""
    with pytest.raises(ssl.SSLError) as failed:
        connect(**kwargs).close()
    return str(failed.value).lower().replace("_", " ")


# Covers: TRA-20, TRA-21
def test_a_question_over_tls_is_answered_and_synthesized_like_any_other(subject):
    before = subject.stats()
    with subject.over_tls() as connection:
        assert connection.ask("v4.example.com.", "A").values("A") == V4
        assert connection.ask("v4.example.com.", "AAAA").values("AAAA") == ["2001:db8:64::c000:221"]
        assert connection.ask("nothing.example.com.", "A").rcode == "NXDOMAIN"
    after = subject.stats()
    assert after["queries_tls"] == before["queries_tls"] + 3
    assert after["queries_tcp"] == before["queries_tcp"]
    assert after["tls_handshakes"] == before["tls_handshakes"] + 1


def test_the_ready_line_names_the_encrypted_listeners(subject):
    line = subject.ready_line()
    assert f"tls {subject.address}:853" in line and f"https {subject.address}:443/dns-query" in line


# Covers: TRA-20
@pytest.mark.parametrize("before", [b"", b"\x16\x03\x01\x00\x05hello", b"\x15\x03\x01\x00\x02\x02\x28"],
                         ids=["at once", "after a failed handshake", "after an alert"])
def test_port_853_never_carries_clear_dns(subject, before):
    with client.TcpClient(subject.address, 853) as connection:
        query = make_query("v4.example.com.", "A", ident=0x1603)
        heard = b""
        try:
            for data in (before, framed(query), framed(query)):
                connection.send_raw(data)
            while more := connection.sock.recv(65536):
                heard += more
        except (ConnectionResetError, BrokenPipeError):
            pass
    # Nothing, or alerts (RFC 8446 section 6): type 21, version 3, two octets.
    while heard:
        assert heard[:2] == b"\x15\x03" and heard[3:5] == b"\0\2", heard
        heard = heard[7:]
    assert subject.stats()["queries_tls"] == 0


# Covers: TRA-02, TRA-21
def test_pipelined_questions_are_all_answered(subject):
    names = ["v4", "v6", "dual", "text", "nx", "www", "several"]
    with subject.over_tls() as connection:
        connection.send(*(make_query(f"{names[i % 7]}.example.com.", "AAAA", ident=i) for i in range(300)))
        answers = [Response(connection.receive()) for _ in range(300)]
    assert sorted(answer.id for answer in answers) == list(range(300))
    for answer in answers:
        assert answer.question.name.to_text() == f"{names[answer.id % 7]}.example.com."


# Covers: TRA-02, TRA-21
def test_a_slow_name_does_not_hold_up_the_questions_behind_it(com, subject):
    com.on(behave.delay(0.7), name="global.example.com.")
    with subject.over_tls() as connection:
        connection.send(make_query("global.example.com.", "A", ident=1), make_query("v4.example.com.", "A", ident=2),
                        make_query("dual.example.com.", "A", ident=3))
        assert [Response(connection.receive()).id for _ in range(3)] == [2, 3, 1]


# Covers: TRA-21
def test_the_length_and_the_message_come_in_one_record(subject):
    with TlsBytes(subject.address, tls=context(subject.ca_file)) as connection:
        connection.handshake()
        connection.sock.sendall(connection.record(framed(make_query("v4.example.com.", "A"))))
        data = connection.read()
    assert struct.unpack_from("!H", data)[0] == len(data) - 2


# Covers: TRA-03, TRA-21
@pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
def test_everything_in_single_octets_is_put_together(subject, version):
    def single(data):
        for octet in data:
            connection.sock.sendall(bytes([octet]))

    with TlsBytes(subject.address, tls=context(subject.ca_file, least=version, most=version)) as connection:
        connection.handshake(send=single)
        for octet in framed(make_query("v4.example.com.", "A")):
            single(connection.record(bytes([octet])))
        assert Response(connection.receive()).values("A") == V4


def test_a_question_that_comes_with_the_end_of_the_handshake_is_answered(subject):
    with TlsBytes(subject.address, tls=context(subject.ca_file)) as connection:
        held = []
        connection.sock.sendall(connection.hello())
        connection.take()
        connection.handshake(send=held.append)
        held.append(connection.record(framed(make_query("v4.example.com.", "A"))))
        connection.sock.sendall(b"".join(held))
        assert Response(connection.receive()).values("A") == V4


# Covers: TRA-23
@pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("key", ["ec", "rsa", "ed25519"])
def test_both_versions_are_served_with_every_kind_of_key(site, encrypted, ours, net, version, key):
    address = net.ipv4()
    made = encrypted(address=address, issued=ours.issue(names=[tls_client.NAME], addresses=[address], key=key))
    with made.over_tls(tls=context(made.ca_file, least=version, most=version)) as connection:
        assert connection.version == {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[version]
        assert connection.sock.compression() is None
        assert connection.ask("v4.example.com.", "A").values("A") == V4


# Covers: TRA-23
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["TLS 1.0", "TLS 1.1"])
def test_versions_below_1_2_are_refused(subject, version):
    old = context(None, least=version, most=version, ciphers="ALL:@SECLEVEL=0")
    assert "alert protocol version" in why_not(subject.over_tls, tls=old)


# Covers: TRA-23
@pytest.mark.parametrize("key,suites", [("ec", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"),
                                        ("rsa", "AES128-GCM-SHA256:AES256-GCM-SHA384"),
                                        ("rsa", "ECDHE-RSA-AES128-SHA:DHE-RSA-AES128-GCM-SHA256")],
                         ids=["CBC", "no forward secrecy", "CBC or finite fields"])
def test_in_1_2_suites_without_ecdhe_and_aead_are_refused(site, encrypted, ours, key, suites):
    made = encrypted(issued=ours.issue(names=[tls_client.NAME], key=key))
    weak = context(made.ca_file, most=TLS12, ciphers=suites + ":@SECLEVEL=0")
    assert "alert handshake failure" in why_not(made.over_tls, tls=weak)
    with made.over_tls(tls=context(made.ca_file, most=TLS12)) as connection:
        assert connection.sock.cipher()[0].startswith("ECDHE-")


# Covers: TRA-25
@pytest.mark.parametrize("offered,chosen", [(["dot"], "dot"), (["h2", "dot"], "dot"), ([], None)])
def test_alpn_dot_is_chosen_where_offered_and_may_be_missing(subject, offered, chosen):
    with subject.over_tls(tls=context(subject.ca_file, alpn=offered)) as connection:
        assert connection.alpn == chosen
        assert connection.ask("v4.example.com.", "A").values("A") == V4


# Covers: TRA-25
@pytest.mark.parametrize("offered", [["h2"], ["http/1.1"], ["doq", "do"]])
def test_alpn_without_dot_gets_the_alert(subject, offered):
    assert "alert no application protocol" in why_not(subject.over_tls, tls=context(subject.ca_file, alpn=offered))


# --- resumption ---

# Covers: TRA-22, TRA-24
@pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
def test_a_session_is_resumed_by_whichever_worker_and_after_a_reload(site, encrypted, version):
    subject = encrypted(workers=3)
    tls = context(subject.ca_file, least=version, most=version)

    def visit(session):
        with subject.over_tls(tls=tls, session=session) as connection:
            assert connection.ask("v4.example.com.", "A").values("A") == V4
            return connection.resumed, connection.session

    resumed, session = visit(None)
    assert not resumed
    for round_ in range(24):
        if round_ == 12:
            subject.reload()
        resumed, session = visit(session)
        assert resumed, f"round {round_}"
    assert subject.stats()["tls_resumed"] == 24


# Covers: TRA-24
def test_a_ticket_of_one_resolver_is_good_at_another_that_shares_its_keys(site, encrypted, tmp_path, ours):
    keys = tmp_path / "tickets"
    keys.write_text("a1" * 80 + "\n")
    keys.chmod(0o644)
    issued = ours.issue(names=[tls_client.NAME])
    tls = context(ours.ca_file)
    one, other, stranger = (encrypted(issued=issued, tls={**issued.config(), **more})
                            for more in ({"ticket_keys": str(keys)}, {"ticket_keys": str(keys)}, {}))

    def visit(subject, session=None):
        with subject.over_tls(tls=tls, session=session) as connection:
            assert connection.ask("v4.example.com.", "A").values("A") == V4
            return connection.resumed, connection.session

    session = visit(one)[1]
    assert visit(other, session)[0]
    assert not visit(stranger, session)[0]
    # Rotation: a new key in front, the old one is still good; then it is gone.
    keys.write_text("b2" * 80 + "\n" + "a1" * 80 + "\n")
    other.reload()
    resumed, renewed = visit(other, session)
    assert resumed
    keys.write_text("b2" * 80 + "\n")
    other.reload()
    assert not visit(other, session)[0]
    assert visit(other, renewed)[0], "a ticket under an older key was not renewed"


# --- ends ---

# Covers: TRA-22
@pytest.mark.parametrize("version", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
def test_an_idle_connection_is_ended_with_close_notify(site, encrypted, version):
    subject = encrypted(limits={"tls_idle": "1s"})
    with subject.over_tls(tls=context(subject.ca_file, least=version, most=version)) as connection:
        began = time.monotonic()
        connection.ask("v4.example.com.", "A")
        assert connection.receive() is None    # an end without close_notify raises
        assert time.monotonic() - began >= 0.8


# Covers: TRA-05
def test_dripping_octets_does_not_count_as_use(site, encrypted):
    subject = encrypted(limits={"tls_idle": "1s"})
    with TlsBytes(subject.address, tls=context(subject.ca_file)) as connection:
        connection.handshake()
        octets = iter(framed(make_query("v4.example.com.", "A")))
        connection.sock.settimeout(0.2)

        def ended():
            try:
                connection.sock.sendall(connection.record(bytes([next(octets)])))
                return not connection.take()
            except TimeoutError:
                return False
            except (OSError, ssl.SSLError):
                return True
        wait_until(ended, 6, "the end of the connection")


# Covers: TRA-22
def test_a_connection_in_use_outlives_the_idle_time(site, encrypted):
    subject = encrypted(limits={"tls_idle": "2s"})
    with subject.over_tls() as connection:
        for _ in range(12):
            connection.ask("v4.example.com.", "A")
            time.sleep(0.25)    # what is tested is use at this pace, over more than the idle time


# Covers: TRA-30
def test_a_handshake_that_does_not_end_is_given_up_however_it_drips(subject):
    silent = client.TcpClient(subject.address, 853)
    half = client.TcpClient(subject.address, 853)
    dripping = TlsBytes(subject.address, tls=context(subject.ca_file))
    hello = dripping.hello()
    half.send_raw(hello[:100])
    octets = iter(hello)
    open_ = {silent.sock, half.sock, dripping.sock}
    began = time.monotonic()

    def all_ended():
        if dripping.sock in open_:
            try:
                dripping.sock.sendall(bytes([next(octets)]))
            except OSError:
                open_.discard(dripping.sock)
        for sock in list(open_):
            sock.setblocking(False)
            try:
                if sock.recv(100) == b"":
                    open_.discard(sock)
            except BlockingIOError:
                pass
            except OSError:
                open_.discard(sock)
        return not open_
    wait_until(all_ended, 12, "the end of the handshakes", every=0.1)
    assert time.monotonic() - began > 1, "no time for a slow but honest client"
    assert subject.stats()["tls_failed"] >= 3
    for connection in (silent, half, dripping):
        connection.close()


@pytest.mark.parametrize("notify", [True, False], ids=["close_notify", "end of file"])
def test_a_client_that_closes_its_half_still_gets_its_answer_or_a_clean_end(com, subject, notify):
    com.on(behave.delay(0.2), name="global.example.com.")
    with TlsBytes(subject.address, tls=context(subject.ca_file)) as connection:
        connection.handshake()
        connection.sock.sendall(connection.record(framed(make_query("global.example.com.", "A"))))
        if notify:
            with pytest.raises(ssl.SSLWantReadError):
                connection.tls.unwrap()
            connection.sock.sendall(connection.due())
        connection.sock.shutdown(socket.SHUT_WR)
        if notify:
            assert ends(connection.sock)
        else:
            reply = connection.receive()
            assert reply is None or Response(reply).values("A") == ["78.0.96.91"]
    assert tls_client.ask(subject.address, "global.example.com.", tls=context(subject.ca_file)).rcode == "NOERROR"


# Covers: TRA-04
@pytest.mark.parametrize("when", ["hello", "handshake", "question"])
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_client_that_leaves_at_any_moment_does_no_harm(com, subject, when, reset):
    com.on(behave.delay(0.2), name="global.example.com.")
    for _ in range(5):
        connection = TlsBytes(subject.address, tls=context(subject.ca_file))
        if when == "hello":
            connection.sock.sendall(connection.hello())
        else:
            connection.handshake()
        if when == "question":
            connection.sock.sendall(connection.record(framed(make_query("global.example.com.", "A"))))
        if reset:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    with subject.over_tls() as connection:
        assert connection.ask("global.example.com.", "A").values("A") == ["78.0.96.91"]


# --- EDNS options that have a meaning here ---

# Covers: TRA-27, TRA-28
def test_answers_are_padded_to_468_octets_where_the_client_pads_and_only_over_tls(site, subject):
    padding = [(PADDING, b"\0" * 20)]
    with subject.over_tls() as connection:
        for name, rtype in [("v4.example.com.", "A"), ("v4.example.com.", "AAAA"), ("nothing.example.com.", "A"),
                            ("text.example.com.", "TXT")]:
            padded = connection.ask(name, rtype, options=padding)
            assert len(padded.wire) % 468 == 0, padded
            assert [code for code, _ in padded.options].count(PADDING) == 1 and padded.options[-1][0] == PADDING
            plain = connection.ask(name, rtype, edns=1232)
            assert PADDING not in dict(plain.options)
    for over in ("udp", "tcp"):
        assert PADDING not in dict(subject.query("v4.example.com.", "A", over=over, options=padding).options)


# Covers: TRA-07
def test_who_asks_is_told_how_long_a_connection_may_be_idle(site, encrypted):
    subject = encrypted(limits={"tls_idle": "17s", "tcp_idle": "9s"})
    with subject.over_tls() as connection:
        told = dict(connection.ask("v4.example.com.", "A", options=[(KEEPALIVE, b"")]).options)[KEEPALIVE]
        assert struct.unpack("!H", told.data)[0] == 170
        assert KEEPALIVE not in dict(connection.ask("v4.example.com.", "A", edns=1232).options)
        assert connection.ask("v4.example.com.", "A", options=[(KEEPALIVE, b"\0\1")]).rcode == "FORMERR"
    told = dict(subject.query("v4.example.com.", "A", over="tcp", options=[(KEEPALIVE, b"")]).options)[KEEPALIVE]
    assert struct.unpack("!H", told.data)[0] == 90
    assert KEEPALIVE not in dict(subject.query("v4.example.com.", "A", options=[(KEEPALIVE, b"")]).options)


# --- views and access are the same as without TLS ---

def test_the_view_is_that_of_the_listener_or_of_the_client(site, encrypted, net):
    visitor = net.ipv4()
    views = {"guests": {"clients": [visitor], "dns64": {"prefixes": ["2001:db8:65::/96"]}},
             "fixed": {"dns64": {"prefixes": ["2001:db8:66::/96"]}}}
    subject = encrypted(views=views)
    fixed = encrypted(views=views, listener={"view": "fixed"})

    def asks(resolver, source=None):
        return tls_client.ask(resolver.address, "v4.example.com.", "AAAA", tls=context(resolver.ca_file),
                              source=source).values("AAAA")

    assert asks(subject) == ["2001:db8:64::c000:221"]
    assert asks(subject, visitor) == ["2001:db8:65::c000:221"]
    assert asks(fixed, visitor) == ["2001:db8:66::c000:221"]


def test_who_may_not_ask_is_refused_over_tls_as_well(site, encrypted, net):
    unwanted = net.ipv4()
    subject = encrypted(access={"refuse": [unwanted]})
    refused = tls_client.ask(subject.address, "v4.example.com.", "A", tls=context(subject.ca_file), source=unwanted)
    assert refused.rcode == "REFUSED"
    assert tls_client.ask(subject.address, "v4.example.com.", "A", tls=context(subject.ca_file)).values("A") == V4


def test_what_is_in_flight_over_tls_is_answered_before_the_end(com, subject):
    com.on(behave.delay(0.8), name="global.example.com.")
    with subject.over_tls() as connection:
        connection.send(make_query("global.example.com.", "A"))
        wait_until(lambda: subject.stats()["queries_tls"] >= 1, 5, "the question")
        subject.signal(15)
        assert Response(connection.receive()).values("A") == ["78.0.96.91"]
        assert connection.receive() is None
    assert subject.wait() == 0


@pytest.mark.parametrize("data", [b"\0\0", b"\0\5abc", b"\0\x0c" + b"\0" * 12, b"GET / HTTP/1.1\r\n\r\n",
                                  b"\xff\xff" + b"x" * 100])
def test_nonsense_inside_tls_does_no_harm_to_others(subject, data):
    with subject.over_tls() as connection:
        connection.send_raw(data)
        answer = tls_client.ask(subject.address, "v4.example.com.", tls=context(subject.ca_file), timeout=scaled(5))
        assert answer.values("A") == V4


def test_listeners_over_tls_come_and_go_at_reload_and_what_is_in_progress_is_answered(site, com, start, ours, net):
    com.on(behave.delay(0.5), name="global.example.com.")
    plain = {"address": net.ipv4(), "port": 53}
    secure = {"address": plain["address"], "port": 853, "transport": "tls"}
    subject = start(listeners=[plain])
    subject.query("v4.example.com.", "A")
    subject.reload({"listen": [plain, secure], "tls": ours.issue(names=[tls_client.NAME]).config()})
    connection = tls_client.TlsClient(plain["address"], tls=context(ours.ca_file))
    assert connection.ask("v4.example.com.", "A").values("A") == V4
    connection.send(make_query("global.example.com.", "A"))
    wait_until(lambda: subject.stats()["queries_tls"] >= 2, 5, "the question")
    subject.reload({"listen": [plain]})
    assert Response(connection.receive()).values("A") == ["78.0.96.91"]
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        client.TcpClient(plain["address"], 853)
    assert subject.query("v4.example.com.", "A").values("A") == V4
