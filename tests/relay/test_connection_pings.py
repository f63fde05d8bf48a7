"""
L{bastion.relay.connection}: a client may measure the way to us, and no more.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.relay.connection import MAX_PING, MAX_UNREAD
from bastion.ssh.phases import FROM_HOST, Phase
from bastion.wire import MSG_CHANNEL_DATA, MSG_PING, MSG_PONG, Malformed, string, uint32


@pytest.fixture
def pinging(coupled: Any) -> Any:
    """
    A session with a client that takes the answers to its pings.
    """
    taken = FROM_HOST[Phase.CONNECTION] | {MSG_PONG}
    coupled.client.transport.allowed = FROM_HOST | {Phase.CONNECTION: taken}
    return coupled


@pytest.mark.parametrize("ping", [b"", string(b""), string(b"\0data"), bytes(MAX_PING)])
def test_pingIsAnsweredWithItsDataByUs(session: Any, ping: bytes) -> None:
    session.client.says(MSG_PING, ping)

    assert session.client.hears() == [(MSG_PONG, ping)]
    assert session.host.hears() == []


def test_pingIsOfLimitedSize(session: Any) -> None:
    with pytest.raises(Malformed, match="a ping of 1025 bytes"):
        session.client.says(MSG_PING, bytes(MAX_PING + 1))

    assert session.client.hears() == []


def test_pingsAreAnsweredInTheirTurnAmongTheData(pinging: Any) -> None:
    """
    An answer may not come before what was said before the question.
    """
    pings = [string(b"%d" % number) for number in range(50)]
    for ping in pings:
        pinging.client.session.say(MSG_CHANNEL_DATA, uint32(0) + ping)
        pinging.client.session.say(MSG_PING, ping)
    pinging.network.settle()

    assert list(pinging.client.session.heard) == [(MSG_PONG, ping) for ping in pings]
    assert list(pinging.host.session.heard) == [
        (MSG_CHANNEL_DATA, uint32(0) + ping) for ping in pings
    ]


def test_pingDuringAKeyExchangeOfOursIsAnsweredBehindIt(pinging: Any) -> None:
    pinging.toClient.rekey()
    pinging.client.session.say(MSG_PING, string(b"now"))

    pinging.network.settle()

    assert list(pinging.client.session.heard) == [(MSG_PONG, string(b"now"))]
    assert pinging.ended == []


def test_clientThatDoesNotReadTheAnswersIsEnded(coupled: Any) -> None:
    coupled.client.transport.transport.pauseProducing()

    most = 0
    for _ in range(2 * MAX_UNREAD):
        coupled.client.session.say(MSG_PING, bytes(MAX_PING))
        coupled.network.settle()
        most = max(most, coupled.toClient.transport.waiting)

    problem = "too many requests whose answers are not read"
    assert coupled.ended[0] == (coupled.toClient, problem)
    assert most < 65536 + (MAX_UNREAD + 2) * (MAX_PING + 64)


def test_clientThatAsksInsteadOfExchangingKeysIsEnded(coupled: Any) -> None:
    """
    Its answers are held back, and count as not read.
    """
    coupled.toClient.rekey()
    coupled.client.transport.transport.pauseProducing()

    most = 0
    for _ in range(2 * MAX_UNREAD):
        coupled.client.session.say(MSG_PING, bytes(MAX_PING))
        coupled.client.transport.transport.step()
        most = max(most, coupled.toClient._held.bytes)

    problem = "too many requests whose answers are not read"
    assert coupled.ended[0] == (coupled.toClient, problem)
    assert most == MAX_UNREAD * MAX_PING


@pytest.mark.parametrize("number", [MSG_PING, MSG_PONG])
def test_hostsDoNotPing(coupled: Any, number: int) -> None:
    coupled.host.session.say(number, string(b"data"))
    coupled.network.settle()

    assert coupled.ended[0] == (coupled.toHost, f"message {number} during connection")
    assert list(coupled.client.session.heard) == []


def test_pongIsForNobody(coupled: Any) -> None:
    coupled.client.session.say(MSG_PONG, string(b"data"))
    coupled.network.settle()

    assert coupled.ended[0] == (coupled.toClient, f"message {MSG_PONG} during connection")
