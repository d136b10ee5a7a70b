"""Clients over TCP (RFC 7766)."""

import socket
import struct
import time

import pytest

from support import behave, client, figures
from support.client import Response, make_query
from support.net import scaled, wait_until


@pytest.fixture
def subject(site, start):
    made = start()
    made.query("v4.example.com.", "A")
    return made


# Covers: TRA-01
def test_a_question_over_tcp_is_answered_on_its_connection(subject):
    assert subject.query("v4.example.com.", "A", over="tcp").values("A") == ["192.0.2.33"]
    assert subject.stats()["queries_tcp"] >= 1


# Covers: TRA-01, TRA-02
def test_one_connection_serves_many_questions_in_turn(subject):
    with subject.tcp() as connection:
        for ident in range(1, 30):
            connection.send(make_query("v4.example.com.", "A", ident=ident))
            assert Response(connection.receive()).id == ident


# Covers: TRA-02
def test_pipelined_questions_are_all_answered(site, subject):
    names = ["v4", "v6", "dual", "text", "nx", "www", "several"]
    with subject.tcp() as connection:
        connection.send(*(make_query(f"{names[i % 7]}.example.com.", "AAAA", ident=i) for i in range(200)))
        answers = [Response(connection.receive()) for _ in range(200)]
    assert sorted(answer.id for answer in answers) == list(range(200))
    for answer in answers:
        assert answer.question.name.to_text() == f"{names[answer.id % 7]}.example.com."


# Covers: TRA-02
def test_a_slow_name_does_not_hold_up_the_questions_behind_it(site, com, subject):
    gate = behave.Gate(site.authority)
    com.on(gate, name="global.example.com.")
    with subject.tcp() as connection:
        connection.send(make_query("global.example.com.", "A", ident=1), make_query("v4.example.com.", "A", ident=2),
                        make_query("dual.example.com.", "A", ident=3))
        assert [Response(connection.receive()).id for _ in range(2)] == [2, 3]
        gate.open()
        assert Response(connection.receive()).id == 1


# Covers: TRA-03
def test_a_message_in_single_octets_is_put_together(subject):
    query = make_query("v4.example.com.", "A", ident=7)
    with subject.tcp() as connection:
        for octet in struct.pack("!H", len(query)) + query:
            connection.send_raw(bytes([octet]))
        assert Response(connection.receive()).values("A") == ["192.0.2.33"]


# Covers: TRA-03
def test_the_length_and_the_message_come_in_one_segment(subject):
    with subject.tcp() as connection:
        connection.send(make_query("v4.example.com.", "A"))
        data = connection.sock.recv(65535)
    assert struct.unpack_from("!H", data)[0] == len(data) - 2


# Covers: TRA-04
def test_a_client_that_leaves_does_no_harm(site, com, subject):
    com.on(behave.delay(0.3), name="global.example.com.")
    for reset in (False, True):
        connection = subject.tcp()
        connection.send(make_query("global.example.com.", "A"))
        if reset:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert subject.query("global.example.com.", "A").values("A") == ["78.0.96.91"]


# Covers: TRA-04
def test_a_client_that_closes_its_half_still_gets_its_answer_or_a_clean_end(site, com, subject):
    com.on(behave.delay(0.2), name="global.example.com.")
    with subject.tcp() as connection:
        connection.send(make_query("global.example.com.", "A"))
        connection.sock.shutdown(socket.SHUT_WR)
        reply = connection.receive()
    assert reply is None or Response(reply).values("A") == ["78.0.96.91"]


# Covers: TRA-05
def test_idle_connections_are_closed_and_dripping_does_not_count_as_use(site, start):
    subject = start(limits={"tcp_idle": "1s"})
    began = time.monotonic()
    idle, dripping = subject.tcp(), subject.tcp()
    query = make_query("v4.example.com.", "A")
    idle.send(query)
    assert idle.receive()
    dripping.send_raw(struct.pack("!H", len(query)))
    closed = set()
    dripped = iter(query)

    def both_closed():
        for connection in (idle, dripping):
            connection.sock.setblocking(False)
            try:
                if connection.sock.recv(1) == b"":
                    closed.add(connection)
            except BlockingIOError:
                pass
            except ConnectionResetError:
                closed.add(connection)
        if dripping not in closed:
            try:
                dripping.send_raw(bytes([next(dripped)]))
            except (OSError, StopIteration):
                closed.add(dripping)
        return len(closed) == 2
    wait_until(both_closed, 8, "the end of both connections", every=0.2)
    assert time.monotonic() - began >= 0.8
    assert idle in closed
    for connection in (idle, dripping):
        connection.close()


# Covers: TRA-05
def test_a_connection_in_use_is_not_closed(site, start):
    subject = start(limits={"tcp_idle": "2s"})
    with subject.tcp() as connection:
        for _ in range(12):
            connection.send(make_query("v4.example.com.", "A"))
            assert connection.receive() is not None
            time.sleep(0.25)    # what is tested is use at this pace, over more than the idle time


# Covers: TRA-06
def test_more_connections_than_allowed_do_not_stop_the_service(site, start):
    subject = start(limits={"tcp_clients": 8, "tcp_idle": "1s"})
    idle = []
    for _ in range(20):
        try:
            idle.append(subject.tcp(timeout=2))
        except OSError:
            break
    assert subject.query("v4.example.com.", "A").values("A") == ["192.0.2.33"]

    def served():
        reply = client.tcp_exchange(*subject.listen[0], make_query("v4.example.com.", "A"), 1)
        return reply is not None and Response(reply).rcode == "NOERROR"
    wait_until(served, 10, "an answer over TCP", every=0.2)
    for connection in idle:
        connection.close()


# Covers: TRA-06
def test_many_open_questions_on_one_connection_are_all_answered(site, com, subject):
    site.edit("example.com.", add="*.w A 192.0.2.1")
    com.on(behave.delay(0.05), below="w.example.com.")
    with subject.tcp() as connection:
        connection.send(*(make_query(f"n{i}.w.example.com.", "A", ident=i) for i in range(400)))
        answers = [Response(connection.receive()) for _ in range(400)]
    assert sorted(answer.id for answer in answers) == list(range(400))
    assert {answer.rcode for answer in answers} == {"NOERROR"}


# Covers: TRA-08
def test_a_client_that_does_not_read_is_bounded(site, start):
    site.edit("example.com.", add="\n".join(f"many A 198.51.{i // 100}.{i % 100}" for i in range(90)))
    subject = start(dns64={"enabled": False})
    subject.query("many.example.com.", "A", over="tcp")
    before = subject.resident()
    with subject.tcp() as greedy:
        greedy.sock.settimeout(0.2)
        query = make_query("many.example.com.", "A")
        block = (struct.pack("!H", len(query)) + query) * 100
        try:
            for _ in range(1000):
                greedy.send_raw(block)
        except (TimeoutError, OSError):
            pass
        answer = subject.query("v4.example.com.", "A")
        assert answer.values("A") == ["192.0.2.33"] and answer.seconds < scaled(1)
        # A sanitizer keeps freed memory back.
        assert subject.resident() - before < 48 << 20 or not figures.timed()


@pytest.mark.parametrize("data", [b"\0\0", b"\0\5abc", b"\0\x0c" + b"\0" * 12, b"GET / HTTP/1.1\r\n\r\n",
                                  b"\xff\xff" + b"x" * 100])
def test_nonsense_on_a_connection_does_no_harm_to_others(subject, data):
    with subject.tcp() as connection:
        connection.send_raw(data)
        assert subject.query("v4.example.com.", "A", over="tcp").values("A") == ["192.0.2.33"]
