"""README.md is held to its word: its commands are run, its outputs compared, its configurations and examples tried."""

import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

import readme_page as page
from labrun import REPOSITORY, run
from support import certificates
from support.net import SCALE, scaled, wait_until
from support.resolver import binary, run_binary

KINDS = {"system", "make run", "run", "Internet", "make lab", "lab", "tayga", "elsewhere", "here", "library", "figures"}
LANGUAGES = {"console", "text", "json", "cpp", "conf"}
ELSEWHERE = {"modprobe", "jool", "sysctl", "resolvectl", "nmcli"}


def test_every_block_is_one_that_is_tried():
    for block in page.BLOCKS:
        assert block.language in LANGUAGES, f"README.md:{block.line}: a block in {block.language!r}"
        assert (block.language == "console") == (block.kind in KINDS), f"README.md:{block.line}: {block.kind!r}"
        assert bool(block.file) == (block.language in ("cpp", "conf")), f"README.md:{block.line}: which file?"


def test_no_line_is_longer_than_a_screen_but_for_output():
    text = re.sub(r"(?ms)^```console\n.*?^```$", "", page.PAGE.read_text(encoding="utf-8"))
    assert not [line for line in text.splitlines() if len(line) > 120]


@pytest.mark.parametrize("shown,seen,wanted", [
    (["a", "..."], "a\nb\nc", True),
    (["...", "b"], "a\nb", True),
    (["...", "b"], "a\nb\nc", False),
    (["a", "...", "c"], "a\nb\nc", True),
    (["a", "...", "c"], "b\na\nc", False),
    (["a", "...", "a"], "a", False),
    (["...", "b", "...", "b", "..."], "a\nb\nc", False),
    (["...", "b", "..."], "a\nc", False),
    (["x. 300 IN AAAA ::1"], "x.\t17\tIN\tAAAA\t::1", True),
    (["x. 300 IN AAAA ::1"], "x.\t17\tIN\tAAAA\t::2", False),
    ([], "", True),
    ([], "a", False),
])
def test_a_wrong_output_is_not_taken_for_the_one_shown(shown, seen, wanted):
    assert page.same(shown, seen) is wanted


# --- make run ---

