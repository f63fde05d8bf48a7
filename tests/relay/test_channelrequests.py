"""
L{bastion.relay.channelrequests}: a refusal waits for its turn among the replies of its
channel.
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
    Malformed,
    byte,
    string,
    uint32,
)

SEEDS = pytest.mark.parametrize("seed", range(40))
BOTH_WAYS = pytest.mark.parametrize("fromClient", [True, False], ids=["client", "host"])


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


@BOTH_WAYS
def test_tooManyRequestsWithoutAReplyAreMalformed(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.opened(clients=0, hosts=0).ends(fromClient)
    for turn in range(MAX_PENDING):
        onChannel(asker, 0, b"not-this" if turn % 2 else b"fine")
    assert len(answerer.hears()) == MAX_PENDING // 2

    for name in (b"fine", b"not-this"):
        with pytest.raises(Malformed):
            onChannel(asker, 0, name)

    assert answerer.hears() == []
