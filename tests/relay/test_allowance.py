"""
L{bastion.relay.allowance}: the channels of a connection have places among those of others,
from when they are asked for until they are gone, whichever way that is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define

from bastion.relay.allowance import UNLIMITED, Unlimited
from bastion.relay.channels import MAX_CHANNELS, Channels, End, TooManyChannels
from bastion.relay.pair import Relay
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_FAILURE,
    OPEN_RESOURCE_SHORTAGE,
    Malformed,
    openFailure,
    string,
    uint32,
)

CLIENT, HOST = End.CLIENT, End.HOST
BOTH_WAYS = pytest.mark.parametrize("fromClient", [True, False], ids=["client", "host"])
SEEDS = range(20)
#: What the client may open, and the host.
WISHES = {
    True: (b"session", b""),
    False: (b"forwarded-tcpip", string(b"") + uint32(8080) + string(b"192.0.2.9") + uint32(9)),
}
FULL = "As many channels are open as there may be."


class Allowance:
    """
    So many channels, and not one more.

    @ivar taken: how many there are.
    @ivar left: whether the connection is over.
    """

    def __init__(self, most: int = MAX_CHANNELS) -> None:
        self._most = most
        self.taken = 0
        self.left = False

    def refusal(self) -> str | None:
        """
        See L{bastion.relay.allowance.Allowance}.
        """
        return FULL if self.taken >= self._most else None

    def began(self) -> None:
        """
        See L{bastion.relay.allowance.Allowance}.
        """
        assert not self.left
        self.taken += 1

    def ended(self) -> None:
        """
        See L{bastion.relay.allowance.Allowance}.
        """
        assert not self.left
        assert self.taken
        self.taken -= 1

    def over(self) -> None:
        """
        See L{bastion.relay.allowance.Allowance}.
        """
        assert not self.left
        self.left = True
        self.taken = 0


@define
class Limited:
    """
    A session with an allowance, whose client has asked for a port to be forwarded.
    """

    session: Any
    allowance: Allowance

    def asks(self, fromClient: bool, number: int) -> bytes:
        """
        An end asks for a channel that it may open.

        @return: the payload that was sent.
        """
        type, data = WISHES[fromClient]
        payload: bytes = self.session.ends(fromClient)[0].opens(type, number, data)
        return payload


@pytest.fixture
def limited(sessionOf: Any) -> Callable[[int], Limited]:
    """
    Makes a session that is limited to so many channels.
    """

    def make(most: int) -> Limited:
        allowance = Allowance(most)
        session = sessionOf(allowance=allowance)
        session.client.asks(b"tcpip-forward", False, string(b"") + uint32(8080))
        session.host.hears()
        return Limited(session, allowance)

    return make


# Who asks, and is refused


@BOTH_WAYS
def test_channelWithoutAPlaceIsRefusedWithTheSentence(limited: Any, fromClient: bool) -> None:
    it = limited(2)
    talker, listener = it.session.ends(fromClient)
    wishes = [it.asks(fromClient, number) for number in range(2)]

    it.asks(fromClient, 2)

    assert listener.hears() == [(MSG_CHANNEL_OPEN, wish) for wish in wishes]
    refused = openFailure(2, OPEN_RESOURCE_SHORTAGE, FULL)
    assert talker.hears() == [(MSG_CHANNEL_OPEN_FAILURE, refused)]
    assert it.session.told == [("refused", WISHES[fromClient][0], FULL)]
    assert it.allowance.taken == 2


def test_bothEndsHaveTheSamePlaces(limited: Any) -> None:
    it = limited(2)
    it.asks(True, 0)
    it.asks(False, 0)

    for fromClient in (True, False):
        it.asks(fromClient, 1)

    refused = [("refused", type, FULL) for type in (b"session", b"forwarded-tcpip")]
    assert it.session.told == refused


def test_whatAPolicyRefusesTakesNoPlace(limited: Any) -> None:
    it = limited(1)
    it.session.host.opens(b"session", 0)
    assert [what for what, *_ in it.session.told] == ["refused"]
    assert it.allowance.taken == 0


def test_limitOfTheConnectionIsToldFirst() -> None:
    channels = Channels(1, Allowance(1))
    channels.wanted(CLIENT, 0, b"session")
    with pytest.raises(TooManyChannels, match=r"^no more than 1 open channels are allowed$"):
        channels.wanted(CLIENT, 1, b"session")


def test_refusedByTheConnectionTakesNoPlace() -> None:
    allowance = Allowance()
    channels = Channels(1, allowance)
    channels.wanted(CLIENT, 0, b"session")
    with pytest.raises(TooManyChannels):
        channels.wanted(CLIENT, 1, b"session")
    assert allowance.taken == 1


def test_wishThatIsMalformedTakesNoPlace() -> None:
    allowance = Allowance()
    channels = Channels(MAX_CHANNELS, allowance)
    channels.wanted(CLIENT, 0, b"session")
    with pytest.raises(Malformed):
        channels.wanted(CLIENT, 0, b"session")
    assert allowance.taken == 1


def test_channelOfTooSmallPacketsTakesNoPlace(limited: Any) -> None:
    it = limited(1)
    wish = string(b"session") + uint32(0) + uint32(9) + uint32(1)
    it.session.client.says(MSG_CHANNEL_OPEN, wish)
    assert it.allowance.taken == 0


# How a place is given back


@BOTH_WAYS
def test_placeOfAChannelThatCouldNotBeOpenedIsFree(limited: Any, fromClient: bool) -> None:
    it = limited(1)
    _, listener = it.session.ends(fromClient)
    it.asks(fromClient, 0)
    assert it.allowance.taken == 1

    listener.says(MSG_CHANNEL_OPEN_FAILURE, openFailure(0, 2, ""))

    assert it.allowance.taken == 0
    listener.hears()
    wish = it.asks(fromClient, 0)
    assert listener.hears() == [(MSG_CHANNEL_OPEN, wish)]


@BOTH_WAYS
def test_placeIsFreeWhenBothEndsHaveClosed(limited: Any, fromClient: bool) -> None:
    it = limited(1)
    first, second = it.session.ends(fromClient)
    it.session.opened(3, 3)
    for _ in range(2):
        first.says(MSG_CHANNEL_EOF, uint32(3))
        first.says(MSG_CHANNEL_CLOSE, uint32(3))
        assert it.allowance.taken == 1

    for _ in range(2):
        second.says(MSG_CHANNEL_CLOSE, uint32(3))
        assert it.allowance.taken == 0

    it.session.opened(3, 3)
    assert it.allowance.taken == 1


def test_closingWhatIsBeingOpenedGivesNothingBack(limited: Any) -> None:
    it = limited(1)
    it.asks(True, 3)
    for end in (it.session.client, it.session.host):
        end.says(MSG_CHANNEL_CLOSE, uint32(3))
    assert it.allowance.taken == 1


@pytest.mark.parametrize("state", ["wanted", "open", "half closed", "wrongly confirmed"])
def test_connectionThatIsOverHasNoPlaces(state: str) -> None:
    """
    What an end says behind its end takes none, and gives none back.
    """
    allowance = Allowance()
    channels = Channels(MAX_CHANNELS, allowance)
    for number in range(2):
        channels.wanted(CLIENT, number, b"session")
    if state != "wanted":
        channels.confirmed(HOST, 0, 0)
    if state == "half closed":
        channels.closed(CLIENT, 0)
    if state == "wrongly confirmed":
        with pytest.raises(Malformed):
            channels.confirmed(HOST, 1, 0)
    assert allowance.taken == 2

    for _ in range(2):
        channels.leave()
    assert allowance.taken == 0

    channels.wanted(HOST, 9, b"x11")
    channels.failed(CLIENT, 9)
    for end in End:
        channels.closed(end, 0)
    assert (allowance.taken, allowance.left) == (0, True)


def step(chance: random.Random, channels: Channels) -> None:
    """
    Let one end say something.
    """
    end, one, two = chance.choice(list(End)), chance.randrange(6), chance.randrange(6)
    match chance.randrange(4):
        case 0:
            channels.wanted(end, one, b"session")
        case 1:
            channels.confirmed(end, one, two)
        case 2:
            channels.failed(end, one)
        case 3:
            channels.closed(end, one)


@pytest.mark.parametrize("seed", SEEDS)
def test_walkAtRandomHasAsManyPlacesAsChannels(seed: int) -> None:
    """
    Until an end breaks the rules, and the connection is over.
    """
    chance = random.Random(seed)
    most = refusals = 0
    for _ in range(200):
        allowance = Allowance(3)
        channels = Channels(MAX_CHANNELS, allowance)
        while not allowance.left:
            try:
                step(chance, channels)
            except TooManyChannels:
                assert allowance.taken == 3
                refusals += 1
            except Malformed:
                if chance.random() < 0.1 or len(channels) != allowance.taken:
                    channels.leave()
                    break
            assert len(channels) == allowance.taken
            most = max(most, allowance.taken)
        assert allowance.taken == 0
    assert most == 3
    assert refusals


# Where nothing is limited


def test_unlessItIsSaidNothingIsLimitedNorCounted(limited: Any, session: Any) -> None:
    channels = session.relay.channels
    assert channels._allowance is UNLIMITED
    assert Relay(session.relay.adapter, session).channels == Channels()
    unlimited = Unlimited()
    for _ in range(3):
        unlimited.began()
    unlimited.ended()
    unlimited.over()
    assert unlimited.refusal() is None
    assert vars(unlimited) == {}
