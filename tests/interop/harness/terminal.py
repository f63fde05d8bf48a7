"""
A person at a terminal: a client that has a pseudo-terminal of its own.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from harness.programs import program


class Terminal:
    """
    A program on a new terminal; what it prints is waited for.

    @ivar seen: everything that it printed.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        size: tuple[int, int] = (80, 24),
    ) -> None:
        self.seen = ""
        self._unread = ""
        self._master, slave = pty.openpty()
        self._resize(size)
        self._process = subprocess.Popen(
            [program("setsid"), "--ctty", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment, "TERM": "xterm-256color"},
        )
        os.close(slave)

    def expect(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """
        Wait until the pattern is printed, after what was expected before.
        """
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self._unread)
            if match:
                self._unread = self._unread[match.end() :]
                return match
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{pattern!r} was not printed, but {self.seen[-2000:]!r}")

    def _read(self, seconds: float) -> bool:
        """
        Read once.

        @return: whether there was something.
        """
        if not select.select([self._master], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        text = data.decode("utf-8", "replace")
        self.seen += text
        self._unread += text
        return bool(data)

    def type(self, text: str) -> None:
        """
        Type, as the person would.
        """
        os.write(self._master, text.encode())

    def interrupt(self) -> int:
        """
        Press the interrupt key until the program ends, as a person does: ssh, which reads
        the password with a signal handler and a read, loses a signal between the two.

        @return: the exit status.
        """
        for _ in range(20):
            self.type("\x03")
            try:
                return self.ended(1)
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError(f"the interrupt key did not end it, but {self.seen[-2000:]!r}")

    def resize(self, columns: int, rows: int) -> None:
        """
        Change the window's size, as a window manager would.
        """
        self._resize((columns, rows))
        os.kill(self._process.pid, signal.SIGWINCH)

    def _resize(self, size: tuple[int, int]) -> None:
        columns, rows = size
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def pid(self) -> int:
        """
        The process id of the program.
        """
        return self._process.pid

    def ended(self, seconds: float = 20) -> int:
        """
        Wait for its end.

        @return: the exit status.
        """
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        return self._process.wait(max(deadline - time.monotonic(), 1))

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)
