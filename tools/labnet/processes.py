"""Child processes that are remembered on disk, so that a later run can end what a killed one left."""

import os
import signal
import subprocess
import time
from pathlib import Path

from . import LabError

STOP_SECONDS = 8.0


def start_time(pid):
    """When a process began, in clock ticks since boot; None when there is none of that number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] == "Z" else int(fields[19])


class Processes:
    """Starts children, keeps their output in `directory`, and ends them in reverse order."""

    def __init__(self, directory):
        self._directory = directory
        self._ledger = directory / "pids"
        self._children = []

    def start(self, name, command, namespace=None):
        if namespace:
            command = ["ip", "netns", "exec", namespace, *command]
        with open(self.log(name), "ab") as log:
            child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is for us: we end them in order
            )
        self._children.append((name, child))
        with open(self._ledger, "a") as ledger:
            ledger.write(f"{child.pid} {start_time(child.pid)}\n")
        return child

    def log(self, name):
        return self._directory / f"{name}.log"

    def check(self):
        """Raises when a child has ended by itself."""
        for name, child in self._children:
            if child.poll() is not None:
                raise LabError(f"{name} ended with {child.returncode}:\n{self.tail(name)}")

    def tail(self, name, lines=12):
        try:
            text = self.log(name).read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join("    " + line for line in text.splitlines()[-lines:])

    def wait_until(self, condition, what, seconds=30.0):
        """Waits for `condition()`; a child that ends or a time that runs out is an error."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise LabError(f"waited {seconds:.0f} s for {what}, in vain")
            time.sleep(0.02)

    def stop(self):
        """Ends all; how each ended, by name."""
        for _, child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for _, child in reversed(self._children):
            try:
                child.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            end_group(child.pid)
            child.wait()
        codes = {name: child.returncode for name, child in self._children}
        self._children.clear()
        return codes


def end_group(pid):
    """Ends whatever is left of the session that a child of ours leads."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end_leftovers(directory):
    """Ends the processes that an earlier run wrote down and did not live to end."""
    try:
        lines = (directory / "pids").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        pid, began = line.split()
        # The number may belong to somebody else by now: the time of birth tells.
        if began != "None" and start_time(int(pid)) == int(began):
            end_group(int(pid))
