"""
L{bastion.gateway.lifecycle}: the only host is connected to before the login begins,
and that is in vain.
"""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.protocol import Protocol

from bastion.auth.messages import NONE, PASSWORD, Password
from bastion.interfaces import HostAddress
from bastion.testing.speakers import Speaker, speakingHost
from bastion.upstream.attempt import HOST_TIME
from bastion.wire import MSG_USERAUTH_SUCCESS

NICE1 = HostAddress("nice1")


@pytest.fixture
def memory(memory: Any) -> Any:
    """
    A site with one host.
    """
    memory.only(NICE1)
    return memory


def answersAgain(memory: Any) -> None:
    """
    The host is what it was at first.
    """
    memory.network.listen(NICE1, lambda: memory._newHost(NICE1))


def logsIn(memory: Any, client: Any) -> None:
    """
    The client logs in with a password to the latest connection to the host.
    """
    client.requests(NONE)
    memory.host().offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack())
    memory.host().accepts()
    assert client.hears()[-1] == (MSG_USERAUTH_SUCCESS, b"")
    client.speaker.startSession()


def withAnotherKey(memory: Any) -> list[Speaker]:
    """
    The host has a key that nobody knows.

    @return: its ends of the connections, as they come.
    """
    others: list[Speaker] = []
    key = Key(Ed25519PrivateKey.generate())

    def connected() -> Any:
        others.append(speakingHost(memory.clock, key))
        return others[-1].transport

    memory.network.listen(NICE1, connected)
    return others


@pytest.mark.parametrize("way", ["refuses", "hangs", "closes"])
def test_loginTriesAnewWhatWasInVain(memory: Any, way: str) -> None:
    class Closing(Protocol):
        def connectionMade(self) -> None:
            self.transport.loseConnection()

    if way == "refuses":
        memory.network.stopListening(NICE1)
    else:
        memory.network.listen(NICE1, Protocol if way == "hangs" else Closing)
    client = memory.connects()
    memory.network.advance(HOST_TIME + 0.1)
    answersAgain(memory)

    logsIn(memory, client)

    assert len(memory.hosts["nice1"]) == 1
    assert memory.named("host.refused") == []


@pytest.mark.parametrize(
    ("way", "reason"),
    [("refuses", "nice1 refuses connections"), ("hangs", "nice1 did not answer in time")],
)
def test_hostThatIsStillOfNoUseIsReportedAsEver(memory: Any, way: str, reason: str) -> None:
    memory.network.stopListening(NICE1) if way == "refuses" else memory.network.silence(NICE1)
    client = memory.connects()
    memory.network.advance(HOST_TIME + 0.1)
    assert memory.named("host.refused") == []

    client.requests(NONE)
    memory.network.advance(HOST_TIME + 0.1)

    (passed,) = memory.named("host.refused")
    assert (passed["host"], passed["reason"]) == ("nice1", reason)
    assert b"No host can be reached at the moment" in client.fate[0][2]


def test_hostThatHangsDuringTheLoginIsReportedOnce(memory: Any) -> None:
    memory.network.silence(NICE1)
    client = memory.connects()
    memory.network.advance(HOST_TIME - 2)
    client.requests(NONE)

    memory.network.advance(2.1)

    (passed,) = memory.named("host.refused")
    assert passed["reason"] == "nice1 did not answer in time"
    assert b"No host can be reached at the moment" in client.fate[0][2]


@pytest.mark.parametrize("way", ["closes", "vanishes", "says goodbye"])
@pytest.mark.parametrize("later", [0.0, 50.0])
def test_hostThatDoesNotWaitIsConnectedToAnew(memory: Any, way: str, later: float) -> None:
    """
    A user who is asked for the account first may take a minute.
    """
    client = memory.connects()
    (first,) = memory.hosts["nice1"]
    if way == "closes":
        first.leaves()
    elif way == "vanishes":
        first.tcp.abortConnection()
    else:
        first.transport.disconnect(2, b"Timeout before authentication")
    memory.network.advance(later)
    assert len(memory.hosts["nice1"]) == 1

    logsIn(memory, client)

    assert len(memory.hosts["nice1"]) == 2
    assert memory.named("host.refused") == []
    assert client.fate == []


def test_hostWithAnotherKeyIsReportedAtTheLogin(memory: Any) -> None:
    others = withAnotherKey(memory)
    client = memory.connects()
    assert others[0].witness.events == [("disconnected", 9, b"unexpected host key"), "lost"]
    assert memory.named("host.refused") == []

    client.requests(PASSWORD, Password(b"right").pack())

    (passed,) = memory.named("host.refused")
    assert passed["reason"] == "an unexpected key"
    assert b"No host can be reached at the moment" in client.fate[0][2]
    assert [list(other.login.heard) for other in others] == [[], []]
