"""
A connection that records, and a lab of real hosts for the interop tests.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from bastion.lab.channel import PacedChannel
from bastion.lab.shell import Shell

WAIT = 60


@pytest.fixture
def twoPorts() -> Iterator[tuple[int, int]]:
    """
    Two ports of the loopback that nobody listens on.  They are held: nobody is given one by
    chance, and who names one may listen beside us.
    """
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield one.getsockname()[1], other.getsockname()[1]


class RecordingTransport:
    """
    As much of a host's transport as a channel looks at.
    """

    def __init__(self) -> None:
        self.held = False

    def getPeer(self) -> Any:
        """
        Where the client is.
        """
        return self

    getHost = getPeer
    address = property(lambda self: self)
    host = "127.0.0.1"
    port = 40000


class RecordingConnection:
    """
    A connection service that writes down what channels tell it.

    @ivar sent: what was sent, in order.
    @ivar reopened: the channels whose window was opened again.
    """

    def __init__(self) -> None:
        self.transport = RecordingTransport()
        self.sent: list[tuple[Any, ...]] = []
        self.reopened: list[PacedChannel] = []

    def sendData(self, channel: PacedChannel, data: bytes) -> None:
        """
        Data.
        """
        self.sent.append(("data", data))

    def sendExtendedData(self, channel: PacedChannel, dataType: int, data: bytes) -> None:
        """
        Data of another type.
        """
        self.sent.append(("extended", dataType, data))

    def sendEOF(self, channel: PacedChannel) -> None:
        """
        End of data.
        """
        self.sent.append(("eof",))

    def sendRequest(self, channel: PacedChannel, name: bytes, data: bytes) -> None:
        """
        A channel request.
        """
        self.sent.append(("request", name, data))

    def sendClose(self, channel: PacedChannel) -> None:
        """
        The channel closes.
        """
        self.sent.append(("close",))
        channel.localClosed = 1

    def reopenWindow(self, channel: PacedChannel) -> None:
        """
        The channel takes input again.
        """
        self.reopened.append(channel)

    @property
    def data(self) -> bytes:
        """
        All data sent, joined.
        """
        return b"".join(entry[1] for entry in self.sent if entry[0] == "data")


@pytest.fixture
def connection() -> RecordingConnection:
    """
    A connection that records.
    """
    return RecordingConnection()


@pytest.fixture
def makeChannel(connection: RecordingConnection) -> Callable[..., PacedChannel]:
    """
    Makes channels of that connection.
    """

    def make(
        window: int = 1000,
        maxPacket: int = 100,
        kind: type[PacedChannel] = PacedChannel,
        **keywords: Any,
    ) -> PacedChannel:
        return kind(remoteWindow=window, remoteMaxPacket=maxPacket, conn=connection, **keywords)

    return make


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """
    A plain shell at home in a directory of the test.
    """
    return Shell(interactive=("/bin/sh", "-i"), environ={"HOME": str(tmp_path), "PATH": os.defpath})


@frozen
class Lab:
    """
    A lab of hosts only, and the OpenSSH programs against it.
    """

    pid: int
    home: Path
    told: dict[str, Any]
    environ: dict[str, str]

    def options(self, host: str = "nice1", portOption: str = "-p") -> list[str]:
        """
        What every program is told: no file of the user's, and the host's key.
        """
        return [
            *("-F", "/dev/null"),
            *("-o", f"UserKnownHostsFile={self.told['known_hosts']}"),
            *("-o", "GlobalKnownHostsFile=/dev/null", "-o", "NumberOfPasswordPrompts=1"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=no"),
            *(portOption, str(self.told["hosts"][host])),
        ]

    def ssh(
        self, *words: str, stdin: bytes = b"", host: str = "nice1", password: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """
        Run ssh to its end.

        @param words: options and command.
        """
        return self.run("ssh", *self.options(host), *words, stdin=stdin, password=password)

    def run(
        self, *words: str, stdin: bytes = b"", password: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """
        Run a program to its end.
        """
        environ = dict(self.environ)
        if password is not None:
            environ["LAB_PASSWORD"] = password
        return subprocess.run(
            words, input=stdin, capture_output=True, env=environ, cwd=self.home, timeout=WAIT
        )


def startLab(home: Path, *options: str) -> subprocess.Popen[str]:
    """
    Start C{python -m bastion.lab} at home in a directory.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "bastion.lab", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
    )


@pytest.fixture
def labProcess() -> Callable[..., subprocess.Popen[str]]:
    """
    Starts labs; who starts one ends it.
    """
    return startLab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """
    One lab for all interop tests of this directory.
    """
    for program in ("ssh", "sftp", "scp"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    home = tmp_path_factory.mktemp("lab")
    askpass = home / "askpass"
    askpass.write_text('#!/bin/sh\nprintf "%s\\n" "$LAB_PASSWORD"\n')
    askpass.chmod(0o700)
    process = startLab(home, "--hosts-only")
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "LAB_PASSWORD": told["password"],
        }
        yield Lab(process.pid, home, told, environ)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=WAIT)
    assert (process.returncode, errors) == (0, "")


@pytest.fixture(scope="session")
def payload(lab: Lab) -> Path:
    """
    20 MB that nothing can compress or repeat, at home.
    """
    path = lab.home / "payload"
    path.write_bytes(os.urandom(20_000_000))
    return path
