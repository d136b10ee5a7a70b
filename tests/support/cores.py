"""Who ran and who waited for a core: what the kernel's scheduler counts. Without its counters all is zero."""

from pathlib import Path


def _read(path):
    """Seconds on a core, and seconds of waiting for one."""
    try:
        running, waiting, _ = path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0.0, 0.0
    return int(running) / 1e9, int(waiting) / 1e9


def own():
    """What this thread had so far: seconds on a core and of waiting for one."""
    return sum(_read(Path("/proc/thread-self/schedstat")))


class Waits:
    """How long the threads of a process, those that it has now, and this thread have waited for a core."""

    def __init__(self, pid):
        self._paths = [task / "schedstat" for task in Path(f"/proc/{pid}/task").iterdir()]
        self._paths.append(Path("/proc/thread-self/schedstat"))

    def seconds(self):
        return sum(_read(path)[1] for path in self._paths)
