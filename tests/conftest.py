"""What the integration and end-to-end tests share: addresses, the scripted Internet, the resolver under test."""

import os
import tempfile

import pytest

from support import net as net_
from support.peers import Unbound
from support.resolver import Resolver, binary
from support.world import World


def pytest_configure(config):
    if not hasattr(config, "workerinput") and not os.environ.get("R64_FIGURES"):
        handle, path = tempfile.mkstemp(prefix="r64-figures-")
        os.close(handle)
        os.environ["R64_FIGURES"] = path
        config.add_cleanup(lambda: os.unlink(path))


def pytest_terminal_summary(terminalreporter):
    path = os.environ.get("R64_FIGURES")
    lines = open(path, encoding="utf-8").read().splitlines() if path and os.path.exists(path) else []
    if lines:
        terminalreporter.section("figures")
        for line in sorted(lines, key=lambda text: (len(text.split(":")[0]), text)):
            terminalreporter.line(line)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for world in getattr(item, "r64_worlds", ()):
            report.sections.append(("the authority's log", world.authority.dump()))
        for resolver in getattr(item, "r64_resolvers", ()):
            responses, stderr = resolver.account()
            report.sections.append(("the resolver's last responses", responses))
            report.sections.append(("the resolver's standard error", stderr))


@pytest.fixture(scope="session")
def network():
    """Addresses of our own; in a network namespace where one can be had."""
    return net_.Network()


@pytest.fixture
def net(network):
    if not network.privileged:
        pytest.skip("needs port 53 on loopback addresses: run the tests as root")
    return network


@pytest.fixture
def world(net, request):
    """An Internet that has a root and nothing else yet."""
    made = World(net)
    request.node.r64_worlds = [made]
    yield made
    made.close()
    assert not made.authority.faults, f"a behaviour of the scripted authority failed: {made.authority.faults}"


@pytest.fixture
def resolver_factory(request, tmp_path, network):
    """`start(config, listen=2)` starts a resolver on so many new addresses; all are stopped at the end."""
    made = request.node.r64_resolvers = []

    def make(config, listen=1, start=True, kind=None):
        directory = tmp_path / f"resolver{len(made)}"
        directory.mkdir()
        kind = kind or (Unbound if os.environ.get("R64_SUBJECT") == "unbound" else Resolver)
        if kind is Resolver and not os.path.exists(binary("resolve64")):
            pytest.fail(f"{binary('resolve64')} does not exist: build first, or set R64_BIN_DIR")
        if isinstance(listen, int):
            listen = [{"address": network.ipv4(), "port": 53} for _ in range(listen)]
        subject = kind(directory, config, listen)
        made.append(subject)
        return subject.start() if start else subject

    yield make
    faults = []
    for subject in made:
        try:
            subject.stop()
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n\n".join(faults)


@pytest.fixture
def start(world, resolver_factory):
    """`start(dns64={...}, listen=2)` starts a resolver of this test's world; keywords replace configuration keys."""
    def go(listen=1, launch=True, **changes):
        listeners = changes.pop("listeners", None)
        return resolver_factory(world.config(**changes), listen=listeners or listen, start=launch)
    return go


@pytest.fixture
def isolated(network):
    """Needs a network namespace, and with it any address."""
    if not network.isolated:
        pytest.skip("needs a network namespace of its own: run the tests as root, with CAP_SYS_ADMIN")
    return network


@pytest.fixture
def children():
    """Server programs started by a test, ended after it."""
    made = []
    yield made
    for child in made:
        child.close()
