"""
The processes of a host.
"""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from bastion.lab.channel import PacedChannel
from bastion.lab.process import SIGNALS, Running, ShellProcess, exitReport


class RecordingProcess:
    """
    What spawnProcess gives: a process that writes down what it is told.
    """

    def __init__(self, pid: int = 4711) -> None:
        self.pid: int | None = pid
        self.connected = 1
        self.producer: Any = None
        self.told: list[Any] = []

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Whose output is its input.
        """
        self.producer = producer if streaming else None

    def unregisterProducer(self) -> None:
        """
        No more.
        """
        self.producer = None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.told.append((name, *arguments))


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """
    The signals that are sent, instead of sending them; every process leads
    its group.
    """
    sent: list[tuple[str, int, int]] = []
    monkeypatch.setattr(os, "getpgid", lambda pid: pid)
    monkeypatch.setattr(os, "killpg", lambda pid, number: sent.append(("group", pid, number)))
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(("one", pid, number)))
    return sent


@pytest.fixture
def clock() -> Clock:
    """
    A clock that tests advance.
    """
    return Clock()


@pytest.fixture
def running(clock: Clock) -> Running:
    """
    No process yet.
    """
    return Running(clock)


@pytest.fixture
def process(running: Running, makeChannel: Callable[..., PacedChannel]) -> ShellProcess:
    """
    A process on pipes that has started.
    """
    channel = makeChannel()
    process = ShellProcess(channel, running, onTerminal=False)
    process.makeConnection(RecordingProcess())  # type: ignore[arg-type]
    channel.attach(process)
    return process


def done(status: int = 0) -> Failure:
    """
    A good end.
    """
    return Failure(ProcessDone(status))


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (ProcessDone(0), (b"exit-status", b"\0\0\0\0")),
        (ProcessTerminated(7, None, 0x700), (b"exit-status", b"\0\0\0\7")),
        (
            ProcessTerminated(None, 15, 15),
            (b"exit-signal", b"\0\0\0\4TERM\0" + b"\0" * 8),
        ),
        (
            ProcessTerminated(None, 11, 11 | 0x80),
            (b"exit-signal", b"\0\0\0\4SEGV\1" + b"\0" * 8),
        ),
        (
            ProcessTerminated(None, 40, 40),
            (b"exit-signal", b"\0\0\0\x0fSIG@openssh.com\0" + b"\0" * 8),
        ),
    ],
)
def test_theExitIsReported(ending: Exception, expected: tuple[bytes, bytes]) -> None:
    assert exitReport(ending) == expected


def test_theSignalsAreThoseOfTheRFC() -> None:
    assert len(SIGNALS) == 13
    assert SIGNALS["INT"] == signal.SIGINT


def test_theStreamsStayApart(process: ShellProcess, connection: Any) -> None:
    process.outReceived(b"out")
    process.errReceived(b"err")
    assert connection.sent == [("data", b"out"), ("extended", 1, b"err")]


def test_theEndIsToldInOrder(process: ShellProcess, connection: Any) -> None:
    process.outConnectionLost()
    assert connection.sent == []
    process.errConnectionLost()
    process.processEnded(done())
    assert connection.sent == [
        ("eof",),
        ("request", b"exit-status", struct.pack(">L", 0)),
        ("close",),
    ]


def test_aProcessOnATerminalHasOneStream(
    running: Running, makeChannel: Callable[..., PacedChannel], connection: Any
) -> None:
    process = ShellProcess(makeChannel(), running, onTerminal=True)
    process.makeConnection(RecordingProcess())  # type: ignore[arg-type]
    process.processEnded(done())
    assert [entry[0] for entry in connection.sent] == ["eof", "request", "close"]


def test_theTerminalEndsWithItsProcess(
    running: Running, makeChannel: Callable[..., PacedChannel], connection: Any
) -> None:
    """
    Else a program in the background would keep the client waiting.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.write(writing, b"last words")
    transport: Any = RecordingProcess()
    transport.fileno = lambda: reading
    process = ShellProcess(makeChannel(), running, onTerminal=True)
    process.makeConnection(transport)
    process.processExited(done())
    assert connection.data == b"last words"
    assert transport.told[0][0] == "connectionLost"
    os.close(reading)
    os.close(writing)


def test_pipesStayOpenForWhoeverHoldsThem(process: ShellProcess) -> None:
    process.processExited(done())
    assert process.transport.told == []


def test_inputGoesToTheProcess(process: ShellProcess) -> None:
    assert process.transport.producer is not None
    process.write(b"in")
    process.pauseProducing()
    process.resumeProducing()
    process.endInput()
    assert process.transport.told == [
        *(("write", b"in"), ("pauseProducing",), ("resumeProducing",), ("closeStdin",))
    ]
    assert process.transport.producer is None


def test_signalsReachTheGroup(process: ShellProcess, signals: list[Any]) -> None:
    process.signal(signal.SIGINT)
    assert signals == [("group", 4711, signal.SIGINT)]


def test_aProcessThatLeadsNoGroupGetsTheSignalAlone(
    process: ShellProcess, signals: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its group may be ours.
    """
    monkeypatch.setattr(os, "getpgid", lambda pid: pid + 1)
    process.signal(signal.SIGINT)
    assert signals == [("one", 4711, signal.SIGINT)]


def test_noSignalForAProcessThatHasEnded(
    process: ShellProcess, signals: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(pid: int) -> int:
        raise ProcessLookupError

    monkeypatch.setattr(os, "getpgid", gone)
    process.signal(signal.SIGINT)
    process.transport.pid = None
    process.signal(signal.SIGINT)
    process.hangUp()
    assert signals == []


def test_aProcessIsHungUpOnce(process: ShellProcess, signals: list[Any]) -> None:
    process.hangUp()
    process.hangUp()
    assert [number for _, _, number in signals] == [signal.SIGHUP, signal.SIGCONT]
    assert process.transport.told == [("loseConnection",)]
    assert process.transport.producer is None


def test_onlyATerminalIsResized(process: ShellProcess) -> None:
    process.resize((24, 80, 0, 0))
    assert process.transport.told == []


def test_whereNothingRunsStoppingIsQuick(running: Running) -> None:
    assert running.stop(2.0).called


def test_stoppingWaitsForTheEnd(
    running: Running, process: ShellProcess, signals: list[Any], clock: Clock
) -> None:
    stopped = running.stop(2.0)
    assert not stopped.called
    process.processEnded(done())
    assert stopped.called
    assert signals == [("group", 4711, signal.SIGHUP), ("group", 4711, signal.SIGCONT)]
    assert clock.getDelayedCalls() == []


def test_whoDoesNotEndIsKilled(
    running: Running, process: ShellProcess, signals: list[Any], clock: Clock
) -> None:
    stopped = running.stop(2.0)
    clock.advance(2.0)
    assert signals[-1] == ("group", 4711, signal.SIGKILL)
    process.processEnded(Failure(ProcessTerminated(None, 9, 9)))
    assert stopped.called
