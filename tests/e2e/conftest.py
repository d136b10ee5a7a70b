"""`make lab` as a fixture: one lab for the session, under a name that no other run has."""

from pathlib import Path

import pytest

from doors import Doors
from labrun import LabRun, traces, why_no_lab
from support.net import scaled


def pytest_collection_modifyitems(items):
    # One lab at a time is enough for two cores: its tests go to one worker.
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("lab"))


@pytest.fixture(scope="session")
def lab_possible(network):
    """`network` puts this process in a namespace of its own, so the lab's host link is not on the machine's."""
    reason = why_no_lab()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def lab(lab_possible, tmp_path_factory):
    running = LabRun(tmp_path_factory.mktemp("lab"))
    try:
        running.wait_up()
        yield running
    finally:
        running.stop()
        assert not traces(running.name)


@pytest.fixture(scope="session")
def doors(lab, tmp_path_factory):
    """A resolver in the lab that listens over TLS and HTTPS as well."""
    made = Doors(lab, tmp_path_factory.mktemp("doors"))
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture
def make_lab(lab_possible, tmp_path):
    """Starts further labs, which are ended with the test if it has not done so itself."""
    made = []

    def make(*options, **kwargs):
        made.append(LabRun(tmp_path, *options, **kwargs))
        return made[-1]

    yield make
    for running in made:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(scaled(20))
