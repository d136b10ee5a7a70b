"""The resolver under test: started with a configuration, asked, reloaded, stopped, and looked at afterwards."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import client
from support.net import scaled, wait_until
from support.world import merge

REPOSITORY = Path(__file__).resolve().parents[2]
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


def binary(name):
    """The path of resolve64 or resolve64ctl of the build under test (R64_BIN_DIR)."""
    folder = Path(os.environ.get("R64_BIN_DIR", REPOSITORY / "build/release/src"))
    for path in (folder / name, folder / "ctl" / name):
        if path.exists():
            return str(path)
    return str(folder / name)


def run_binary(name, *args, stdin=None, timeout=20.0):
    """Runs a program to its end; stdout and stderr are text."""
    return subprocess.run([binary(name), *map(str, args)], input=stdin, capture_output=True, text=True,
                          timeout=scaled(timeout), check=False)


class Resolver:
    """`listen` holds the addresses; the first is asked unless `to` says otherwise."""

    def __init__(self, directory, config, listen=None):
        self.directory = Path(directory)
        # A socket's path is short by law; pytest's directories are not.
        self.private = Path(tempfile.mkdtemp(prefix="r64-"))
        self.control = self.private / "control.sock"
        self.config_file = self.directory / "resolve64.json"
        self.stderr_file = self.directory / "resolve64.stderr"
        self.responses = []
        self.process = None
        self.config = merge({"admin": {"control": str(self.control)}}, config)
        if "listen" not in self.config:
            self.config["listen"] = listen
        self.write(self.config)

    # --- life ---

    def write(self, config):
        self.config = config
        self.write_text(json.dumps(config, indent=2))

    def write_text(self, text):
        fresh = self.config_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.config_file)

    def launch(self, env=None):
        """Starts the process and does not wait."""
        with open(self.stderr_file, "wb") as stderr:
            self.process = subprocess.Popen([binary("resolve64"), "-c", str(self.config_file)],
                                            stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                                            cwd=self.directory, env=env)
        return self

    def start(self, env=None):
        """Starts the process and waits for its ready line."""
        self.launch(env)
        wait_until(self._ready, 10, "the resolver's ready line", every=0.003)
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"resolve64 ended with {self.process.returncode}:\n{self.stderr()}")
        return self.ready_line()

    def ready_line(self):
        """The line that names every listener; None while it is not there."""
        wanted = {f"{entry['address']}" for entry in self.config["listen"]}
        for line in self.stderr().splitlines():
            if "ready" in line.lower() and all(address in line for address in wanted):
                return line
        return None

    def stderr(self):
        return self.stderr_file.read_text(errors="replace") if self.stderr_file.exists() else ""

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=8.0):
        return self.process.wait(scaled(seconds))

    def stop(self):
        """SIGTERM; the exit code must be 0 and no sanitizer may have spoken."""
        try:
            if self.process is not None:
                if self.process.poll() is None:
                    self.signal(signal.SIGTERM)
                    try:
                        code = self.wait()
                    except subprocess.TimeoutExpired:
                        self.process.kill()
                        self.process.wait()
                        raise AssertionError("resolve64 did not end within 8 s of SIGTERM") from None
                else:
                    code = self.process.returncode
                self.process = None
                assert code == 0, f"resolve64 ended with {code}:\n{self.stderr()[-8000:]}"
                self.assert_no_sanitizer_report()
        finally:
            shutil.rmtree(self.private, ignore_errors=True)

    def assert_no_sanitizer_report(self):
        text = self.stderr()
        for mark in SANITIZER_MARKS:
            assert mark not in text, text[max(0, text.index(mark) - 500):][:8000]

    # --- asking ---

    @property
    def listen(self):
        return [(entry["address"], entry.get("port", 53)) for entry in self.config["listen"]]

    def query(self, name, rtype="A", *, to=0, over="udp", **kwargs):
        """Asks listener number `to` (or an (address, port)); keywords as in client.ask."""
        address, port = self.listen[to] if isinstance(to, int) else to
        response = client.ask(address, name, rtype, port=port, over=over, **kwargs)
        self.responses.append((name, rtype, response))
        return response

    def query_all(self, questions, **kwargs):
        """Asks several (name, type) at the same moment; the responses in the order of the questions."""
        with ThreadPoolExecutor(len(questions)) as pool:
            return list(pool.map(lambda q: self.query(q[0], q[1], **kwargs), questions))

    def raw(self, wire, *, to=0, over="udp", timeout=2.0):
        """Sends bytes; a Response, or None where silence is the answer."""
        address, port = self.listen[to]
        exchange = client.udp_exchange if over == "udp" else client.tcp_exchange
        reply = exchange(address, port, wire, timeout)
        if reply is None:
            return None
        response = client.Response(reply, over)
        self.responses.append(("raw", wire[:40].hex(), response))
        return response

    def tcp(self, *, to=0, **kwargs):
        address, port = self.listen[to]
        return client.TcpClient(address, port, **kwargs)

    # --- control ---

    def ctl(self, *args, check=True, timeout=20.0):
        """Runs resolve64ctl on this resolver's socket."""
        done = run_binary("resolve64ctl", "-s", str(self.control), *args, timeout=timeout)
        if check:
            assert done.returncode == 0, f"resolve64ctl {args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def ctl_json(self, *args):
        text = self.ctl(*args, "--json").stdout
        try:
            return json.loads(text)
        except json.JSONDecodeError as fault:
            raise AssertionError(f"resolve64ctl {args} --json gave no JSON ({fault}):\n{text}") from fault

    def stats(self):
        return self.ctl_json("stats")

    def status(self):
        return self.ctl_json("status")

    def reload(self, changes=None):
        """Merges `changes` into the configuration and has it read again; returns when it is in force."""
        if changes is not None:
            self.write(merge(self.config, changes))
        return self.ctl("reload")

    def resident(self):
        """Resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    # --- for a failing test ---

    def account(self):
        lines = [f"{name} {rtype}\n{response}" for name, rtype, response in self.responses[-4:]]
        return "\n\n".join(lines), self.stderr()[-4000:]


def elapsed_since(moment):
    return time.monotonic() - moment
