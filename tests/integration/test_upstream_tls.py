"""Questions that leave over TLS: forwarders whose certificates are checked, and authoritative servers that are tried."""

import datetime
import itertools
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import behave, certificates
from support.net import scaled, wait_until
from support.peers import Child, find
from support.tls_authority import TlsFront, server_context

NAME = "dns.example"
NO_HANDSHAKE = 2.0    # s: a handshake may take 4, who is answered sooner has not waited for one that fails


@pytest.fixture
def ours(tmp_path):
    return certificates.authority(tmp_path / "authority")


@pytest.fixture
def fronts():
    made = []
    yield made
    for front in made:
        front.close()


@pytest.fixture
def forwarder(site, ours, fronts):
    """`forwarder(...)` makes a resolver to forward corp.example. to, with TLS on port 853 of its address."""
    def go(issued=None, names=(NAME,), server=None, **kwargs):
        server = server or site.new_server()
        server.zone("corp.example.", """
            v4 A 192.0.2.110
            *.w A 192.0.2.121
            slow A 192.0.2.122
        """)
        context = server_context(issued or ours.issue(names=names))
        front = TlsFront(server, context, **kwargs)
        fronts.append(front)
        return front
    return go


def entry(front, name=NAME, **more):
    made = {"address": front.server.address, "transport": "tls", **more}
    return {**made, "name": name} if name else made


@pytest.fixture
def forwarding(start, ours):
    """`forwarding(front, ...)` starts a resolver that forwards corp.example. to these, over TLS."""
    def go(*servers, upstream=None, **changes):
        entries = [one if isinstance(one, dict) else entry(one) for one in servers]
        return start(forward=[{"zone": "corp.example", "servers": entries}],
                     upstream={"tls_authorities": ours.ca_file, **(upstream or {})}, **changes)
    return go


def account(subject, name, rtype="A"):
    return subject.ctl("explain", name, rtype).stdout


def assert_nothing_in_clear(site, below="corp.example."):
    assert {q.transport for q in site.queries(below=below)} <= {"tls"}


# --- forwarders ---


# Covers: TRA-20, TRA-28
def test_a_forwarder_with_the_right_name_is_asked_over_tls_alone_with_padding_and_without_0x20(
        site, forwarder, forwarding):
    front = forwarder()
    subject = forwarding(front)
    assert subject.query("v4.corp.example.", "AAAA").values("AAAA") == ["2001:db8:64::c000:26e"]
    queries = site.queries(below="corp.example.")
    assert queries and all(q.transport == "tls" and q.flags & 0x0100 for q in queries)
    assert all(len(q.wire) % 128 == 0 and q.options[-1][0] == 12 for q in queries)
    assert all(q.raw_name == q.raw_name.lower() for q in queries)
    assert front.names == [NAME] and front.protocols == ["dot"]
    assert subject.stats()["upstream_tls"] == len(queries)
    assert "over TLS" in account(subject, "n1.w.corp.example.")


def test_the_address_is_checked_where_no_name_is_given(site, ours, forwarder, forwarding):
    server = site.new_server()
    front = forwarder(ours.issue(addresses=[server.address]), server=server)
    subject = forwarding(entry(front, name=None))
    assert subject.query("v4.corp.example.", "A").values("A") == ["192.0.2.110"]
    assert front.names == [None]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_forwarder_may_have_tls_1_2_or_1_3_and_no_alpn(site, ours, fronts, forwarding, version):
    server = site.new_server()
    server.zone("corp.example.", "*.w A 192.0.2.121")
    front = TlsFront(server, server_context(ours.issue(names=[NAME]), least=version, most=version, alpn=()))
    fronts.append(front)
    subject = forwarding(front)
    for i in range(3):
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]
        front.close_connections()
        wait_until(lambda: front.open == 0, 5, "the end of the connection")
    assert front.accepted == 3 and front.resumed == 2
    assert front.protocols == [None] * 3


