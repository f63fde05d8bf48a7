"""
What an idle session costs a gateway in memory and processes.
"""

from __future__ import annotations

import contextlib
import select
import subprocess
import time

from benchmarks.client import Failed
from benchmarks.figures.logins import atOnce, once
from benchmarks.machine import availableMemory
from benchmarks.waiting import until
from benchmarks.way import Scale, Way

#: A gateway allocates some things at its first sessions, once.
_WARMING = 5
#: Sessions that are opened at once.
_CROWD = 8
_COMMAND = "echo up; exec sleep 100000"
_LONGEST_LOGIN = 60
#: The machine keeps so much, in bytes.
_RESERVE = 2 << 30
_SETTLING = 2.0


def memory(way: Way, scale: Scale) -> dict[str, float]:
    """
    With so many sessions open at the same time, each with a terminal.
    """
    if way.group is None:
        return {}
    for _ in range(_WARMING):
        once(way)
    time.sleep(_SETTLING)
    memory, processes = way.group.memory(), len(way.group.pids())
    with contextlib.ExitStack() as stack:
        atOnce(lambda: _open(way, stack), scale.sessions, _CROWD)
        time.sleep(_SETTLING)
        found = {
            "memory.session": (way.group.memory() - memory) / scale.sessions,
            "memory.processes": (len(way.group.pids()) - processes) / scale.sessions,
        }
    group = way.group
    until(lambda: len(group.pids()) <= processes, 60, "the sessions' end")
    time.sleep(_SETTLING)
    return found


def _open(way: Way, stack: contextlib.ExitStack) -> None:
    """
    Open a session.

    @param stack: closes it.
    """
    if availableMemory() < _RESERVE:
        raise Failed("too little memory for so many sessions")
    command = way.client.ssh(_COMMAND, "-tt")
    pipe = subprocess.PIPE
    process = stack.enter_context(way.client.started(command, pipe, pipe, subprocess.DEVNULL))
    assert process.stdout is not None
    waiting = select.poll()
    waiting.register(process.stdout.fileno(), select.POLLIN)
    if not waiting.poll(_LONGEST_LOGIN * 1000) or process.stdout.read(2) != b"up":
        raise Failed("a session did not open")
