"""
Tests of L{bastion.admin.listening}: the sockets are real.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from attrs import define
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure

from bastion.admin import listening
from bastion.admin.listening import ControlUnusable, Listening, listen, locked, userOf

ECHO = Factory.forProtocol(Echo)


class Speaking(Protocol):
    """
    Says something, and waits for the same or for the end.

    @ivar answer: what was heard first; nothing, if that was the end.
    """

    def __init__(self) -> None:
        self.answer: Deferred[bytes] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        See L{Protocol}.
        """
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """
        See L{Protocol}.
        """
        self.answer.callback(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        See L{Protocol}.
        """
        if not self.answer.called:
            self.answer.callback(b"")
        self.gone.callback(None)


@define
class Transport:
    """
    One end of a socket.
    """

    socket: socket.socket


@pytest.fixture
def openUmask() -> Iterator[None]:
    """
    A process whose files are everybody's.
    """
    before = os.umask(0)
    yield
    os.umask(before)


async def connected(path: Path) -> Speaking:
    """
    Somebody at the socket.
    """
    return await connectProtocol(UNIXClientEndpoint(reactor, str(path)), Speaking())


def refusal(directory: Path) -> str:
    """
    Why there is no socket.
    """
    with pytest.raises(ControlUnusable) as caught:
        listen(directory, locked(directory), ECHO, reactor)
    return str(caught.value)


def modeOf(path: Path) -> int:
    """
    Who may use a file.
    """
    return stat.S_IMODE(path.stat().st_mode)


# Whose it is


@pytest_twisted.ensureDeferred
async def test_socketIsItsOwnersFromTheFirstMoment(
    tmp_path: Path, openUmask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The mode that the file is made with, before anybody could change it.
    """
    made: list[int] = []
    bind = socket.socket.bind

    def binding(self: socket.socket, address: Any) -> None:
        bind(self, address)
        made.append(modeOf(tmp_path / "control.sock"))

    monkeypatch.setattr(listening.socket.socket, "bind", binding)
    control = listen(tmp_path, locked(tmp_path), ECHO, reactor)

    assert made == [0o600]
    assert modeOf(tmp_path / "control.sock") == 0o600
    assert modeOf(tmp_path / "control.lock") == 0o600
    await control.close()


@pytest_twisted.ensureDeferred
async def test_modeDoesNotDependOnTheUmask(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        control = listen(tmp_path, locked(tmp_path), ECHO, reactor)
    finally:
        os.umask(before)
    assert modeOf(tmp_path / "control.sock") == 0o600
    await control.close()


def test_userIsTheOneWhoConnected() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        transport: Any = Transport(ours)
        assert userOf(transport) == os.getuid()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("whose", [0, 1234])
async def test_ownerAndRootAreServed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: int
) -> None:
    monkeypatch.setattr(listening, "userOf", lambda _: whose)
    monkeypatch.setattr(listening.os, "geteuid", lambda: 1234)
    control = listen(tmp_path, locked(tmp_path), ECHO, reactor)
    client = await connected(control.path)
    assert await client.answer == b"hello"
    assert [each.user for each in control._factory.protocols] == [whose]
    await control.close()
    await client.gone


@pytest_twisted.ensureDeferred
async def test_anybodyElseIsClosedWithoutAWord(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "userOf", lambda _: 4321)
    monkeypatch.setattr(listening.os, "geteuid", lambda: 1234)
    control = listen(tmp_path, locked(tmp_path), ECHO, reactor)
    with capturedLogs() as logs:
        client = await connected(control.path)
        assert await client.answer == b""
    (event,) = [event for event in logs if "user" in event]
    assert event["user"] == 4321
    assert all("log_failure" not in event for event in logs)
    await control.close()


# Who has it


@pytest_twisted.ensureDeferred
async def test_closedSocketIsGoneAndCanBeOpenedAgain(tmp_path: Path) -> None:
    for _ in range(2):
        control = listen(tmp_path, locked(tmp_path), ECHO, reactor)
        client = await connected(control.path)
        await client.answer
        await control.close()
        await client.gone
        assert not control.path.exists()


@pytest_twisted.ensureDeferred
async def test_socketOfALivingProcessIsLeftAlone(tmp_path: Path) -> None:
    control = listen(tmp_path, locked(tmp_path), ECHO, reactor)
    assert refusal(tmp_path) == (
        f"{tmp_path}/control.lock is locked by another bastion, process {os.getpid()}; "
        "stop it first, or give this one a bastion.state_dir of its own"
    )
    client = await connected(control.path)
    assert await client.answer == b"hello"
    await control.close()


DYING = """
import fcntl, socket, sys, time
lock = open("control.lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
made = socket.socket(socket.AF_UNIX)
made.bind("control.sock")
made.listen()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest_twisted.ensureDeferred
async def test_socketOfADeadProcessIsReplaced(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", DYING]
    with subprocess.Popen(command, cwd=tmp_path, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert "is locked by another bastion" in refusal(tmp_path)
        process.kill()
    assert (tmp_path / "control.sock").is_socket()

    control = listen(tmp_path, locked(tmp_path), ECHO, reactor)

    client = await connected(control.path)
    assert await client.answer == b"hello"
    assert (tmp_path / "control.lock").read_text() == f"{os.getpid()}\n"
    await control.close()


@pytest_twisted.ensureDeferred
async def test_socketThatSomebodyHasRemovedCanBeClosed(tmp_path: Path) -> None:
    control = listen(tmp_path, locked(tmp_path), ECHO, reactor)
    control.path.unlink()
    with capturedLogs() as logs:
        await control.close()
    assert all("log_failure" not in event for event in logs)


# What can be in the way


@pytest_twisted.ensureDeferred
async def test_fileThatIsNoSocketIsNotRemoved(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("mine")
    assert refusal(tmp_path) == f"{path} is not a socket; move it away"
    assert path.read_text() == "mine"
    # And the lock is given back.
    path.unlink()
    await listen(tmp_path, locked(tmp_path), ECHO, reactor).close()


def test_linkIsNotFollowed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "control.lock").symlink_to("victim")
    assert "control.lock cannot be made: " in refusal(tmp_path)
    assert (tmp_path / "victim").read_text() == "mine"


def test_directoryThatIsMissingIsNamed(tmp_path: Path) -> None:
    assert refusal(tmp_path / "state") == (
        f"{tmp_path}/state/control.lock cannot be made: No such file or directory"
    )


def test_pathThatIsTooLongIsRefusedBeforeAnythingIsMade(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 100)
    directory.mkdir()
    assert "more than the 107 bytes" in refusal(directory)
    assert list(directory.iterdir()) == []


@pytest_twisted.ensureDeferred
async def test_socketThatCannotBeBoundGivesTheLockBack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bind(self: socket.socket, address: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(listening.socket.socket, "bind", bind)
        assert (
            refusal(tmp_path) == f"{tmp_path}/control.sock cannot be made: No space left on device"
        )
    control: Listening = listen(tmp_path, locked(tmp_path), ECHO, reactor)
    await control.close()
