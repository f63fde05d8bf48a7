"""
Typing: the time from a key to its echo, with and without a bulk transfer in
another session.
"""

from __future__ import annotations

import os
import pty
import select
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.client import Failed
from benchmarks.measures import percentile
from benchmarks.way import Scale, Way

#: The terminal of the host echoes each key at once.
_ECHO = "stty -icanon min 1; echo ready; exec cat >/dev/null"
_LONGEST_LOGIN = 60.0
_LONGEST_ECHO = 10.0
#: The first keys find everything cold.
_WARMING = 5
_PAUSE = 0.005
_KEYS = b"abcdefghijklmnopqrstuvwxyz"


def echo(way: Way, scale: Scale) -> dict[str, float]:
    """
    The median of a quiet session, and the 99th percentile beside a transfer.
    """
    with _terminal(way) as terminal:
        quiet = _roundTrips(terminal, scale.keys)
        with _transfer(way):
            busy = _roundTrips(terminal, scale.keys)
    return {
        "echo.median": 1e3 * statistics.median(quiet),
        "echo.busy": 1e3 * percentile(busy, 0.99),
    }


@contextmanager
def _terminal(way: Way) -> Iterator[int]:
    """
    A session on a terminal of its own, ready to be typed to.

    @return: the descriptor of the person's end.
    """
    person, slave = pty.openpty()
    try:
        command = way.client.ssh(_ECHO, "-tt")
        with way.client.started(command, slave, slave, slave):
            _expect(person, b"ready", _LONGEST_LOGIN)
            # The line's end, and what else comes behind the word.
            while select.select([person], [], [], 0.2)[0]:
                os.read(person, 4096)
            yield person
    finally:
        os.close(slave)
        os.close(person)


@contextmanager
def _transfer(way: Way) -> Iterator[None]:
    """
    A download that goes on during a C{with} statement.
    """
    command = way.client.ssh("cat /dev/zero")
    with way.client.started(
        command, subprocess.DEVNULL, subprocess.PIPE, subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        _expect(process.stdout.fileno(), b"\0", _LONGEST_LOGIN)
        # Somebody has to read the rest, and it should not be this process.
        with subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL) as reader:
            try:
                yield
            finally:
                reader.kill()


def _roundTrips(terminal: int, count: int) -> list[float]:
    """
    Type keys, one after the other.

    @return: the seconds until each was echoed.
    """
    times = []
    for number in range(_WARMING + count):
        key = _KEYS[number % len(_KEYS) :][:1]
        start = time.perf_counter()
        os.write(terminal, key)
        _expect(terminal, key, _LONGEST_ECHO)
        times.append(time.perf_counter() - start)
        time.sleep(_PAUSE)
    return times[_WARMING:]


def _expect(descriptor: int, what: bytes, seconds: float) -> None:
    """
    Read until that has come.
    """
    seen = b""
    while what not in seen:
        if not select.select([descriptor], [], [], seconds)[0]:
            raise Failed(f"{what!r} did not come within {seconds:g} s, but {seen[-200:]!r}")
        read = os.read(descriptor, 65536)
        if not read:
            raise Failed(f"the session ended with {seen[-200:]!r}")
        seen += read
