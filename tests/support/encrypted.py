"""Fixtures: a resolver that listens over UDP, TCP, TLS and HTTPS, and the authority that its certificate is of."""

import pytest

from support import certificates, tls_client


@pytest.fixture
def ours(tmp_path):
    """An authority of this test's own."""
    return certificates.authority(tmp_path / "authority")


@pytest.fixture
def encrypted(start, net, ours):
    """`encrypted(**changes)` starts a resolver with listeners on the ports 53, 853 and 443 of one address.

    Its certificate is for dns.example.com and the address, unless `issued` is another, or `tls` is the whole "tls".
    """
    def go(*, issued=None, tls=None, address=None, listener=None, more=(), **changes):
        address = address or net.ipv4()
        issued = issued or ours.issue(names=[tls_client.NAME], addresses=[address])
        both = listener or {}
        listeners = [{"address": address, "port": 53, **both},
                     {"address": address, "port": 853, "transport": "tls", **both},
                     {"address": address, "port": 443, "transport": "https", **both}, *more]
        subject = start(listeners=listeners, tls=issued.config() if tls is None else tls, **changes)
        subject.address = address
        subject.issued = issued
        subject.ca_file = ours.ca_file

        def connect(**kwargs):
            keywords = {"tls": tls_client.context(ours.ca_file), **kwargs}
            return tls_client.TlsClient(address, **keywords)

        subject.over_tls = connect
        return subject
    return go
