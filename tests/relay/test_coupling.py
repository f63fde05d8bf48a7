"""
L{bastion.relay.coupling}: two transports, each other's producers, and each watched
for its silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.ssh.phases import Phase
from bastion.ssh.terms import Patience
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    byte,
    string,
    uint32,
)

BOTH_ENDS = pytest.mark.parametrize("clients", [True, False], ids=["client", "host"])
SIGN_OF_LIFE = (MSG_GLOBAL_REQUEST, string(b"keepalive@openssh.com") + byte(1))
FAILURE = (MSG_REQUEST_FAILURE, b"")
WINDOW = (MSG_CHANNEL_WINDOW_ADJUST, uint32(0) + uint32(1))
PIECE = uint32(0) + string(bytes(32768))


def ends(coupled: Any, clients: bool) -> tuple[Any, Any, Any, Any]:
    """
    A speaker and our transport that faces it, and the same of the other end.
    """
    legs = [(coupled.client, coupled.toClient), (coupled.host, coupled.toHost)]
    return (*legs[not clients], *legs[clients])


def passes(coupled: Any, seconds: int, *lively: Any, answer: Any = FAILURE) -> list[Any]:
    """
    Let time pass, while some answer to our questions.

    @return: what those have heard beside them.
    """
    heard = []
    for _ in range(seconds):
        coupled.network.advance(1)
        for speaker in lively:
            while speaker.session.heard:
                message = speaker.session.heard.popleft()
                if message == SIGN_OF_LIFE:
                    speaker.session.say(*answer)
                else:
                    heard.append(message)
    coupled.network.settle()
    return heard


def test_bothTransportsRunTheirSide(coupled: Any) -> None:
    for transport, side in (
        (coupled.toClient, coupled.relay.client),
        (coupled.toHost, coupled.relay.host),
    ):
        assert transport.service is side
        assert transport.phase is Phase.CONNECTION
        assert side.transport is transport


# The silence of an end


@BOTH_ENDS
def test_silentEndIsAskedAndThenCut(coupled: Any, clients: bool) -> None:
    silent, near, lively, _ = ends(coupled, clients)

    passes(coupled, 14, lively)
    assert list(silent.session.heard) == []
    passes(coupled, 15, lively)
    assert list(silent.session.heard) == [SIGN_OF_LIFE]
    heard = passes(coupled, 15, lively)
    assert list(silent.session.heard) == [SIGN_OF_LIFE] * 2
    assert coupled.ended == []

    passes(coupled, 2, lively)
    assert coupled.ended == [(near, "it does not answer"), (near, "lost")]
    assert silent.witness.events[-2:] == [("disconnected", 2, b"it does not answer"), "lost"]
    assert heard == []


@pytest.mark.parametrize("answer", [FAILURE, (MSG_REQUEST_SUCCESS, b"")])
def test_endsThatAnswerLiveAndHearNothingOfEachOther(coupled: Any, answer: Any) -> None:
    heard = passes(coupled, 300, coupled.client, coupled.host, answer=answer)

    assert heard == []
    assert coupled.ended == []


@BOTH_ENDS
def test_whoSaysAnythingIsNotAsked(coupled: Any, clients: bool) -> None:
    talker, _, other, _ = ends(coupled, clients)
    for _ in range(20):
        talker.session.say(*WINDOW)
        passes(coupled, 10, other)

    assert list(talker.session.heard) == []
    assert coupled.ended == []


@BOTH_ENDS
def test_answersReachWhoHasAskedThoughWeAskToo(coupled: Any, clients: bool) -> None:
    asked, _, asker, _ = ends(coupled, clients)
    passes(coupled, 16, asker)
    asker.session.say(MSG_GLOBAL_REQUEST, string(b"first") + byte(1))
    passes(coupled, 16, asker)
    asker.session.say(MSG_GLOBAL_REQUEST, string(b"second") + byte(1))
    coupled.network.settle()
    assert [number for number, _ in asked.session.heard] == [MSG_GLOBAL_REQUEST] * 4

    for reply in (b"ours", b"one", b"ours", b"two"):
        asked.session.say(MSG_REQUEST_SUCCESS, reply)
    heard = passes(coupled, 1, asker)

    assert heard == [(MSG_REQUEST_SUCCESS, b"one"), (MSG_REQUEST_SUCCESS, b"two")]


@BOTH_ENDS
def test_endThatWeHaveStoppedIsNotBlamed(coupled: Any, clients: bool) -> None:
    """
    Its window is open, and the other end does not read, though it is there.
    """
    stopped, near, slow, far = ends(coupled, clients)
    slow.transport.transport.pauseProducing()
    for _ in range(10):
        stopped.session.say(MSG_CHANNEL_DATA, PIECE)
        coupled.network.settle()
    assert not near.transport.reading

    for _ in range(20):
        slow.session.say(*WINDOW)
        passes(coupled, 10)

    assert coupled.ended == []
    slow.transport.transport.resumeProducing()
    coupled.network.settle()
    assert near.transport.reading and far.transport.reading


@BOTH_ENDS
def test_keyExchangeOfOneEndIsNotTheSilenceOfTheOther(coupled: Any, clients: bool) -> None:
    stopped, near, slow, far = ends(coupled, clients)
    far.rekey()
    slow.transport.transport.pauseProducing()
    for _ in range(10):
        slow.session.say(*WINDOW)
        passes(coupled, 10)

    assert not near.transport.reading
    assert list(stopped.session.heard) == [WINDOW] * 10
    assert coupled.ended == []


@pytest.mark.parametrize("interval", [0.0, 2.0])
def test_patienceIsThatOfEachLeg(
    couple: Callable[..., Any], termsOf: Callable[..., Any], interval: float
) -> None:
    never, short = Patience(0.0), Patience(interval, 2)
    coupled = couple(termsOf(patience=never), termsOf(patience=short))

    passes(coupled, 120)

    expected = [(coupled.toHost, "it does not answer"), (coupled.toHost, "lost")]
    assert coupled.ended == (expected if interval else [])
    assert list(coupled.client.session.heard) == []


# Room


@BOTH_ENDS
def test_eachSideKnowsWhetherItsEndTakesMore(coupled: Any, clients: bool) -> None:
    slow, near, talker, _ = ends(coupled, clients)
    assert not near.service.isFull()

    slow.transport.transport.pauseProducing()
    for _ in range(10):
        talker.session.say(MSG_CHANNEL_DATA, PIECE)
        coupled.network.settle()
    assert near.service.isFull()
    assert not near.service.other.isFull()

    slow.transport.transport.resumeProducing()
    coupled.network.settle()
    assert not near.service.isFull()


# The end


@pytest.mark.parametrize("after", [0, 20, 50])
@pytest.mark.parametrize("full", [False, True])
def test_whenItIsRemovedNothingIsLeft(coupled: Any, after: int, full: bool) -> None:
    """
    But the time for new keys, which is each transport's own.
    """
    if full:
        coupled.client.transport.transport.pauseProducing()
        for _ in range(10):
            coupled.host.session.say(MSG_CHANNEL_DATA, PIECE)
            coupled.network.settle()
    passes(coupled, after)

    coupled.coupling.remove()
    for transport in (coupled.toClient, coupled.toHost):
        transport.transport.abortConnection()

    assert coupled.clock.getDelayedCalls() == []
    assert coupled.toClient.transport._producer is None
    assert coupled.toHost.transport._producer is None
