"""
What a client may ask of a session channel.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.session import packRequest_pty_req, packRequest_window_change
from twisted.internet.task import Clock

from bastion.lab.process import Running, ShellProcess
from bastion.lab.session import SessionChannel
from bastion.lab.sftp import FileTransfer
from bastion.lab.shell import Shell

PTY = packRequest_pty_req(b"xterm", (24, 80, 0, 0), b"\0")


class Reactor(Clock):
    """
    A reactor whose processes only exist on paper.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[dict[str, Any]] = []

    def spawnProcess(
        self,
        process: ShellProcess,
        executable: bytes,
        arguments: list[bytes],
        environ: dict[bytes, bytes],
        path: bytes,
        usePTY: Any,
    ) -> None:
        """
        Note it.
        """
        self.spawned.append(
            {
                "process": process,
                "arguments": arguments,
                "environ": environ,
                "path": path,
                "pty": usePTY,
            }
        )
        assert executable == arguments[0]


@pytest.fixture
def reactor() -> Reactor:
    """
    A reactor that records.
    """
    return Reactor()


@pytest.fixture
def session(makeChannel: Callable[..., Any], reactor: Reactor, shell: Shell) -> SessionChannel:
    """
    A session channel that has been opened.
    """
    made: SessionChannel = makeChannel(
        kind=SessionChannel, shell=shell, running=Running(reactor), reactor=reactor
    )
    return made


def test_aCommandIsRunByTheShellAtHome(
    session: SessionChannel, reactor: Reactor, shell: Shell
) -> None:
    assert session.requestReceived(b"exec", NS(b"echo hello"))
    (spawned,) = reactor.spawned
    assert spawned["arguments"] == [b"/bin/sh", b"-c", b"echo hello"]
    assert spawned["path"] == os.fsencode(shell.home)
    assert spawned["pty"] == 0
    assert spawned["environ"][b"SSH_CLIENT"] == b"127.0.0.1 40000 40000"
    assert session.program is spawned["process"]


def test_aShellIsInteractive(session: SessionChannel, reactor: Reactor) -> None:
    assert session.requestReceived(b"shell", b"")
    assert reactor.spawned[0]["arguments"] == [b"/bin/sh", b"-i"]


def test_aTerminalIsForTheProgramThatFollows(session: SessionChannel, reactor: Reactor) -> None:
    assert session.requestReceived(b"pty-req", PTY)
    assert session.requestReceived(b"shell", b"")
    (spawned,) = reactor.spawned
    master, slave, name = spawned["pty"]
    assert spawned["environ"][b"TERM"] == b"xterm"
    assert spawned["environ"][b"SSH_TTY"] == name.encode()
    os.close(master)
    os.close(slave)


def test_aTerminalThatNothingUsesIsGivenBack(session: SessionChannel) -> None:
    session.requestReceived(b"pty-req", PTY)
    name = session.environ[b"SSH_TTY"]
    session.closed()
    assert not os.path.exists(name)


def test_thereIsOneTerminalAndOneProgram(session: SessionChannel, reactor: Reactor) -> None:
    assert session.requestReceived(b"pty-req", PTY)
    assert not session.requestReceived(b"pty-req", PTY)
    assert session.requestReceived(b"exec", NS(b"true"))
    for name, data in ((b"exec", NS(b"x")), (b"shell", b""), (b"subsystem", NS(b"sftp"))):
        assert not session.requestReceived(name, data)
    assert not session.requestReceived(b"env", NS(b"LANG") + NS(b"C"))
    assert len(reactor.spawned) == 1
    for descriptor in reactor.spawned[0]["pty"][:2]:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        (b"LANG", True),
        (b"LC_ALL", True),
        (b"LC_CTYPE", True),
        (b"TERM", True),
        (b"COLORTERM", True),
        (b"LC_", False),
        (b"LD_PRELOAD", False),
        (b"LANGUAGE", False),
        (b"BASH_ENV", False),
        (b"LANG\n", False),
        (b"", False),
    ],
)
def test_fewVariablesAreAccepted(session: SessionChannel, name: bytes, accepted: bool) -> None:
    assert session.requestReceived(b"env", NS(name) + NS(b"value")) is accepted
    assert session.environ == ({name: b"value"} if accepted else {})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (b"exec", NS(b"a\0b")),
        (b"exec", b""),
        (b"pty-req", NS(b"xterm")),
        (b"env", b"\0\0"),
        (b"window-change", b""),
        (b"signal", NS(b"\xff")),
        (b"signal", NS(b"TERM")),
        (b"subsystem", NS(b"netconf")),
        (b"x11-req", b""),
        (b"auth-agent-req@openssh.com", b""),
        (b"\xff\xfe", b""),
    ],
)
def test_whatCannotBeReadOrDoneIsRefused(
    session: SessionChannel, reactor: Reactor, name: bytes, data: bytes
) -> None:
    assert session.requestReceived(name, data) is False
    assert reactor.spawned == []


def test_aVariableThatNoProgramCouldHaveIsRefused(
    session: SessionChannel, reactor: Reactor
) -> None:
    session.requestReceived(b"env", NS(b"LANG") + NS(b"a\0b"))
    assert not session.requestReceived(b"shell", b"")
    assert reactor.spawned == []


def test_sizesAndSignalsReachTheProgram(
    session: SessionChannel, reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(ShellProcess, "resize", lambda self, size: told.append(size))
    monkeypatch.setattr(ShellProcess, "signal", lambda self, number: told.append(number))
    session.requestReceived(b"exec", NS(b"true"))
    size = (50, 132, 640, 480)
    assert session.requestReceived(b"window-change", packRequest_window_change(size))
    assert session.requestReceived(b"signal", NS(b"TERM"))
    assert not session.requestReceived(b"signal", NS(b"NONE"))
    assert told == [size, 15]


def test_filesAreServed(session: SessionChannel) -> None:
    assert session.requestReceived(b"subsystem", NS(b"sftp"))
    assert isinstance(session.program, FileTransfer)
