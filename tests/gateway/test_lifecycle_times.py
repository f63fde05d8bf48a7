"""
L{bastion.gateway.lifecycle}: the time to log in is limited, wherever it is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol

from bastion.auth.messages import KEYBOARD_INTERACTIVE, NONE, PASSWORD, Password
from bastion.interfaces import HostAddress
from bastion.ssh.keyexchange import HANDSHAKE_TIME
from bastion.wire import MSG_USERAUTH_INFO_REQUEST, string, uint32

GRACE = 8.0
TOLD = b"The time to log in is over. (reference "


class Raw(Protocol):
    """
    A client that does not even speak SSH.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        """
        The end.
        """
        self.gone = True


@pytest.fixture
def memory(memoryOf: Callable[..., Any]) -> Any:
    """
    A site whose users have to be quick.
    """
    return memoryOf(admission={"login_grace_time": GRACE})


def rawClient(memory: Any) -> Raw:
    """
    A client that is only connected.
    """
    raw = Raw()
    built = memory.factory.buildProtocol(IPv4Address("TCP", "198.51.100.7", 49152))
    memory.network.link(raw, built, ("198.51.100.7", "192.0.2.22"))
    memory.network.settle()
    return raw


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x", b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n\0\0\0"])
def test_clientThatDoesNotGetToTheLoginIsCut(memory: Any, said: bytes) -> None:
    raw = rawClient(memory)
    raw.transport.write(said)

    memory.network.advance(GRACE - 0.2)
    assert not raw.gone
    memory.network.advance(0.3)

    assert raw.gone
    assert memory.reason == "login_grace_time is over"


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (b"", "no identification string came in time"),
        (b"SSH-2.0-x", "no identification string came in time"),
        (b"SSH-2.0-x\r\n", "the key exchange took too long: no KEXINIT came"),
        (b"SSH-2.0-x\r\n\0\0\0", "the key exchange took too long: no KEXINIT came"),
    ],
)
def test_keyExchangeHasALimitOfItsOwn(
    memoryOf: Callable[..., Any], said: bytes, missing: str
) -> None:
    memory = memoryOf()
    raw = rawClient(memory)
    raw.transport.write(said)

    memory.network.advance(HANDSHAKE_TIME + 0.1)

    assert raw.gone
    assert memory.reason == f"client fault: {missing}"


def withoutAService(memory: Any) -> Any:
    """
    Keys are exchanged, and that is all.
    """
    client = memory.connects(settle=False)
    client.transport.connectionSecure = lambda: None
    memory.network.settle()
    return client


def withoutARequest(memory: Any) -> Any:
    """
    The login service runs.
    """
    return memory.connects()


def whileAHostIsSearched(memory: Any) -> Any:
    """
    No host answers.
    """
    for host in ("nice1", "nice2"):
        memory.network.silence(HostAddress(host))
    client = memory.connects()
    memory.network.advance(GRACE - 1)
    client.requests(NONE)
    return client


def whileTheHostDecides(memory: Any) -> Any:
    """
    A password is being judged.
    """
    client = memory.connects()
    client.requests(NONE)
    memory.host().offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack())
    return client


def whileTheUserThinks(memory: Any) -> Any:
    """
    A question is open.
    """
    client = memory.connects()
    client.requests(NONE)
    memory.host().offers(KEYBOARD_INTERACTIVE)
    client.requests(KEYBOARD_INTERACTIVE, string(b"") * 2)
    question = string(b"") * 3 + uint32(1) + string(b"Password: ") + b"\0"
    memory.host().says(MSG_USERAUTH_INFO_REQUEST, question)
    return client


def betweenTwoRequests(memory: Any) -> Any:
    """
    The user has typed the wrong password.
    """
    client = whileTheHostDecides(memory)
    memory.host().offers(PASSWORD)
    return client


def duringTheKeyExchange(memory: Any) -> Any:
    """
    The client does not go on with it.
    """
    client = memory.connects(settle=False)
    client.tcp.pauseProducing()
    memory.network.settle()
    return client


PLAYS = [
    withoutAService,
    withoutARequest,
    whileAHostIsSearched,
    whileTheHostDecides,
    whileTheUserThinks,
    betweenTwoRequests,
]


@pytest.mark.parametrize("play", PLAYS)
def test_graceTimeIsOver(memory: Any, play: Callable[[Any], Any]) -> None:
    client = play(memory)

    memory.network.advance(GRACE + 0.2)

    assert client.fate[0][:2] == ("disconnected", 11)
    assert client.fate[0][2].startswith(TOLD)
    assert memory.reason == "login_grace_time is over"
    memory.factory.gateway.ready.close()
    memory.network.settle()
    for host in memory.hosts["nice1"]:
        assert host.fate[-1] == "lost"


@pytest.mark.parametrize("play", [*PLAYS, duringTheKeyExchange])
def test_clientThatDoesNotReadIsCutOff(memory: Any, play: Callable[[Any], Any]) -> None:
    client = play(memory)
    client.tcp.pauseProducing()

    memory.network.advance(GRACE + 6)

    assert memory.reason == "login_grace_time is over"
    memory.check()


@pytest.mark.parametrize("play", [*PLAYS, duringTheKeyExchange])
def test_clientThatLeavesJustBeforeTheEndLeavesNothing(
    memory: Any, play: Callable[[Any], Any]
) -> None:
    client = play(memory)
    memory.network.advance(GRACE - 0.3 - memory.clock.seconds())

    client.tcp.abortConnection()
    memory.network.settle()

    assert memory.reason == "the client closed the connection"
    memory.check()


def test_shutdownDuringTheFirstKeyExchangeLeavesNothing(memory: Any) -> None:
    """
    At every step of it.
    """
    for steps in range(12):
        client = memory.connects(settle=False)
        for _ in range(steps):
            for end in (client.tcp, client.tcp.other):
                end.step()
        memory.factory.dismissAll("the gateway stopped", "The gateway is being stopped.")
        memory.network.settle()
        memory.check()


@pytest.mark.parametrize("account", [b"johnson", b""])
def test_hostThatIsFoundAfterTheEndIsLetGo(memory: Any, account: bytes) -> None:
    """
    The client holds its connection by not reading, while the search for a host
    still goes on.
    """
    memory.network.silence(HostAddress("nice1"))
    client = memory.connects()
    memory.network.advance(GRACE - 1)
    client.tcp.pauseProducing()
    client.requests(NONE, account=account)

    memory.network.advance(8)

    assert memory.reason == "login_grace_time is over"
    memory.check()
