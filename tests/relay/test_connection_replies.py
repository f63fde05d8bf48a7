"""
L{bastion.relay.connection}: a refusal waits for its turn among the replies.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from zope.interface import implementer

from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.relay.channels import MAX_PENDING
from bastion.wire import (
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    Malformed,
    byte,
    string,
    uint32,
)

SEEDS = pytest.mark.parametrize("seed", range(40))
BOTH_WAYS = pytest.mark.parametrize("fromClient", [True, False], ids=["client", "host"])
FAILURE = (MSG_REQUEST_FAILURE, b"")


@implementer(ISessionPolicy)
class NotThis:
    """
    Refuses requests of the name C{not-this}.
    """

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        return Verdict("not here") if request.name == b"not-this" else ALLOW


@pytest.fixture
def refusing(sessionOf: Callable[..., Any]) -> Any:
    """
    A session in which some requests are refused.
    """
    return sessionOf(NotThis())


# Global requests


@BOTH_WAYS
def test_refusalWaitsForItsTurn(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)
    for name in (b"first", b"not-this", b"second", b"not-this"):
        asker.asks(name)
    assert len(answerer.hears()) == 2
    assert asker.hears() == []

    answerer.says(MSG_REQUEST_SUCCESS, b"one")
    assert asker.hears() == [(MSG_REQUEST_SUCCESS, b"one"), FAILURE]

    answerer.says(*FAILURE)
    assert asker.hears() == [FAILURE, FAILURE]


@BOTH_WAYS
def test_refusalWithNothingBeforeItComesAtOnce(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)

    asker.asks(b"not-this")

    assert asker.hears() == [FAILURE]
    assert answerer.hears() == []
    assert refusing.told == [("refused", b"not-this", "not here")]


@BOTH_WAYS
def test_whoWantsNoReplyIsRefusedSilently(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)
    asker.asks(b"first")
    answerer.hears()

    asker.asks(b"not-this", wantReply=False)
    answerer.says(MSG_REQUEST_SUCCESS, b"one")

    assert answerer.hears() == []
    assert asker.hears() == [(MSG_REQUEST_SUCCESS, b"one")]


def test_repliesOfTheTwoDirectionsDoNotWaitForEachOther(refusing: Any) -> None:
    refusing.client.asks(b"first")
    refusing.host.asks(b"not-this")

    assert refusing.host.hears()[1:] == [FAILURE]


@SEEDS
def test_globalRepliesComeInTheOrderOfTheRequests(refusing: Any, seed: int) -> None:
    dice = random.Random(seed)
    expected: list[tuple[int, bytes]] = []
    heard: list[tuple[int, bytes]] = []
    owed: list[int] = []
    for turn in range(200):
        if owed and dice.random() < 0.5:
            turnOf = owed.pop(0)
            refusing.host.says(*expected[turnOf])
        else:
            wanted, passes = dice.random() < 0.7, dice.random() < 0.5
            refusing.client.asks(b"fine" if passes else b"not-this", wanted)
            if wanted and passes:
                owed.append(len(expected))
                fails = dice.random() < 0.3
                expected.append(FAILURE if fails else (MSG_REQUEST_SUCCESS, b"%d" % turn))
            elif wanted:
                expected.append(FAILURE)
        heard += refusing.client.hears()
        # Everything before the first place that the host owes is answered.
        assert heard == expected[: owed[0] if owed else None]


@BOTH_WAYS
def test_tooManyRequestsWithoutAReplyAreMalformed(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)
    for turn in range(MAX_PENDING):
        asker.asks(b"not-this" if turn % 2 else b"fine")
    passed = len(answerer.hears())

    for name in (b"fine", b"not-this"):
        with pytest.raises(Malformed):
            asker.asks(name)

    assert answerer.hears() == []
    assert passed == MAX_PENDING // 2


# Host keys


@pytest.mark.parametrize("name", [b"hostkeys-00@openssh.com", b"hostkeys-prove-00@openssh.com"])
@BOTH_WAYS
def test_hostKeysStopAtTheBastion(session: Any, fromClient: bool, name: bytes) -> None:
    asker, answerer = session.ends(fromClient)

    asker.asks(name, wantReply=False, data=string(b"key"))
    assert asker.hears() == []
    asker.asks(name, data=string(b"key"))

    assert answerer.hears() == []
    assert asker.hears() == [FAILURE]


def test_proofOfHostKeysIsRefusedInItsTurn(session: Any) -> None:
    session.client.asks(b"keepalive@openssh.com")
    session.client.asks(b"hostkeys-prove-00@openssh.com")
    assert session.client.hears() == []

    session.host.says(*FAILURE)

    assert session.client.hears() == [FAILURE, FAILURE]


# Requests on a channel


def onChannel(end: Any, recipient: int, name: bytes, wantReply: bool = True) -> None:
    """
    Make a request on a channel.
    """
    end.says(MSG_CHANNEL_REQUEST, uint32(recipient) + string(name) + byte(wantReply))


@BOTH_WAYS
def test_refusalOnAChannelHasTheAskersNumber(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.opened(clients=3, hosts=8).ends(fromClient)
    theirs, own = (8, 3) if fromClient else (3, 8)

    onChannel(asker, theirs, b"not-this")

    assert answerer.hears() == []
    assert asker.hears() == [(MSG_CHANNEL_FAILURE, uint32(own))]


@BOTH_WAYS
def test_refusalOnAChannelWaitsForItsTurnOnThatChannelOnly(refusing: Any, fromClient: bool) -> None:
    refusing.opened(clients=0, hosts=10)
    refusing.opened(clients=1, hosts=11)
    asker, answerer = refusing.ends(fromClient)
    base, own = (10, 0) if fromClient else (0, 10)

    onChannel(asker, base, b"first")
    onChannel(asker, base, b"not-this")
    onChannel(asker, base, b"not-this", wantReply=False)
    onChannel(asker, base + 1, b"not-this")
    assert asker.hears() == [(MSG_CHANNEL_FAILURE, uint32(own + 1))]

    answerer.says(MSG_CHANNEL_SUCCESS, uint32(own))
    success, failure = (MSG_CHANNEL_SUCCESS, uint32(own)), (MSG_CHANNEL_FAILURE, uint32(own))
    assert asker.hears() == [success, failure]


@SEEDS
def test_channelRepliesComeInTheOrderOfTheRequests(refusing: Any, seed: int) -> None:
    """
    Three channels, both directions at once.
    """
    dice = random.Random(seed)
    for number in range(3):
        refusing.opened(clients=number, hosts=number + 10)
    lanes = [(True, n, n + 10) for n in range(3)] + [(False, n + 10, n) for n in range(3)]
    expected: dict[Any, list[int]] = {lane: [] for lane in lanes}
    owed: dict[Any, list[int]] = {lane: [] for lane in lanes}
    heard: dict[Any, list[int]] = {lane: [] for lane in lanes}
    for _ in range(400):
        lane = dice.choice(lanes)
        asker, answerer = refusing.ends(lane[0])
        if owed[lane] and dice.random() < 0.5:
            answerer.says(expected[lane][owed[lane].pop(0)], uint32(lane[1]))
        else:
            passes = dice.random() < 0.5
            onChannel(asker, lane[2], b"fine" if passes else b"not-this")
            if passes:
                owed[lane].append(len(expected[lane]))
            success = passes and dice.random() < 0.6
            expected[lane].append(MSG_CHANNEL_SUCCESS if success else MSG_CHANNEL_FAILURE)
        for number, payload in asker.hears():
            if number != MSG_CHANNEL_REQUEST:
                assert payload == uint32(lane[1])
                heard[lane].append(number)
        answerer.hears()
        assert heard[lane] == expected[lane][: owed[lane][0] if owed[lane] else None]
