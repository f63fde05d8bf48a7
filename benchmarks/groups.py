"""
Groups of processes (cgroups, version 2), by which CPU and memory are counted.

A gateway may start processes for each session, which are gone when one looks;
the kernel adds up what all members of a group have spent, to the microsecond,
whoever their parent is.  By the group they are found at the end, too.

All groups of a run are in one.  What the machine has spent beyond it is the
work of others, which disturbs the figures.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from benchmarks.programs import Missing
from benchmarks.waiting import Late, until

_PREFIX = "bastion-benchmarks-"
_PROCESSES = "cgroup.procs"
_LONGEST_END = 5.0


class Group:
    """
    Processes that are counted together.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory

    def command(self, command: Sequence[str]) -> list[str]:
        """
        The command that runs another one in this group.
        """
        enter = 'echo $$ >"$0" && exec "$@"'
        return ["/bin/sh", "-c", enter, str(self._directory / _PROCESSES), *command]

    def enter(self) -> None:
        """
        Let this process, and what it starts from now on, belong to the group.
        """
        (self._directory / _PROCESSES).write_text(str(os.getpid()))

    def cpu(self) -> float:
        """
        The CPU seconds that its members have spent, those that have ended too.
        """
        with open(self._directory / "cpu.stat") as counts:
            values = dict(line.split() for line in counts)
        return int(values["usage_usec"]) / 1e6

    def pids(self) -> list[int]:
        """
        Its members.
        """
        return [int(pid) for pid in (self._directory / _PROCESSES).read_text().split()]

    def memory(self) -> int:
        """
        Its memory in KiB; what is shared by several processes is shared out
        among them (PSS).
        """
        return sum(_proportionalSetSize(pid) for pid in self.pids())

    def end(self) -> None:
        """
        End its members, all of which this run has started, and delete it.
        """
        try:
            until(lambda: self._empty(signal.SIGTERM), _LONGEST_END, "the processes end")
        except Late:
            until(lambda: self._empty(signal.SIGKILL), _LONGEST_END, "the processes are killed")
        self._directory.rmdir()

    def _empty(self, number: signal.Signals) -> bool:
        """
        Whether nobody is left; who is, is sent a signal.
        """
        pids = self.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return not pids


class Groups:
    """
    The groups of a run.
    """

    def __init__(self) -> None:
        """
        @raise Missing: when this machine does not let us have any.
        """
        hierarchy = _hierarchy()
        self._home = hierarchy / _ownGroup() / _PROCESSES
        self._directory = hierarchy / f"{_PREFIX}{os.getpid()}"
        self._groups: dict[str, Group] = {}
        try:
            self._all = Group(self._directory)
        except OSError as error:
            raise Missing(f"no groups of processes: {error}") from None

    def group(self, name: str) -> Group:
        """
        The group of that name.
        """
        if name not in self._groups:
            self._groups[name] = Group(self._directory / name)
        return self._groups[name]

    def cpu(self) -> float:
        """
        The CPU seconds of the whole run.
        """
        return self._all.cpu()

    def close(self) -> None:
        """
        Leave them, end who is still in one, and delete them all.
        """
        self._home.write_text(str(os.getpid()))
        for each in (*self._groups.values(), self._all):
            each.end()


def deleteLeftOvers() -> None:
    """
    End and delete the groups of runs that were killed.
    """
    for directory in _hierarchy().glob(f"{_PREFIX}*"):
        if Path("/proc", directory.name.removeprefix(_PREFIX)).exists():
            continue
        for each in (*filter(Path.is_dir, directory.iterdir()), directory):
            Group(each).end()


def _hierarchy() -> Path:
    for directory in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        if (directory / "cgroup.controllers").exists():
            return directory
    raise Missing("the kernel has no cgroups of version 2, by which CPU time is counted")


def _ownGroup() -> str:
    """
    The path of this process's group below the hierarchy.
    """
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    return next(line[len("0::/") :] for line in lines if line.startswith("0::/"))


def _proportionalSetSize(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as sizes:
            return next(int(line.split()[1]) for line in sizes if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0