# Covers: TRA-23
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_forwarder_that_has_only_tls_1_1_is_not_asked(site, ours, fronts, forwarding):
    server = site.new_server()
    server.zone("corp.example.", "*.w A 192.0.2.121")
    context = server_context(ours.issue(names=[NAME]), least=ssl.TLSVersion.TLSv1, most=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")
    front = TlsFront(server, context)
    fronts.append(front)
    subject = forwarding(front)
    assert subject.query("n1.w.corp.example.", "A", timeout=10).rcode == "SERVFAIL"
    assert front.handshakes == 0 and not site.queries(below="corp.example.")


def test_a_forwarder_may_have_an_ipv6_address(isolated, site, ours, forwarder, forwarding):
    server = site.new_server(isolated.ipv6())
    front = forwarder(ours.issue(addresses=[server.address]), server=server)
    subject = forwarding(entry(front, name=None))
    assert subject.query("v4.corp.example.", "A").values("A") == ["192.0.2.110"]


def wrong_name(site, ours, tmp_path):
    return ours.issue(names=["other.example"]), NAME, "hostname mismatch"


def wrong_address(site, ours, tmp_path):
    return ours.issue(names=[NAME], addresses=["192.0.2.1"]), None, "IP address mismatch"


def name_in_the_common_name_only(site, ours, tmp_path):
    return ours.issue(addresses=["192.0.2.1"], common_name=NAME), NAME, "hostname mismatch"


def unknown_authority(site, ours, tmp_path):
    return certificates.authority(tmp_path / "theirs").issue(names=[NAME]), NAME, "unable to get local issuer"


def expired(site, ours, tmp_path):
    begin = datetime.datetime.utcnow() - datetime.timedelta(days=30)
    return ours.issue(names=[NAME], not_before=begin, days=29), NAME, "certificate has expired"


def not_yet_valid(site, ours, tmp_path):
    begin = datetime.datetime.utcnow() + datetime.timedelta(days=1)
    return ours.issue(names=[NAME], not_before=begin), NAME, "not yet valid"


# Covers: TRA-20
@pytest.mark.parametrize("case", [wrong_name, wrong_address, name_in_the_common_name_only, unknown_authority,
                                  expired, not_yet_valid])
def test_a_forwarder_that_cannot_prove_who_it_is_gets_no_question_in_any_form(
        site, ours, forwarder, forwarding, tmp_path, case):
    issued, name, reason = case(site, ours, tmp_path)
    front = forwarder(issued)
    subject = forwarding(entry(front, name=name))
    answer = subject.query("v4.corp.example.", "A", timeout=10)
    assert answer.rcode == "SERVFAIL", answer
    assert not site.queries(below="corp.example.")
    assert reason.lower() in account(subject, "n1.w.corp.example.").lower()
    assert reason.lower() in subject.stderr().lower() and front.server.address in subject.stderr()


def test_the_other_forwarder_is_asked_where_one_cannot_prove_who_it_is(site, ours, forwarder, forwarding):
    bad, good = forwarder(names=["other.example"]), forwarder()
    subject = forwarding(bad, good)
    for i in range(8):
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]
    assert not site.count(server=bad.server)
    assert_nothing_in_clear(site)


def test_two_forwarders_with_different_names_at_one_address_are_two_servers(site, ours, forwarder, start):
    front = forwarder(names=[NAME])
    front.server.zone("other.example.", "*.w A 192.0.2.130")
    subject = start(forward=[{"zone": "corp.example", "servers": [entry(front)]},
                             {"zone": "other.example", "servers": [entry(front, name="wrong.example")]}],
                    upstream={"tls_authorities": ours.ca_file})
    for i in range(6):
        assert subject.query(f"n{i}.w.other.example.", "A", timeout=10).rcode == "SERVFAIL"
        assert subject.query(f"n{i}.w.corp.example.", "A", timeout=10).values("A") == ["192.0.2.121"]
    assert not site.count(below="other.example.")


def test_a_system_store_does_not_vouch_for_our_forwarder(site, forwarder, start):
    front = forwarder()
    subject = start(forward=[{"zone": "corp.example", "servers": [entry(front)]}])
    assert subject.query("v4.corp.example.", "A", timeout=10).rcode == "SERVFAIL"
    assert not site.queries(below="corp.example.")


