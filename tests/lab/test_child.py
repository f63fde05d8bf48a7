"""
The bastion as a child process: here other programs in its place.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from bastion.lab.child import Child, bastionCommand
from bastion.lab.directory import LabDirectory, LabError

SERVE = """
import signal, socket, sys
{prelude}
listening = socket.socket()
listening.bind(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
listening.listen()
while True:
    listening.accept()
"""
WAIT = 60.0

MakeChild = Callable[..., Child]


def freePort() -> int:
    """
    A port that nobody uses at the moment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def makeChild(tmp_path: Path) -> MakeChild:
    """
    Makes children that run a Python script.
    """
    directory = LabDirectory(tmp_path)

    def make(script: str, *arguments: object, grace: float = 60.0) -> Child:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        return Child(reactor, command, directory, os.environ, grace)

    return make


def test_theBastionIsServedInTheForeground() -> None:
    assert bastionCommand("/venv/bin/python3", Path("/lab/bastion.toml")) == [
        *("/venv/bin/twistd", "-n", "--pidfile=", "bastion"),
        *("--config", "/lab/bastion.toml"),
    ]


@pytest_twisted.ensureDeferred
async def test_itAnswersAndIsStopped(makeChild: MakeChild, tmp_path: Path) -> None:
    port = freePort()
    child = makeChild(SERVE.format(prelude=""), port)
    child.start()
    await child.untilAnswers([port], WAIT)
    assert child.outcome is None
    assert await child.stop() == "was ended by SIGTERM"
    assert child.outcome == "was ended by SIGTERM"
    assert (tmp_path / "bastion.log").read_text() == "listening\n"


@pytest_twisted.ensureDeferred
async def test_whoDoesNotStopIsKilled(makeChild: MakeChild) -> None:
    port = freePort()
    prelude = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    child = makeChild(SERVE.format(prelude=prelude), port, grace=0.0)
    child.start()
    await child.untilAnswers([port], WAIT)
    assert await child.stop() == "was ended by SIGKILL"


@pytest_twisted.ensureDeferred
async def test_aChildThatEndsAtOnceIsReportedWithItsLog(makeChild: MakeChild) -> None:
    child = makeChild("import sys; print('one'); sys.exit('the reason')")
    child.start()
    with pytest.raises(LabError) as caught:
        await child.untilAnswers([freePort()], WAIT)
    text = str(caught.value)
    assert text.startswith("the bastion ended with exit status 1\n")
    assert "  the reason\n" in text
    assert await child.whenEnded() == "ended with exit status 1"


@pytest_twisted.ensureDeferred
async def test_onlyTheEndOfTheLogIsShownAndMovesNoCursor(makeChild: MakeChild) -> None:
    child = makeChild("for number in range(100): print('line', number, '\\x1b[0m')")
    child.start()
    await child.whenEnded()
    lines = child.tail().splitlines()
    assert len(lines) == 21
    assert lines[-1] == "  line 99 ?[0m"


@pytest_twisted.ensureDeferred
async def test_aChildThatNeverAnswersIsReported(makeChild: MakeChild) -> None:
    child = makeChild("import signal; signal.pause()")
    child.start()
    with pytest.raises(LabError, match="did not answer in 0 seconds"):
        await child.untilAnswers([freePort()], 0.0)
    await child.stop()


@pytest_twisted.ensureDeferred
async def test_whoeverWaitsForTheEndIsTold(makeChild: MakeChild) -> None:
    child = makeChild("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    child.start()
    first, second = child.whenEnded(), child.whenEnded()
    assert await first == await second == "was ended by SIGKILL"
    assert signal.SIGKILL.name in str(child.failed())


@pytest_twisted.ensureDeferred
async def test_aChildThatNeverStartedIsStopped(makeChild: MakeChild) -> None:
    assert await makeChild("").stop() == "never started"


def test_aProgramThatDoesNotExistIsReported(tmp_path: Path) -> None:
    command = [str(tmp_path / "twistd")]
    child = Child(reactor, command, LabDirectory(tmp_path), os.environ)
    with pytest.raises(LabError, match="twistd: there is no such program"):
        child.start()
