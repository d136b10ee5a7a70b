"""`openssl s_client`, driven from a test: OpenSSL's own look at a TLS server."""

import os
import subprocess
import threading

from support.net import scaled, wait_until
from support.peers import find


class SClient:
    """One s_client. What it prints is in `text`; `say` types into it."""

    def __init__(self, address, port, *options):
        self.process = subprocess.Popen([find("openssl"), "s_client", "-connect", f"{address}:{port}", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._data = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            self._data += data

    @property
    def text(self):
        return self._data.decode(errors="replace")

    @property
    def data(self):
        return self._data

    def wait_for(self, *marks, seconds=10):
        """Waits until one of these was printed, or s_client has ended."""
        def seen():
            return any(mark in self.text for mark in marks) or (self.process.poll() is not None
                                                                and not self._thread.is_alive())
        wait_until(seen, seconds, f"one of {marks} from s_client")
        return self

    def say(self, data):
        """False where s_client has ended."""
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
            return True
        except BrokenPipeError:
            return False

    def close(self):
        """Ends the input, and with it the connection; all that was printed."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(scaled(10))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._thread.join(scaled(10))
        self.process.stdout.close()
        return self.text
