"""tools/lab itself: it comes up, says what to do, and leaves nothing behind, however it ends."""

import signal
import subprocess
from pathlib import Path

import pytest

from labrun import REPOSITORY, TOOL, LabRun, run, traces
from support.net import scaled, wait_until
from support.resolver import binary


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_everything_away(make_lab, number):
    running = make_lab().wait_up()
    assert traces(running.name)
    running.stop(number)
    assert not traces(running.name)


def test_a_signal_half_way_takes_everything_away(make_lab):
    running = make_lab()
    wait_until(lambda: Path(f"/run/netns/r64-{running.name}-nat64").exists(), 30, "the second namespace",
               every=0.001)
    running.stop(signal.SIGINT)
    assert not traces(running.name)


def test_a_failure_half_way_takes_everything_away(make_lab, tmp_path):
    running = make_lab(programs=tmp_path)
    assert running.process.wait(scaled(60)) == 1
    assert "make build" in running.output
    assert not traces(running.name)


def test_what_a_killed_run_left_is_gone_after_the_next(make_lab):
    killed = make_lab().wait_up()
    killed.process.kill()
    killed.process.wait()
    assert traces(killed.name)
    again = make_lab(name=killed.name).wait_up()
    assert "Hello" in again.client(96, "curl", "-6", "-sS", "--noproxy", "*", "http://www.v4only.example/")
    again.stop()
    assert not traces(killed.name)


def test_what_a_killed_run_left_can_be_cleaned(make_lab):
    killed = make_lab().wait_up()
    killed.process.kill()
    killed.process.wait()
    run(TOOL, "--name", killed.name, "--clean")
    assert not traces(killed.name)


def test_a_second_lab_of_the_same_name_is_refused_and_the_first_lives_on(lab):
    second = subprocess.run([TOOL, "--name", lab.name], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=scaled(20), check=False)
    assert second.returncode == 1
    assert "runs already" in second.stderr
    assert lab.short(96, "www.v4only.example", "AAAA")


def test_without_root_there_is_a_lab_without_nat64(network, tmp_path):
    if not network.isolated:
        pytest.skip("its ports are fixed: needs a network namespace of its own")
    running = LabRun(tmp_path, "--user")
    try:
        running.wait_up()
        for port, wanted in [(5300, "64:ff9b::4e00:605b"), (5332, "2607:7700:4e00:605b::")]:
            assert run("dig", "@127.0.0.1", "-p", port, "www.v4only.example", "AAAA", "+short").split() == [wanted]
        assert "without its NAT64" in running.output
        broken = run("dig", "@127.0.0.1", "-p", "5300", "www.sigfail.example", "AAAA")
        assert "status: SERVFAIL" in broken and "EDE: 6 (DNSSEC Bogus)" in broken, broken
    finally:
        running.stop()
    assert not traces(running.name)


def test_make_run_answers_and_prints_commands_that_work(network, tmp_path):
    if not network.isolated:
        pytest.skip("its ports are fixed: needs a network namespace of its own")
    output = tmp_path / "run.out"
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "R64_CONTROL": str(tmp_path / "control.sock"),
                   "R64_BIN_DIR": str(Path(binary("resolve64")).parent)}
    with open(output, "wb") as out:
        process = subprocess.Popen([REPOSITORY / "tools/run"], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   env=environment, start_new_session=True)
    try:
        wait_until(lambda: "Ctrl-C" in output.read_text() or process.poll() is not None, 30, "the resolver")
        text = output.read_text()
        lines = [line.split("   #")[0].split() for line in text.splitlines() if line.startswith("  dig ")]
        assert len(lines) == 3, text
        prefix = run(*lines[0], "+short").split()
        assert prefix == ["64:ff9b::c000:aa", "64:ff9b::c000:ab"]
        assert run(*lines[1], "+short").split() == ["ipv4only.arpa."]
    finally:
        process.terminate()
        code = process.wait(scaled(20))
    assert code == 0, output.read_text()
