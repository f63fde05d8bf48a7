"""
L{bastion.gateway.lifecycle}: hosts that die at each step of a login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.protocol import Protocol

from bastion.auth.messages import KEYBOARD_INTERACTIVE, NONE, PASSWORD, Password
from bastion.interfaces import HostAddress
from bastion.testing.speakers import speakingHost
from bastion.wire import MSG_USERAUTH_INFO_REQUEST, MSG_USERAUTH_SUCCESS, string, uint32

NICE1 = HostAddress("nice1")
QUESTION = string(b"") * 3 + uint32(1) + string(b"Password: ") + b"\0"


class Short(Protocol):
    """
    A host that says something, and closes the connection.
    """

    def __init__(self, said: bytes) -> None:
        self._said = said

    def connectionMade(self) -> None:
        """
        Say it.
        """
        self.transport.write(self._said)
        self.transport.loseConnection()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "nice1 closed the connection before the login"),
        (b"SSH-2.0-x\r\n", "nice1 closed the connection before the login"),
        (b"hello\r\n" * 3, "nice1 closed the connection before the login"),
        (b"SSH-1.5-old\r\n", "nice1 is of no use: this server speaks SSH version 2 only"),
        (
            b"SSH-2.0-x\r\n\xff\xff\xff\xff" + bytes(20),
            "nice1 is of no use: a packet of 42949672",
        ),
        (b"SSH-2.0-x\r\n" + uint32(12) + bytes(12), "nice1 is of no use: a packet whose padding"),
    ],
)
def test_hostThatDiesBeforeTheLoginIsPassedOver(memory: Any, said: bytes, reason: str) -> None:
    memory.network.listen(NICE1, lambda: Short(said))
    client = memory.connects()
    client.requests(NONE)

    (passed,) = memory.named("host.refused")
    assert passed["host"] == "nice1"
    assert passed["reason"].startswith(reason)
    assert len(memory.host("nice2").hears()) == 1
    assert client.fate == []


def test_hostWithAnotherKeyIsPassedOverAndHearsNothing(memory: Any) -> None:
    others = []
    key = Key(Ed25519PrivateKey.generate())

    def connected() -> Any:
        others.append(speakingHost(memory.clock, key))
        return others[-1].transport

    memory.network.listen(NICE1, connected)
    client = memory.connects()
    client.requests(PASSWORD, Password(b"right").pack())

    (passed,) = memory.named("host.refused")
    assert passed["reason"] == "an unexpected key"
    # Once while the client was still exchanging keys, once for the login.
    for other in others:
        assert not other.login.heard
        assert other.witness.events == [("disconnected", 9, b"unexpected host key"), "lost"]
    assert len(memory.host("nice2").hears()) == 1


def beforeTheMethods(memory: Any, client: Any) -> None:
    """
    The host was asked for its methods.
    """


def betweenTwoRequests(memory: Any, client: Any) -> None:
    """
    The host has said its methods.
    """
    memory.host().offers(KEYBOARD_INTERACTIVE)


def beforeTheFirstQuestion(memory: Any, client: Any) -> None:
    """
    The host was asked for a dialogue.
    """
    betweenTwoRequests(memory, client)
    client.requests(KEYBOARD_INTERACTIVE, string(b"") * 2)


NOTHING_ASKED = [beforeTheMethods, betweenTwoRequests, beforeTheFirstQuestion]


@pytest.mark.parametrize("play", NOTHING_ASKED)
@pytest.mark.parametrize("way", ["closes", "vanishes"])
def test_hostThatDiesBeforeItHasAskedIsReplaced(
    memory: Any, play: Callable[..., None], way: str
) -> None:
    client = memory.connects()
    client.requests(NONE)
    play(memory, client)

    memory.host().leaves() if way == "closes" else memory.host().tcp.abortConnection()
    memory.network.settle()
    if not memory.hosts["nice2"]:
        client.requests(KEYBOARD_INTERACTIVE, string(b"") * 2)

    assert client.fate == []
    assert sum(memory.leased.values()) == 1
    memory.host("nice2").accepts()
    assert client.hears()[-1] == (MSG_USERAUTH_SUCCESS, b"")
    assert memory.named("login.accepted")[0]["host"] == "nice2"


def test_hostThatIsReplacedIsRecorded(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)

    memory.host().leaves()

    (passed,) = memory.named("host.refused")
    assert passed["host"] == "nice1"


@pytest.mark.parametrize("play", NOTHING_ASKED)
def test_hostThatSaysGoodbyeBeforeItHasAskedIsReplacedToo(
    memory: Any, play: Callable[..., None]
) -> None:
    """
    So does an sshd that is being stopped, or has too many connections.
    """
    client = memory.connects()
    client.requests(NONE)
    play(memory, client)

    memory.host().transport.disconnect(2, b"Not allowed at this time")
    memory.network.settle()

    assert client.fate == []


def withAQuestionOpen(memory: Any, client: Any) -> None:
    """
    The user is being asked.
    """
    beforeTheFirstQuestion(memory, client)
    memory.host().says(MSG_USERAUTH_INFO_REQUEST, QUESTION)


def withTheAnswerSent(memory: Any, client: Any) -> None:
    """
    The host judges the answer.
    """
    withAQuestionOpen(memory, client)
    client.says(61, uint32(1) + string(b"right"))


def withThePasswordSent(memory: Any, client: Any) -> None:
    """
    The host judges a password.
    """
    memory.host().offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack())


def afterAWrongPassword(memory: Any, client: Any) -> None:
    """
    The host has refused a password.
    """
    withThePasswordSent(memory, client)
    memory.host().offers(PASSWORD)


@pytest.mark.parametrize(
    "play", [withAQuestionOpen, withTheAnswerSent, withThePasswordSent, afterAWrongPassword]
)
@pytest.mark.parametrize("way", ["closes", "says goodbye"])
def test_hostThatDiesLaterIsTheLast(memory: Any, play: Callable[..., None], way: str) -> None:
    client = memory.connects()
    client.requests(NONE)
    play(memory, client)
    host = memory.host()

    if way == "closes":
        host.leaves()
    else:
        host.transport.disconnect(2, b"goodbye")
        memory.network.settle()

    assert memory.hosts["nice2"] == []
    assert client.fate[-1] == "lost"
    assert memory.named("login.accepted") == []
    if way == "closes":
        assert b"nice1" in client.fate[0][2]
        assert memory.named("connection.opened")[0]["reference"].encode() in client.fate[0][2]
    else:
        assert client.fate[0] == ("disconnected", 2, b"goodbye")


@pytest.mark.parametrize("number", [51, 52, 53, 60])
def test_hostThatTalksNonsenseDuringTheLoginIsReplaced(memory: Any, number: int) -> None:
    client = memory.connects()
    client.requests(NONE)
    host = memory.host()
    if number == 52:
        host.offers(PASSWORD)

    host.says(number, b"\0\0\0")

    assert host.fate[-1] == "lost"
    assert client.fate == []
    client.requests(NONE)
    assert len(memory.hosts["nice2"]) == 1


def test_loserOfARaceIsLetGo(memory: Any) -> None:
    memory.network.silence(NICE1)
    client = memory.connects()
    client.requests(NONE)

    memory.network.advance(2.1)

    assert sum(memory.leased.values()) == 1
    assert [each["host"] for each in memory.named("host.refused")] == ["nice1"]
    memory.host("nice2").accepts()
    assert memory.named("login.accepted")[0]["host"] == "nice2"


def test_hostThatHasHadEnoughIsNotPassedOver(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    afterAWrongPassword(memory, client)

    memory.host().transport.disconnect(2, b"Too many authentication failures")
    memory.network.settle()

    assert memory.named("host.refused") == []


def test_goodbyeOfAHostThatIsReplacedIsRecorded(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)

    memory.host().transport.disconnect(2, b"Not allowed at this time")
    memory.network.settle()

    (passed,) = memory.named("host.refused")
    assert "Not allowed at this time" in passed["reason"]