@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """A PATH where nothing is built or installed: the programs under test are there already."""
    if not shutil.which("make"):
        pytest.skip("there is no make")
    folder = tmp_path_factory.mktemp("tools")
    for name, code in [("cmake", 0), ("apt-get", 1)]:
        (folder / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


class Running:
    """A command in a process group of its own, as a terminal starts it."""

    def __init__(self, command, path, directory):
        self.control = f"{directory}/control.sock"
        self.output_file = Path(directory) / "output"
        self.programs = Path(binary("resolve64")).parent
        with open(self.output_file, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=page.environment(PATH=path, R64_BIN_DIR=str(self.programs), R64_CONTROL=self.control),
                start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    @property
    def output(self):
        return self.output_file.read_text(errors="replace")

    def wait_up(self):
        def up():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.output}"
            return "Ctrl-C stops it" in self.output

        wait_until(up, 30, "the resolver")
        return self

    def interrupt(self):
        """Ctrl-C: the whole group gets SIGINT. Returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(scaled(20))

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(scaled(20))

    def translate(self, text):
        return page.with_programs(text.replace("build/control.sock", self.control))


@pytest.fixture
def start(network, tools):
    if not network.isolated or not network.has_ipv6():
        pytest.skip("its ports are fixed: needs a network namespace of its own, with IPv6")
    made = []
    with tempfile.TemporaryDirectory(prefix="r64-") as directory:
        def go(*command):
            made.append(Running(command, tools, directory))
            return made[-1].wait_up()

        yield go
        for running in made:
            running.end()


def test_make_run_prints_what_is_shown_and_its_commands_work_without_a_network(start):
    (block,) = page.of_kind("make run")
    ((command, shown),) = block.steps()
    running = start(*command.split())
    # The programs are shown as a path below the checkout where they are in it.
    seen = page.without_log(running.output).replace(f"{REPOSITORY}/", "").replace(running.control, "build/control.sock")
    seen = re.sub(r"\S+/resolve64ctl", f"{page.PROGRAMS}/resolve64ctl", seen)
    assert page.same([line for line in shown if not page.LOG_LINE.match(line)], seen), seen

    for block in page.of_kind("run"):
        page.check_steps(block, running.translate)

    printed = [line.split("  #")[0].strip() for line in running.output.splitlines() if line.startswith("  dig ")]
    for block in page.of_kind("Internet"):
        for command, output in block.steps():
            assert command in printed and not output, "what needs the Internet is shown without an answer"

    status = running.interrupt()
    assert status in (0, 2, 130, -signal.SIGINT), running.output  # make itself, of which there is no promise
    assert "ending signal=2" in running.output
    assert not Path(running.control).exists()


def test_ctrl_c_ends_the_resolver_of_make_run_well(start):
    running = start(str(REPOSITORY / "tools/run"))
    assert running.interrupt() == 0, running.output


def test_every_make_command_of_the_page_is_one():
    if not shutil.which("make"):
        pytest.skip("there is no make")
    told = page.shell("make help")
    for target in set(re.findall(r"(?:`|[$#] )make (\w+)", page.PAGE.read_text(encoding="utf-8"))):
        assert f"make {target} " in told, target
    assert "tools/run" in page.shell("make -n run")
    assert "tools/lab" in page.shell("make -n lab")


# --- make lab ---

@pytest.fixture
def lab_page(lab):
    """Turns what the page says of the lab named "lab" into the same of the lab that runs."""
    site = lab.resolver(96)["address"].removesuffix("96")

    def translate(text):
        text = text.replace("/run/resolve64-lab/lab/", lab.about["directory"] + "/")
        return page.with_programs(text.replace("fd64:64::", site).replace("r64-lab-", f"r64-{lab.name}-"))

    return translate


def test_make_lab_prints_what_is_shown(lab, lab_page):
    (block,) = page.of_kind("make lab")
    ((_, shown),) = block.steps()
    seen = re.sub(r"sudo | --noproxy '\*'", "", lab.output)
    assert page.same([lab_page(line) for line in shown], seen), seen


@pytest.mark.parametrize("block", page.of_kind("lab"), ids=lambda block: f"line{block.line}")
def test_the_commands_for_the_lab_print_what_is_shown(lab, lab_page, block):
    def explains(command):
        return " explain " in command

    def known_way():
        """As where the page's commands were run: explained names but for their records are known, dug ones not."""
        for command, _ in block.steps():
            if " +comments" in command:
                lab.ctl("flush", shlex.split(command)[2].removeprefix("www."), "--below")
            if explains(command):
                name = shlex.split(command)[4]
                lab.short(96, name, "AAAA")
                lab.ctl("flush", name)

    attempts = 4  # a slow machine may make the resolver ask a second server beside the first
    for attempt in range(attempts):
        known_way()
        try:
            # AAAA and A are asked for at once, so which is answered first is chance.
            page.check_steps(block, lab_page, any_order=explains)
            break
        except AssertionError:
            if attempt == attempts - 1:
                raise


# --- configurations, installation, the NAT64 box ---

@pytest.mark.parametrize("block", page.configurations(), ids=lambda block: f"line{block.line}")
def test_each_configuration_is_accepted_without_a_warning(block, tmp_path):
    """A certificate that one names is for its listeners, as the page says that it must be."""
    file = tmp_path / "resolve64.json"
    text, tls = block.text, page.without_comments(block.text).get("tls")
    if tls:
        addresses = [one["address"] for one in page.without_comments(text)["listen"]]
        issued = certificates.authority(tmp_path / "authority").issue(names=["dns.example"], addresses=addresses)
        text = text.replace(tls["certificate"], str(issued.cert_file)).replace(tls["key"], str(issued.key_file))
    file.write_text(text)
    done = run_binary("resolve64", "--check", "-c", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def test_what_is_said_to_be_refused_is_refused(tmp_path):
    assert "`not available in this build`" in page.PAGE.read_text(encoding="utf-8")
    file = tmp_path / "resolve64.json"
    for text in ['{"cache": {"serve_stale": {"enabled": true}}}', '{"cache": {"prefetch": true}}',
                 '{"cache": {"save": "cache"}}', '{"blocklists": ["list"]}',
                 '{"upstream": {"cookies": true}}',
                 '{"dns64": {"discover": true}}', '{"dns64": {"selection": "hash"}}',
                 '{"admin": {"http": {"address": "::1"}}}', '{"log": {"queries": "all"}}',
                 '{"report": {"enabled": true}}']:
        file.write_text(text)
        done = run_binary("resolve64", "--check", "-c", file)
        assert done.returncode == 1 and "not available in this build" in done.stderr, f"{text}: {done}"


def test_the_commands_that_change_the_system_would_do_what_is_said(tmp_path):
    commands = [command for block in page.of_kind("system") for command, _ in block.steps()]
    assert [command.split()[0] for command in commands] == \
        ["apt-get", "apt-get", "make", "useradd", "systemctl", "systemctl"]
    if shutil.which("apt-get") and shutil.which("git"):
        page.shell(commands[1].replace("apt-get", "apt-get --simulate"))

    if not (Path(binary("resolve64")).parents[1] / "cmake_install.cmake").exists():
        pytest.skip("the programs under test are not in a build directory of CMake")
    assert commands[2] == "make install"
    install = page.environment(DESTDIR=str(tmp_path), R64_BIN_DIR=str(Path(binary("resolve64")).parent))
    page.shell(commands[2], env=install)
    told = page.PAGE.read_text(encoding="utf-8")
    for path in ["/usr/local/sbin/resolve64", "/usr/local/bin/resolve64ctl", "/etc/resolve64/resolve64.json"]:
        assert f"`{path}`" in told and (tmp_path / path[1:]).is_file()
    unit = tmp_path / "usr/local/lib/systemd/system/resolve64.service"
    assert f"User={commands[3].split()[-1]}\n" in unit.read_text()
    assert commands[5].split()[-1] == unit.stem
    run(tmp_path / "usr/local/sbin/resolve64", "--check", "-c", tmp_path / "etc/resolve64/resolve64.json")

    (tmp_path / "etc/resolve64/resolve64.json").write_text("{}")
    page.shell(commands[2], env=install)
    assert (tmp_path / "etc/resolve64/resolve64.json").read_text() == "{}"


@pytest.fixture
def namespace(lab_possible):
    name = f"r64-page-{secrets.token_hex(3)}"
    run("ip", "netns", "add", name)
    yield name
    run("ip", "netns", "del", name)


def test_tayga_runs_with_the_configuration_and_the_commands_shown(namespace, tmp_path):
    conf = tmp_path / "tayga.conf"
    conf.write_text(re.sub(r"(?m)^data-dir .*$", f"data-dir {tmp_path}", page.file_block("tayga.conf")))
    inside = f"ip netns exec {namespace} "
    (block,) = page.of_kind("tayga")
    *steps, (last, _) = block.steps()
    for command, _ in steps:
        if command.startswith("iptables") and not shutil.which("iptables"):
            continue  # it comes with no package that the tests need
        page.shell(inside + re.sub("^tayga", f"tayga -c {conf}", command))
    assert last == "tayga"
    with subprocess.Popen([*inside.split(), last, "--nodetach", "-c", conf], stdin=subprocess.DEVNULL) as translator:
        try:
            wait_until(lambda: translator.poll() is None and "LOWER_UP" in run(*inside.split(), "ip", "link", "show",
                                                                              "nat64"), 10, "tayga")
        finally:
            translator.terminate()


def test_the_page_tells_one_resolver_and_one_prefix_everywhere():
    config = page.without_comments(page.configurations()[0].text)
    address, (prefix,) = config["listen"][0]["address"], config["dns64"]["prefixes"]
    assert f"\nprefix {prefix}\n" in page.file_block("tayga.conf")
    assert f"RDNSS {address} {{ }};" in page.file_block("radvd.conf")
    for block in page.of_kind("elsewhere"):
        for command, shown in block.steps():
            assert command.split()[0] in ELSEWHERE and not shown, command
            for word in command.split():
                assert "::" not in word or word in (address, prefix), command


def test_radvd_takes_its_configuration(tmp_path):
    if not shutil.which("radvd"):
        pytest.skip("radvd is not installed")
    file = tmp_path / "radvd.conf"
    file.write_text(page.file_block("radvd.conf"))
    run("radvd", "--configtest", "-C", file)


# --- the library, the figures, the rest ---

def test_the_library_examples_compile_and_print_what_is_shown(tmp_path):
    if SCALE != 1:
        pytest.skip("they are compiled from the sources, which are the same in each build")
    if not shutil.which("g++"):
        pytest.skip("there is no g++")
    for folder in ["include", "src"]:
        (tmp_path / folder).symlink_to(REPOSITORY / folder)
    for block in page.BLOCKS:
        if block.language == "cpp":
            (tmp_path / block.file).write_text(block.text)
    (block,) = page.of_kind("library")
    page.check_steps(block, lambda text: text.replace("g++ ", "g++ -Wall -Wextra -Werror "), cwd=tmp_path, timeout=240)


@pytest.mark.parametrize("block", page.of_kind("here"), ids=lambda block: f"line{block.line}")
def test_the_commands_that_need_no_resolver_print_what_is_shown(block):
    if "make help" in block.text and not shutil.which("make"):
        pytest.skip("there is no make")
    page.check_steps(block, page.with_programs)


def test_the_figures_are_those_that_the_command_beside_them_prints():
    (block,) = page.of_kind("figures")
    ((command, shown),) = block.steps()
    shown = [line for line in shown if line != page.ANYTHING]
    collected = page.shell(f"{command} --collect-only -p no:cacheprovider", env=page.environment(R64_FIGURES=""))
    assert "tests/integration/test_faults.py::" in collected
    sources = [(REPOSITORY / "tests/integration" / file).read_text(encoding="utf-8")
               for file in ("test_faults.py", "test_dnssec_limits.py", "test_tls_abuse.py", "test_tls_certificates.py")]
    recorded = set(re.findall(r'(?:(?:record|tell)\(|return )"(F\d+)"', "".join(sources)))
    assert {line.split(":")[0] for line in shown} == recorded

    # Where the same tests ran in this session, their lines differ in the numbers only.
    measured = Path(os.environ.get("R64_FIGURES") or os.devnull).read_text(encoding="utf-8").splitlines()
    alike = {re.sub(r"\d+(\.\d+)?", "#", line.split(":", 1)[1]).replace("-#", "+#"): line for line in shown}
    for line in measured:
        row, text = line.split(":", 1)
        if row in recorded:
            assert re.sub(r"\d+(\.\d+)?", "#", text).replace("-#", "+#") in alike, line
