"""A browser: Chromium on an IPv6-only client, DNS over HTTPS only, a page of an IPv4-only server through NAT64."""

import json
import os
import subprocess

import pytest

from doors import NAME
from support.net import scaled
from support.peers import find

HELLO = "Hello from the IPv4-only web server 78.0.96.91"


class Browser:
    """A profile of Chromium's that resolves names over HTTPS and in no other way."""

    def __init__(self, directory, doors, length, trust, query):
        self.home = directory
        self.namespace = doors.client(length)
        profile = directory / "profile"
        store = directory / ".pki/nssdb"
        profile.mkdir()
        store.mkdir(parents=True)
        (profile / "Local State").write_text(json.dumps({
            "dns_over_https": {"mode": "secure", "templates": f"https://{NAME}/dns-query{query}"}}))
        self._certutil(store, "-N", "--empty-password")
        if trust:
            self._certutil(store, "-A", "-t", "C,,", "-n", "authority of this test", "-i", doors.ca_file)

    @staticmethod
    def _certutil(store, *words):
        subprocess.run([find("certutil"), "-d", f"sql:{store}", *words], check=True, capture_output=True,
                       stdin=subprocess.DEVNULL, timeout=scaled(30))

    def page(self, url):
        """The page as Chromium has it after loading, and what it said beside it."""
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment["HOME"] = str(self.home)
        done = subprocess.run(
            ["ip", "netns", "exec", self.namespace, find("chromium"), "--headless", "--no-sandbox", "--disable-gpu",
             "--no-first-run", "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
             "--disable-dev-shm-usage", f"--user-data-dir={self.home}/profile", "--dump-dom", url],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=scaled(90), check=False)
        return done.stdout, done.stderr


@pytest.fixture
def browser(doors, tmp_path):
    return lambda length, trust=True, query="": Browser(tmp_path, doors, length, trust, query)


# Covers: TRA-40
@pytest.mark.parametrize("length,name,query", [(96, "www.v4only.example", ""), (96, "www.v4only.example", "{?dns}"),
                                               (32, "shop.alias.example", "{?dns}"), (64, "www.sigok.example", "")],
                         ids=["POST", "GET", "GET, through aliases", "POST, signed"])
def test_chromium_shows_the_page_of_an_ipv4_only_server(doors, browser, length, name, query):
    before = doors.counted("queries_https", "queries_udp", "queries_tls")
    lab_before = doors.lab.stats()["queries"]
    page, said = browser(length, query=query).page(f"http://{name}/")
    assert HELLO in page and f"You asked for {name}" in page, page + said
    after = doors.counted("queries_https", "queries_udp", "queries_tls")
    assert after[0] >= before[0] + 2, "A and AAAA did not come over HTTPS"
    assert after[1:] == before[1:]
    assert doors.lab.stats()["queries"] == lab_before, "the system's resolver was asked"


def test_chromium_that_does_not_trust_the_authority_resolves_nothing(doors, browser):
    before = doors.counted("queries_https", "tls_failed")
    page, said = browser(96, trust=False).page("http://www.v4only.example/")
    assert HELLO not in page and "ERR_NAME_NOT_RESOLVED" in page + said, page + said
    after = doors.counted("queries_https", "tls_failed")
    assert after[0] == before[0]
