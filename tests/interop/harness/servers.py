"""
Programs that run while tests run: started, watched and ended by process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.programs import program
from harness.waiting import until


class Server:
    """
    A program in the background, with its output in a file.

    It is told to end when the process of the tests ends, however that happens.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [program("setpriv"), "--pdeathsig", "TERM", "--", *command]
        self._environment = environment
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """
        The process id while it runs.
        """
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """
        Whether it was started and has not ended.
        """
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """
        Start it, and wait until it is ready.
        """
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )
        until(lambda: not self.running or ready(), seconds, f"{self.name} is ready")
        assert self.running, f"{self.name} ended: {self.text()}"

    def signal(self, number: signal.Signals, children: bool = False) -> None:
        """
        Send a signal to the process.

        @param children: and to those that it has started, such as those that have the
            connections of an sshd.
        """
        assert self._process is not None
        for pid in [self.pid, *(_children(self.pid) if children else ())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self, children: bool = False) -> None:
        """
        Make it end without a chance to say goodbye; see L{signal}.
        """
        self.signal(signal.SIGKILL, children)
        assert self._process is not None
        self._process.wait()
        self._process = None

    def stop(self, seconds: float = 10) -> int | None:
        """
        Ask it to end, and make it end when it does not.

        @return: the exit status, or L{None} when it was not running.
        """
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def text(self, offset: int = 0) -> str:
        """
        What it has written, from an offset on.
        """
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[offset:].decode("utf-8", "replace")

    def size(self) -> int:
        """
        How much it has written.
        """
        return self.log.stat().st_size if self.log.exists() else 0


def _children(pid: int) -> list[int]:
    """
    The processes that a process has started, theirs included.
    """
    command = [program("ps"), "--ppid", str(pid), "--format", "pid=", "--no-headers"]
    found = [int(word) for word in subprocess.run(command, capture_output=True).stdout.split()]
    return found + [each for child in found for each in _children(child)]
