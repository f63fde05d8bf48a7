"""
What the tests of the transports need: the two transports with their peers, and
streams on the loopback.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from legs import Leg, plain
from loopback import Loopback
from twisted.logger import LogEvent, capturedLogs

from bastion.ssh import stream
from bastion.ssh.hostkeys import loadHostKeys
from bastion.ssh.pace import Process
from bastion.ssh.stream import DirectStream, Stream

LEGS = {"client": True, "host": False}


@pytest.fixture(autouse=True)
def _nobodyTypes(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Tests share a process, but not its pace.
    """
    monkeypatch.setattr(stream, "_process", Process())


@pytest.fixture(params=LEGS.values(), ids=LEGS.keys())
def leg(request: pytest.FixtureRequest) -> Leg:
    """
    Each of the two transports in turn, not connected.
    """
    return Leg(request.param)


@pytest.fixture(params=LEGS.values(), ids=LEGS.keys())
def newLeg(request: pytest.FixtureRequest) -> Callable[[], Leg]:
    """
    Makes transports of one kind; each of the two in turn.
    """
    return lambda: Leg(request.param)


@pytest.fixture
def towardClient() -> Leg:
    """
    The transport that faces a client.
    """
    return Leg(True)


@pytest.fixture
def towardHost() -> Leg:
    """
    The transport that faces a host.
    """
    return Leg(False)


@pytest.fixture
def packet() -> Callable[..., bytes]:
    """
    Makes packets as they are before the first keys.
    """
    return plain


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[LogEvent]]:
    """
    What is logged; no traceback may be.
    """
    with capturedLogs() as events:
        yield events
    assert [event for event in events if {"log_failure", "failure"} & event.keys()] == []


@pytest.fixture(params=[Stream, DirectStream])
def loopback(request: pytest.FixtureRequest) -> Iterator[Loopback]:
    """
    Streams of each kind in turn, over TCP.
    """
    made = Loopback(request.param)
    yield made
    made.closed()


@pytest.fixture(scope="session")
def madeKeys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A directory of host keys as the first start leaves it.  Use C{keyDirectory} to
    change it.
    """
    directory = tmp_path_factory.mktemp("made") / "a" / "state"
    loadHostKeys(directory)
    return directory


@pytest.fixture
def keyDirectory(madeKeys: Path, tmp_path: Path) -> Path:
    """
    A copy of it.
    """
    return Path(shutil.copytree(madeKeys, tmp_path / "state"))
