"""
Programs that run in the background: started, watched and ended by process id.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.groups import Group
from benchmarks.programs import program
from benchmarks.waiting import listens, until

_LONGEST_START = 20.0
_LONGEST_END = 10.0
#: So many lines of a log say why a program has ended.
_SHOWN = 3


class DidNotStart(Exception):
    """
    A server has ended at once; the text has the end of its log.
    """


class Server:
    """
    A program that listens on a port, in a group, with its output in a file.

    It is told to end when this process ends, however that happens.
    """

    def __init__(self, name: str, group: Group, directory: Path) -> None:
        """
        @param directory: where it runs and where its log is.
        """
        self._name = name
        self._group = group
        self._directory = directory
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], port: int) -> None:
        """
        Start it, and wait until it listens.

        @raise DidNotStart: when it ends instead.
        """
        command = [program("setpriv"), "--pdeathsig", "TERM", "--", *self._group.command(command)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                start_new_session=True,
            )
        self._process = process
        until(
            lambda: process.poll() is not None or listens(port),
            _LONGEST_START,
            f"{self._name} listens",
        )
        if process.poll() is not None:
            lines = self._log.read_text(errors="replace").splitlines()[-_SHOWN:]
            raise DidNotStart(f"{self._name} ended: {' / '.join(lines)}")

    def stop(self) -> None:
        """
        Ask it to end, and make it end when it does not.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_LONGEST_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