# Covers: TRA-22
def test_one_connection_carries_question_after_question(site, forwarder, forwarding):
    front = forwarder()
    subject = forwarding(front)
    for i in range(30):
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]
    assert front.accepted == 1
    assert site.count(transport="tls") == 30


def test_replies_may_come_in_any_order(site, forwarder, forwarding):
    front = forwarder()
    names = [f"n{i}.w.corp.example." for i in range(8)]
    gates = {name: behave.Gate(site.authority) for name in names}
    for name, gate in gates.items():
        front.server.on(gate, name=name)
    subject = forwarding(front)
    subject.query("v4.corp.example.", "A")
    with ThreadPoolExecutor(len(names)) as pool:
        asking = {name: pool.submit(subject.query, name, "A") for name in names}
        try:
            for name in names:
                site.authority.wait_for(name)
            for name in reversed(names):
                assert not asking[name].done()
                gates[name].open()
                assert asking[name].result().values("A") == ["192.0.2.121"]
        finally:
            for gate in gates.values():
                gate.open()
    assert front.accepted == 1


def test_many_questions_share_few_connections(site, forwarder, forwarding):
    front = forwarder()
    front.server.on(behave.delay(0.3))
    subject = forwarding(front, workers=1)
    answers = subject.query_all([(f"n{i}.w.corp.example.", "A") for i in range(1000)], timeout=10)
    assert [a.rcode for a in answers] == ["NOERROR"] * 1000
    assert 1 <= front.most_open <= 4
    assert site.count(transport="tls") == 1000 and not front.collisions


def test_a_question_is_asked_again_where_the_kept_connection_ends_under_it(site, forwarder, forwarding):
    front = forwarder(manner=lambda number: "close" if number == 0 else "serve")
    subject = forwarding(front)
    assert subject.query("v4.corp.example.", "A").values("A") == ["192.0.2.110"]
    assert front.accepted == 2
    assert_nothing_in_clear(site)


@pytest.mark.parametrize("manner", ["close", "half"])
def test_a_server_that_always_ends_the_connection_is_asked_twice_and_not_for_ever(site, forwarder, forwarding, manner):
    front = forwarder(manner=lambda number: manner)
    subject = forwarding(front)
    assert subject.query("v4.corp.example.", "A", timeout=10).rcode == "SERVFAIL"
    assert front.accepted == 2
    assert_nothing_in_clear(site)


def test_a_connection_that_the_server_closed_while_idle_is_made_again_and_resumed(site, forwarder, forwarding):
    front = forwarder()
    subject = forwarding(front)
    subject.query("n1.w.corp.example.", "A")
    front.close_connections()
    wait_until(lambda: front.open == 0, 5, "the end of the connection")
    assert subject.query("n2.w.corp.example.", "A").values("A") == ["192.0.2.121"]
    assert front.accepted == 2 and front.resumed == 1


@pytest.mark.parametrize("manner", ["silent", "mute", "garbage"])
def test_a_forwarder_that_says_nothing_of_use_does_not_keep_the_other_from_being_asked(
        site, forwarder, forwarding, manner):
    bad, good = forwarder(manner=lambda number: manner), forwarder()
    subject = forwarding(bad, good)
    for i in range(6):
        begin = time.monotonic()
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]
        assert time.monotonic() - begin < scaled(2)
    assert_nothing_in_clear(site)


@pytest.mark.parametrize("manner", ["silent", "mute", "garbage"])
def test_a_forwarder_that_says_nothing_of_use_fails_by_the_deadline_and_never_in_clear(
        site, forwarder, forwarding, manner):
    front = forwarder(manner=lambda number: manner)
    subject = forwarding(front)
    begin = time.monotonic()
    assert subject.query("v4.corp.example.", "A", timeout=12).rcode == "SERVFAIL"
    assert time.monotonic() - begin < scaled(9)
    assert_nothing_in_clear(site)


def test_a_forwarder_that_says_to_stop_gets_no_more_on_that_connection(site, forwarder, forwarding):
    front = forwarder()

    def stop(context):      # RFC 7828 section 3.4: a timeout of zero
        if (11, b"") not in context.query.options:
            return False
        message = bytearray(context.good())
        assert message[-11:-8] == b"\0\0\x29"       # OPT is the last record, and empty
        context.send(bytes(message[:-2]) + b"\0\6\0\x0b\0\2\0\0")
        return True
    front.server.on(stop)
    subject = forwarding(front)
    for i in range(3):
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]
        wait_until(lambda: front.open == 0, 2, "the end of the connection")
    assert front.accepted == 3


