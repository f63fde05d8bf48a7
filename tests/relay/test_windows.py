"""
L{bastion.relay.windows}: room for our words, which never exceed a window, and windows
that are told piece by piece.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from bastion.relay.ceiling import ADVANCE, QUANTUM, START
from bastion.relay.channels import End
from bastion.relay.shaping import Shaping
from bastion.relay.windows import RESERVE
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
    Malformed,
    byte,
    string,
    uint32,
)

WINDOW = 2**21
MIB = 2**20


def opens(session: Any, window: int = WINDOW, type: bytes = b"session") -> int:
    """
    The client asks for the channel 0.

    @return: the window that the host is told.
    """
    payload = string(type) + uint32(0) + uint32(window) + uint32(32768)
    session.client.says(MSG_CHANNEL_OPEN, payload)
    [(number, told)] = session.host.hears()
    assert number == MSG_CHANNEL_OPEN
    head = string(type) + uint32(0)
    assert told.startswith(head)
    assert told.endswith(uint32(32768))
    return int.from_bytes(told[len(head) : len(head) + 4])


def adjusts(talker: Any, listener: Any, size: int) -> int:
    """
    An end adds to its window of the channel 0.

    @return: how much the other one is told.
    """
    talker.says(MSG_CHANNEL_WINDOW_ADJUST, uint32(0) + uint32(size))
    heard = listener.hears()
    assert {number for number, _ in heard} <= {MSG_CHANNEL_WINDOW_ADJUST}
    return sum(int.from_bytes(payload[4:]) for _, payload in heard)


# Room for our words


def test_withoutWordsWindowsCrossAsTheyAre(sessionOf: Any) -> None:
    assert opens(sessionOf()) == WINDOW


@pytest.mark.parametrize(
    ("window", "kept"), [(WINDOW, RESERVE), (2**32 - 1, RESERVE), (24_576, 3072), (7, 0), (0, 0)]
)
def test_roomForOurWordsIsKept(window: int, kept: int, sessionOf: Any) -> None:
    assert opens(sessionOf(speaks=True), window) == window - kept


def test_ofOtherChannelsNothingIsKept(sessionOf: Any) -> None:
    assert opens(sessionOf(speaks=True), type=b"direct-like") == WINDOW


def test_whatOurWordsTookIsTakenFromTheNextAdjustments(sessionOf: Any) -> None:
    session = sessionOf(speaks=True).opened()
    session.relay.teller.tellAll("x" * 98)
    session.client.hears()
    assert adjusts(session.client, session.host, 60) == 0
    assert adjusts(session.client, session.host, 60) == 20
    assert adjusts(session.client, session.host, 60) == 60


def test_roomIsThereAgainOnceItIsPaid(sessionOf: Any) -> None:
    session = sessionOf(speaks=True).opened()
    for _ in range(100):
        session.relay.teller.tellAll("x" * 98)
        assert session.client.hears() != []
        assert adjusts(session.client, session.host, 100) == 0


def test_windowIsNeverExceeded(sessionOf: Any) -> None:
    """
    The host sends as much as it may, and we say as much as we can.
    """
    window = 24_576
    session = sessionOf(speaks=True)
    told = opens(session, window)
    session.host.confirms(0, 0)
    session.client.hears()
    got, granted = 0, window
    for round_ in range(50):
        for _ in range(round_ % 4):
            session.relay.teller.tellAll("y" * 198)
        session.host.says(MSG_CHANNEL_DATA, uint32(0) + string(bytes(told)))
        for number, payload in session.client.hears():
            head = 8 if number == MSG_CHANNEL_DATA else 12
            got += len(payload) - head
        assert got <= granted
        granted += 5000
        told = adjusts(session.client, session.host, 5000)


def test_hostsAdjustmentsCrossMeanwhile(sessionOf: Any) -> None:
    session = sessionOf(speaks=True).opened()
    session.relay.teller.tellAll("x" * 98)
    session.client.hears()
    assert adjusts(session.host, session.client, 60) == 60


def test_onlyWhatIsOwedIsLookedInto(sessionOf: Any) -> None:
    session = sessionOf(speaks=True).opened()
    side = session.relay.client
    assert MSG_CHANNEL_WINDOW_ADJUST in side.passes
    session.relay.teller.tellAll("x" * 98)
    assert side.passes == {MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA}
    adjusts(session.client, session.host, 100)
    assert MSG_CHANNEL_WINDOW_ADJUST in side.passes


def test_closedChannelOwesNothing(sessionOf: Any) -> None:
    session = sessionOf(speaks=True).opened()
    session.relay.teller.tellAll("x" * 98)
    for end in (session.client, session.host):
        end.says(MSG_CHANNEL_CLOSE, uint32(0))
    assert MSG_CHANNEL_WINDOW_ADJUST in session.relay.client.passes


def test_adjustmentOfAChannelThatIsNotThereCrosses(sessionOf: Any) -> None:
    session = sessionOf(speaks=True).opened()
    session.relay.teller.tellAll("x" * 98)
    session.client.says(MSG_CHANNEL_WINDOW_ADJUST, uint32(9) + uint32(1))
    assert session.host.hears() == [(MSG_CHANNEL_WINDOW_ADJUST, uint32(9) + uint32(1))]


def test_adjustmentWithoutItsFieldsIsMalformed(sessionOf: Any) -> None:
    session = sessionOf(speaks=True).opened()
    session.relay.teller.tellAll("x" * 98)
    with pytest.raises(Malformed):
        session.client.says(MSG_CHANNEL_WINDOW_ADJUST, uint32(0))


# A limit of bandwidth


class Flow:
    """
    What a channel has of a share, in one direction.
    """

    def __init__(self, give: Any) -> None:
        self.give = give
        self.noted: list[Any] = []
        self.interactive = False

    def begin(self, window: int) -> None:
        """
        See L{bastion.relay.shaping.Flow}.
        """
        self.noted.append(("begin", window))

    def granted(self, size: int) -> None:
        """
        See L{bastion.relay.shaping.Flow}.
        """
        self.noted.append(("granted", size))

    def used(self, size: int) -> None:
        """
        See L{bastion.relay.shaping.Flow}.
        """
        self.noted.append(("used", size))

    def close(self) -> None:
        """
        See L{bastion.relay.shaping.Flow}.
        """
        self.noted.append("closed")


class Share:
    """
    A share that gives nothing by itself.

    @ivar flows: by the end that sends.
    """

    def __init__(self) -> None:
        self.flows: dict[End, Flow] = {}

    def flow(self, sender: End, give: Any) -> Flow:
        """
        See L{bastion.relay.shaping.Share}.
        """
        self.flows[sender] = Flow(give)
        return self.flows[sender]


@pytest.fixture
def limited(sessionOf: Any) -> tuple[Any, Share]:
    """
    A session with the channel 5 of the client's, 3 of the host's, and its share.
    """
    share = Share()
    session = sessionOf(share=share)
    session.client.opens(b"session", 5)
    session.host.confirms(5, 3)
    return session, share


def test_windowsAreToldPieceByPiece(limited: Any) -> None:
    session, share = limited
    [(_, wish)], [(number, confirmation)] = session.host.hears(), session.client.hears()
    assert wish == string(b"session") + uint32(5) + uint32(0) + uint32(32768)
    assert number == MSG_CHANNEL_OPEN_CONFIRMATION
    assert confirmation == uint32(5) + uint32(3) + uint32(0) + uint32(32768)
    for flow in share.flows.values():
        assert flow.noted == [("begin", WINDOW)]


@pytest.mark.parametrize(("sender", "number"), [(End.CLIENT, 5), (End.HOST, 3)])
def test_whoSendsIsGivenMore(limited: Any, sender: End, number: int) -> None:
    session, share = limited
    session.client.hears(), session.host.hears()
    share.flows[sender].give(1000)
    talker = session.client if sender is End.CLIENT else session.host
    assert talker.hears() == [(MSG_CHANNEL_WINDOW_ADJUST, uint32(number) + uint32(1000))]


def test_adjustmentsAreGrantedAndDataUsed(limited: Any) -> None:
    session, share = limited
    session.host.hears()
    session.client.says(MSG_CHANNEL_WINDOW_ADJUST, uint32(3) + uint32(77))
    assert session.host.hears() == []
    assert share.flows[End.HOST].noted[-1] == ("granted", 77)
    session.host.says(MSG_CHANNEL_DATA, uint32(5) + string(b"abc"))
    assert share.flows[End.HOST].noted[-1] == ("used", 3)
    session.host.says(MSG_CHANNEL_EXTENDED_DATA, uint32(5) + uint32(1) + string(b"abcd"))
    assert share.flows[End.HOST].noted[-1] == ("used", 4)
    assert session.relay.host.received == 7
    assert share.flows[End.CLIENT].noted[1:] == []


def shared(sessionOf: Any) -> tuple[Any, Clock]:
    """
    A session at a ceiling of 1 MiB/s, and its clock.
    """
    clock = Clock()
    return sessionOf(share=Shaping(0, clock).join(b"johnson", MIB)), clock


def passes(session: Any, size: int) -> int:
    """
    A short channel, in which the client sends so much, or what it may when that is less.

    @return: how much that is.
    """
    session.client.opens(b"direct-like", 0)
    session.host.confirms(0, 0)
    session.host.hears()
    (_, confirmation), *adjustments = session.client.hears()
    assert confirmation[8:12] == uint32(0)
    told = sum(int.from_bytes(payload[4:]) for _, payload in adjustments)
    sent = min(size, told)
    session.client.says(MSG_CHANNEL_DATA, uint32(0) + string(bytes(sent)))
    for end in (session.client, session.host):
        end.says(MSG_CHANNEL_CLOSE, uint32(0))
    session.host.hears(), session.client.hears()
    return sent


def test_whatSenderIsToldComesBehindTheConfirmation(sessionOf: Any) -> None:
    session, _ = shared(sessionOf)
    session.client.opens(b"session", 5)
    session.host.hears()
    session.host.confirms(5, 3)
    for end, number, kind in ((session.client, 5, 1), (session.host, 3, 0)):
        heard = end.hears()
        adjustments = heard[kind:]
        assert [each for each, _ in adjustments] == [MSG_CHANNEL_WINDOW_ADJUST]
        assert adjustments[0][1] == uint32(number) + uint32(START)


def test_channelThatIsToldOfNothingGetsItsWindowInItsTurn(sessionOf: Any) -> None:
    session, clock = shared(sessionOf)
    sent = [passes(session, ADVANCE) for _ in range(100)]
    assert sent[-1] == 0
    session.client.opens(b"session", 0)
    session.host.confirms(0, 0)
    assert [number for number, _ in session.client.hears()] == [MSG_CHANNEL_OPEN_CONFIRMATION]
    clock.advance((START + QUANTUM) / MIB)
    [(number, adjustment)] = session.client.hears()
    assert number == MSG_CHANNEL_WINDOW_ADJUST
    assert adjustment == uint32(0) + uint32(QUANTUM)


def test_wishThatComesToNothingTakesNothing(sessionOf: Any) -> None:
    session, _ = shared(sessionOf)
    for _ in range(1000):
        session.client.opens(b"direct-like", 0)
        session.host.says(MSG_CHANNEL_OPEN_FAILURE, uint32(0) + uint32(1) + string(b"") * 2)
    session.client.hears()
    assert passes(session, WINDOW) == START


def test_channelAfterChannelGetsNoMoreThanTheCeiling(sessionOf: Any) -> None:
    session, clock = shared(sessionOf)
    sent = 0
    for _ in range(2000):
        sent += passes(session, ADVANCE)
        clock.advance(1 / 2000)
    assert MIB / 2 < sent < MIB + 2 * START


def test_dataBeyondTheWindowsOfChannelAfterChannelAreMalformed(sessionOf: Any) -> None:
    session, _ = shared(sessionOf)
    passes(session, START)
    sent = 0
    with pytest.raises(Malformed, match="more data than the window"):
        while sent < MIB:
            sent += 1000
            session.client.opens(b"direct-like", 0)
            session.host.confirms(0, 0)
            session.client.says(MSG_CHANNEL_DATA, uint32(0) + string(bytes(5096)))
            for end in (session.client, session.host):
                end.says(MSG_CHANNEL_CLOSE, uint32(0))


def test_channelWithATerminalGoesFirst(limited: Any) -> None:
    session, share = limited
    session.client.says(MSG_CHANNEL_REQUEST, uint32(3) + string(b"pty-req") + byte(1))
    assert [flow.interactive for flow in share.flows.values()] == [True, True]


def test_flowsEndWithTheirChannel(limited: Any) -> None:
    session, share = limited
    session.client.says(MSG_CHANNEL_CLOSE, uint32(3))
    assert [flow.noted[-1] == "closed" for flow in share.flows.values()] == [False, False]
    session.host.says(MSG_CHANNEL_CLOSE, uint32(5))
    assert [flow.noted[-1] for flow in share.flows.values()] == ["closed", "closed"]


def test_shortDataAreMalformed(limited: Any) -> None:
    session, _ = limited
    with pytest.raises(Malformed):
        session.client.says(MSG_CHANNEL_DATA, uint32(3))
