"""DNS cookies (RFC 7873, RFC 9018) and the limit on clients that show none."""

import re
import subprocess

import pytest

from support import client
from support.client import Response, make_query
from support.net import scaled, wait_until

COOKIE = 10
CLIENT = bytes(range(8))
SECRETS = ["445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"]


def run(*words):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=scaled(30), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def dig(subject, *words):
    return run("dig", f"@{subject.listen[0][0]}", "+tries=1", "+time=10", "v4.example.com", "A", *words)


def ask(subject, server=b"", **kwargs):
    """A question with a cookie; `server` is our part of it."""
    return subject.query("v4.example.com.", "A", options=[(COOKIE, CLIENT + server)], **kwargs)


def server_cookie(response):
    """Our part of the cookie in a response."""
    (option,) = [option for code, option in response.options if code == COOKIE]
    data = option.to_wire()
    assert data[:8] == CLIENT and len(data) == 24
    return data[8:]


@pytest.fixture
def subject(site, start):
    made = start()
    made.query("v4.example.com.", "A")
    return made


def good_and_bad(subject):
    stats = subject.stats()
    return stats["cookies_good"], stats["cookies_bad"]


# Covers: TRA-12
def test_dig_learns_a_cookie_and_finds_it_good(subject):
    first = dig(subject, "+cookie")
    assert "(good)" in first and "status: NOERROR" in first
    cookie = re.search(r"COOKIE: ([0-9a-f]+)", first)[1]
    assert len(cookie) == 48
    assert f"COOKIE: {cookie} (good)" in dig(subject, f"+cookie={cookie}")
    assert good_and_bad(subject) == (1, 0)


# Covers: TRA-12
def test_kdig_learns_a_cookie(subject):
    out = run("kdig", f"@{subject.listen[0][0]}", "+retry=0", "+cookie", "+tcp", "v4.example.com", "A")
    assert "status: NOERROR" in out and "192.0.2.33" in out
    assert re.search(r"COOKIE: [0-9A-Fa-f]{48}", out)


# Covers: TRA-12
@pytest.mark.parametrize("over", ["udp", "tcp"])
def test_a_message_without_a_question_asks_for_a_cookie(subject, over):
    def exchange(cookie):
        wire = bytearray(make_query("v4.example.com.", options=[(COOKIE, cookie)]))
        question = wire[12:12 + len(b"\2v4\7example\3com\0") + 4]
        del wire[12:12 + len(question)]
        wire[5] = 0
        return subject.raw(bytes(wire), over=over)

    fresh = exchange(CLIENT)
    assert fresh.rcode == "NOERROR" and fresh.question is None and not fresh.answer()
    assert exchange(CLIENT + server_cookie(fresh)).rcode == "NOERROR"
    assert exchange(CLIENT + bytes(16)).rcode == "BADCOOKIE"
    assert exchange(CLIENT[:5]).rcode == "FORMERR"


# Covers: TRA-12
def test_a_bad_cookie_is_answered_and_renewed_where_there_is_no_haste(subject):
    for over in ("udp", "tcp"):
        response = ask(subject, bytes(16), over=over)
        assert response.values("A") == ["192.0.2.33"]
        assert ask(subject, server_cookie(response), over=over).values("A") == ["192.0.2.33"]
    assert good_and_bad(subject) == (2, 2)


def test_without_cookies_the_option_means_nothing(site, start):
    subject = start(cookies={"enabled": False})
    for cookie in (CLIENT, CLIENT[:3]):
        response = subject.query("v4.example.com.", "A", options=[(COOKIE, cookie)])
        assert response.values("A") == ["192.0.2.33"]
        assert not response.options
    subject.reload({"cookies": {"enabled": True}})
    assert server_cookie(ask(subject))
    subject.reload({"cookies": {"enabled": False}})
    assert not ask(subject).options


# --- secrets ---

# Covers: TRA-13
def test_a_reload_rolls_the_secret_and_cookies_stay_good(subject):
    old = server_cookie(ask(subject))
    assert server_cookie(ask(subject, old)) == old
    subject.reload()
    fresh = server_cookie(ask(subject, old))
    assert fresh != old
    assert good_and_bad(subject) == (2, 0)
    for _ in range(2):
        subject.reload()
    assert server_cookie(ask(subject, fresh)) != fresh
    assert server_cookie(ask(subject, old)) != old
    assert good_and_bad(subject) == (4, 0), "four secrets are kept"
    subject.reload()
    ask(subject, old)
    assert good_and_bad(subject) == (4, 1), "the fifth is not"