def test_what_is_under_way_at_a_reload_is_answered(site, ours, forwarder, forwarding):
    front = forwarder()
    front.server.on(behave.delay(0.6), name="slow.corp.example.")
    subject = forwarding(front)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(subject.query("slow.corp.example.", "A", timeout=8)))
    asking.start()
    site.authority.wait_for("slow.corp.example.")
    subject.reload({"forward": [{"zone": "corp.example", "servers": [entry(front, name="other.example")]}]})
    asking.join()
    assert answers[0].values("A") == ["192.0.2.122"]
    # And the new configuration holds: the open connection was for the old name.
    assert subject.query("n1.w.corp.example.", "A", timeout=10).rcode == "SERVFAIL"


def test_authorities_that_cannot_be_read_are_refused_with_their_file(site, start, tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing of use\n")
    subject = start(launch=False, upstream={"tls_authorities": str(broken)})
    subject.launch()
    assert subject.wait() not in (0, None)
    assert str(broken) in subject.stderr()
    subject.process = None


class TlsUnbound(Child):
    """Unbound as a forwarder over TLS, with data of its own."""

    def __init__(self, address, issued):
        super().__init__("unbound")
        (self.directory / "unbound.conf").write_text("\n".join([
            "server:", f"  interface: {address}@853", "  tls-port: 853", f"  tls-service-key: {issued.key_file}",
            f"  tls-service-pem: {issued.cert_file}", '  username: ""', '  chroot: ""', '  pidfile: ""',
            "  use-syslog: no", "  do-daemonize: no", "  access-control: 0.0.0.0/0 allow", "  do-ip6: no",
            "  local-zone: corp.example. static", *(
                f'  local-data: "n{i}.w.corp.example. 300 IN A 192.0.2.{i}"' for i in range(1, 60)),
            "remote-control:", "  control-enable: no"]) + "\n")
        self.run(find("unbound"), "-d", "-c", str(self.directory / "unbound.conf"))


@pytest.mark.skipif(find("unbound") is None, reason="unbound is not installed")
def test_unbound_serves_as_a_forwarder(net, ours, children, forwarding):
    address = net.ipv4()
    children.append(TlsUnbound(address, ours.issue(names=[NAME])))
    subject = forwarding({"address": address, "transport": "tls", "name": NAME})
    wait_until(lambda: subject.query("n1.w.corp.example.", "A", timeout=10).rcode == "NOERROR", 20, "unbound")
    answers = subject.query_all([(f"n{i}.w.corp.example.", "A") for i in range(1, 60)], timeout=10)
    assert [a.values("A") for a in answers] == [[f"192.0.2.{i}"] for i in range(1, 60)]


# --- authoritative servers (RFC 9539) ---


@pytest.fixture
def trying(start):
    """A resolver that tries TLS with authoritative servers."""
    def go(**changes):
        return start(upstream={"tls": "opportunistic"}, **changes)
    return go


@pytest.fixture
def port853(com, ours, fronts):
    """Port 853 of the server of example.com.; its certificate is nobody's."""
    def go(manner=lambda number: "serve"):
        com.zone("example.com.", "@ NS ns1\nns1 A %s\n*.w A 192.0.2.121" % com.address)
        front = TlsFront(com, server_context(ours.issue(names=["whatever.example"])), manner=manner)
        fronts.append(front)
        return front
    return go


def until_over_tls(subject, site):
    """Asks new names below w.example.com. until one is asked over TLS and no other way."""
    names = (f"try{i}.w.example.com." for i in itertools.count())

    def asked():
        name = next(names)
        assert subject.query(name, "A").values("A") == ["192.0.2.121"]
        return {q.transport for q in site.queries(name)} == {"tls"}
    wait_until(asked, 5, "a question over TLS")


def test_a_server_with_tls_is_asked_in_clear_first_and_over_tls_from_then_on(site, com, port853, trying):
    front = port853()
    com.on(behave.delay(0.1))       # so that what this machine does besides makes nothing slow
    subject = trying()
    assert subject.query("n0.w.example.com.", "A").values("A") == ["192.0.2.121"]
    assert site.count("n0.w.example.com.", transport="udp") == 1
    until_over_tls(subject, site)
    for i in range(1, 6):
        name = f"n{i}.w.example.com."
        assert subject.query(name, "A").values("A") == ["192.0.2.121"]
        # Clear text beside it is for what is slow, as this machine may be just now.
        assert site.queries(name)[0].transport == "tls"
    assert front.names == [None] and front.accepted == 1 and front.protocols == ["dot"]
    counters = subject.stats()
    assert counters["upstream_tls_probes"] >= 1 and counters["upstream_tls"] >= 6
    assert "works" in {one["probed_tls"] for one in subject.ctl_json("servers")}
    assert "answers over TLS" in subject.ctl("servers").stdout
    assert "over TLS, unauthenticated" in account(subject, "n9.w.example.com.")


def test_servers_without_tls_are_tried_once_and_cost_nobody_anything(site, com, trying):
    com.on(behave.delay(0.05))
    subject = trying()
    for i in range(10):
        answer = subject.query("v4.example.com.", "A")
        assert answer.rcode == "NOERROR" and answer.seconds < NO_HANDSHAKE
        subject.ctl("flush", "v4.example.com")
    assert not site.queries(transport="tls")
    probes = subject.stats()["upstream_tls_probes"]
    assert {one["probed_tls"] for one in subject.ctl_json("servers")} <= {"failed", "unknown"}
    assert 1 <= probes <= 4     # one for each server: the root, com. and example.com.


@pytest.mark.parametrize("manner", ["silent", "mute", "garbage", "close"])
def test_nobody_waits_for_a_port_853_that_is_of_no_use(site, com, port853, trying, manner):
    front = port853(lambda number: manner)
    subject = trying()
    subject.query("n0.w.example.com.", "A")
    slowest = 0.0
    for i in range(1, 30):
        begin = time.monotonic()
        assert subject.query(f"n{i}.w.example.com.", "A").values("A") == ["192.0.2.121"]
        slowest = max(slowest, time.monotonic() - begin)
    assert slowest < NO_HANDSHAKE
    assert front.accepted <= 2      # the attempt; and the once more of a connection that was closed


def test_a_server_that_loses_its_tls_is_asked_in_clear_at_once(site, com, port853, trying):
    front = port853()
    subject = trying()
    until_over_tls(subject, site)
    front.close()
    for i in range(2, 6):
        begin = time.monotonic()
        assert subject.query(f"n{i}.w.example.com.", "A").values("A") == ["192.0.2.121"]
        assert time.monotonic() - begin < NO_HANDSHAKE
    assert site.count("n2.w.example.com.", transport="udp") == 1
    assert site.count("n5.w.example.com.", transport="udp") == 1


def test_a_stub_at_another_port_is_not_tried(site, start, ours, fronts):
    server = site.new_server(port=5353)
    server.zone("corp.example.", "*.w A 192.0.2.121")
    fronts.append(TlsFront(server, server_context(ours.issue(names=[NAME]))))
    subject = start(stub=[{"zone": "corp.example", "servers": [f"{server.address}@5353"]}],
                    upstream={"tls": "opportunistic"})
    for i in range(5):
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]
    assert fronts[0].accepted == 0


def test_a_forwarder_in_clear_is_not_tried(site, forwarder, start):
    front = forwarder()
    subject = start(forward=[{"zone": "corp.example", "servers": [front.server.address]}],
                    upstream={"tls": "opportunistic"})
    for i in range(5):
        assert subject.query(f"n{i}.w.corp.example.", "A").values("A") == ["192.0.2.121"]
    assert front.accepted == 0


def test_nothing_is_tried_where_it_is_off(site, com, port853, start):
    front = port853()
    subject = start()
    for i in range(5):
        assert subject.query(f"n{i}.w.example.com.", "A").values("A") == ["192.0.2.121"]
    assert front.accepted == 0 and subject.stats()["upstream_tls_probes"] == 0