# Covers: TRA-13
def test_resolvers_that_share_a_file_of_secrets_know_each_others_cookies(site, start, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.write_text(f"# ours\n{SECRETS[0]}\n")
    one = start(cookies={"secrets": str(secrets)})
    two = start(cookies={"secrets": str(secrets)})
    cookie = server_cookie(ask(one))
    assert server_cookie(ask(two, cookie)) == cookie
    # RFC 9018 section 5: the new secret is known everywhere, then used, then alone.
    secrets.write_text("\n".join(SECRETS))
    two.reload()
    assert server_cookie(ask(two, cookie)) == cookie
    secrets.write_text("\n".join(reversed(SECRETS)))
    two.reload()
    one.reload()
    fresh = server_cookie(ask(two, cookie))
    assert fresh != cookie
    assert server_cookie(ask(one, fresh)) == fresh
    secrets.write_text(SECRETS[1])
    two.reload()
    assert server_cookie(ask(two, fresh)) == fresh
    assert good_and_bad(two) == (4, 0)
    ask(two, cookie)
    assert good_and_bad(two) == (4, 1)


def test_a_file_of_secrets_that_is_wrong_is_told_and_changes_nothing(site, start, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.write_text(SECRETS[0])
    subject = start(cookies={"secrets": str(secrets)})
    cookie = server_cookie(ask(subject))
    secrets.write_text(f"\n{SECRETS[1]}\nsecret\n")
    done = subject.ctl("reload", check=False)
    assert done.returncode != 0
    assert f"{secrets}:3: a secret is 32 hexadecimal digits" in done.stdout + done.stderr
    assert SECRETS[1] not in done.stdout + done.stderr
    assert server_cookie(ask(subject, cookie)) == cookie


# --- limits.per_client_qps ---

RATE = 5


@pytest.fixture
def limited(site, start):
    """A resolver of which one client has had all that it may have for the next moments."""
    made = start(limits={"per_client_qps": RATE}, workers=2)
    made.query("v4.example.com.", "A", over="tcp")

    def spent():
        return "TC" in made.query("v4.example.com.", "A").flags
    # A slow machine may need more than it: tokens come back meanwhile.
    wait_until(spent, 10, "the limit", every=0)
    return made


def test_without_a_cookie_a_client_that_is_too_fast_is_sent_to_tcp(limited):
    wire = make_query("v4.example.com.", "A")
    address, port = limited.listen[0]
    replies = [Response(client.udp_exchange(address, port, wire)) for _ in range(20)]
    cut = [reply for reply in replies if "TC" in reply.flags]
    assert len(cut) >= 10 and all(not reply.answer() and reply.rcode == "NOERROR" for reply in cut)
    for _ in range(20):
        assert limited.query("v4.example.com.", "A", over="tcp").values("A") == ["192.0.2.33"]
    assert limited.query("v4.example.com.", "A", source="127.9.9.9").values("A") == ["192.0.2.33"]
    assert limited.stats()["limit_client_qps"] >= 11
    assert "192.0.2.33" in dig(limited, "+nocookie")


# Covers: TRA-12
def test_with_a_good_cookie_a_client_may_be_as_fast_as_it_likes(limited):
    cookie = server_cookie(ask(limited, over="tcp"))
    for _ in range(10 * RATE):
        response = ask(limited, cookie)
        assert response.values("A") == ["192.0.2.33"] and "TC" not in response.flags
    assert limited.stats()["cookies_good"] == 10 * RATE


# Covers: TRA-12
def test_a_client_that_is_too_fast_learns_its_cookie_from_badcookie(limited):
    def refused():
        response = ask(limited)
        return response if response.rcode == "BADCOOKIE" else None
    response = wait_until(refused, 10, "BADCOOKIE", every=0)
    assert not response.answer()
    assert ask(limited, server_cookie(response)).values("A") == ["192.0.2.33"]


# Covers: TRA-12
def test_dig_comes_back_with_the_cookie_of_a_badcookie(limited):
    def retried():
        out = dig(limited, "+cookie", "+badcookie", "+showbadcookie")
        return out if "BADCOOKIE" in out else None
    out = wait_until(retried, 10, "a BADCOOKIE that dig is told", every=0)
    assert "status: NOERROR" in out and "192.0.2.33" in out


def test_a_reload_changes_the_limit(limited):
    limited.reload({"limits": {"per_client_qps": 0}})
    for _ in range(10 * RATE):
        assert "TC" not in limited.query("v4.example.com.", "A").flags
