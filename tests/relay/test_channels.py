"""
L{bastion.relay.channels}: which channels there are, and which replies are owed.
"""

from __future__ import annotations

import random

import pytest

from bastion.relay.channels import (
    MAX_CHANNELS,
    MAX_PENDING,
    Channel,
    Channels,
    End,
    PendingReplies,
    TooManyChannels,
)
from bastion.wire import Malformed

CLIENT, HOST = End.CLIENT, End.HOST
SEEDS = range(20)


def opened(channels: Channels, opener: End, number: int, answer: int) -> Channel:
    """
    A channel that both ends agree on.
    """
    channels.wanted(opener, number, b"session")
    return channels.confirmed(opener.other, number, answer)


def test_eachEndIsTheOtherOfItsOther() -> None:
    assert [end.other for end in End] == [HOST, CLIENT]


# Pending replies


def test_refusalIsSentAtOnceWhenNothingIsPending() -> None:
    assert PendingReplies().refused()


def test_refusalWaitsForItsTurn() -> None:
    replies = PendingReplies()
    replies.passed("first")
    assert not replies.refused()
    replies.passed("second")
    assert not replies.refused()
    assert not replies.refused()
    assert replies.answered() == ("first", 1)
    assert replies.answered() == ("second", 2)
    assert replies.refused()


def test_refusalIsSentAtOnceWhenAllIsAnswered() -> None:
    replies = PendingReplies()
    replies.passed("first")
    replies.answered()
    assert replies.refused()


def test_replyThatNobodyIsOwedAnswersNothing() -> None:
    replies = PendingReplies()
    assert replies.answered() == (None, 0)
    replies.passed("later")
    assert replies.answered() == ("later", 0)


def test_soManyRepliesMayBePendingAndNotOneMore() -> None:
    replies = PendingReplies()
    for number in range(MAX_PENDING - 1):
        replies.passed(number)
    replies.refused()
    for onceMore in (lambda: replies.passed("one more"), replies.refused):
        with pytest.raises(Malformed, match=r"^too many requests without a reply$"):
            onceMore()
    assert replies.answered() == (0, 0)
    replies.passed("now there is a place")


@pytest.mark.parametrize("seed", SEEDS)
def test_askerIsAnsweredInTheOrderOfItsRequests(seed: int) -> None:
    """
    And a refusal never stands first: while nothing is on its way to the other
    end, everything is answered.
    """
    chance = random.Random(seed)
    replies = PendingReplies()
    asked: list[int | None] = []  # None where we refuse
    heard: list[int | None] = []
    for number in range(500):
        what = chance.choice(("pass", "refuse", "answer"))
        if what == "pass":
            replies.passed(number)
            asked.append(number)
        elif what == "refuse":
            asked.append(None)
            heard += [None] * replies.refused()
        elif set(asked[len(heard) :]) - {None}:
            request, refusals = replies.answered()
            heard += [request] + [None] * refusals
        assert heard == asked[: len(heard)]
        if len(heard) < len(asked):
            assert asked[len(heard)] is not None


# Channels


@pytest.mark.parametrize("opener", End)
def test_channelIsFoundByTheNumberOfEitherEndOnceItIsConfirmed(opener: End) -> None:
    channels = Channels()
    channels.wanted(opener, 3, b"direct-tcpip", "host:80")
    assert channels.at(opener, 3) is None
    channel = channels.confirmed(opener.other, 3, 7)
    assert (channel.type, channel.opener, channel.target) == (b"direct-tcpip", opener, "host:80")
    assert channel.numbers == {opener: 3, opener.other: 7}
    assert channels.at(opener, 3) is channels.at(opener.other, 7) is channel
    assert channels.at(opener, 7) is channels.at(opener.other, 3) is None


def test_bothEndsMayUseTheSameNumber() -> None:
    channels = Channels()
    channels.wanted(CLIENT, 0, b"session")
    channels.wanted(HOST, 0, b"x11")
    assert channels.confirmed(HOST, 0, 1).type == b"session"
    assert channels.confirmed(CLIENT, 0, 1).type == b"x11"
    assert [channels.at(CLIENT, number) for number in (0, 1)] == [
        channels.at(HOST, 1),
        channels.at(HOST, 0),
    ]


@pytest.mark.parametrize("opener", End)
def test_failedWishFreesItsNumber(opener: End) -> None:
    channels = Channels()
    channels.wanted(opener, 3, b"session")
    assert channels.failed(opener.other, 3).type == b"session"
    assert len(channels) == 0
    opened(channels, opener, 3, 0)


@pytest.mark.parametrize("first", End)
def test_numbersAreFreeWhenBothEndsHaveClosed(first: End) -> None:
    channels = Channels()
    channel = opened(channels, CLIENT, 3, 7)
    channels.closed(first, channel.numbers[first.other])
    assert channels.at(CLIENT, 3) is channels.at(HOST, 7) is channel
    channels.closed(first.other, channel.numbers[first])
    assert channels.at(CLIENT, 3) is channels.at(HOST, 7) is None
    assert len(channels) == 0
    opened(channels, HOST, 7, 3)


def test_closingTwiceDoesNotCloseForTheOtherEnd() -> None:
    channels = Channels()
    opened(channels, CLIENT, 3, 7)
    channels.closed(CLIENT, 7)
    channels.closed(CLIENT, 7)
    assert channels.at(HOST, 7) is not None


def test_closingWhatIsNotThereDoesNothing() -> None:
    channels = Channels()
    channels.wanted(CLIENT, 3, b"session")
    channels.closed(HOST, 3)
    channels.closed(CLIENT, 3)
    assert len(channels) == 1


@pytest.mark.parametrize("end", End)
def test_numberThatIsTakenCannotBeWanted(end: End) -> None:
    channels = Channels()
    opened(channels, end, 1, 2)
    opened(channels, end.other, 3, 4)
    channels.wanted(end, 5, b"session")
    for number in (1, 4, 5):
        with pytest.raises(Malformed, match=rf"^channel {number} exists$"):
            channels.wanted(end, number, b"session")
    channels.wanted(end, 2, b"session")


def test_nothingCanBeConfirmedOrRefusedThatNobodyWanted() -> None:
    channels = Channels()
    opened(channels, CLIENT, 3, 7)
    channels.wanted(CLIENT, 4, b"session")
    for by, recipient in ((HOST, 3), (HOST, 5), (CLIENT, 4), (CLIENT, 7)):
        with pytest.raises(Malformed, match=r"^a confirmation of a channel that nobody wanted$"):
            channels.confirmed(by, recipient, 9)
        with pytest.raises(Malformed, match=r"^a refusal of a channel that nobody wanted$"):
            channels.failed(by, recipient)


def test_openNumberCannotBeGivenToAnotherChannel() -> None:
    channels = Channels()
    opened(channels, CLIENT, 3, 7)
    channels.wanted(CLIENT, 4, b"session")
    with pytest.raises(Malformed):
        channels.confirmed(HOST, 4, 7)


def test_wantedNumberCannotBeGivenToAnotherChannel() -> None:
    """
    Or that channel is hidden by the other once both are open, and never freed.
    """
    channels = Channels()
    channels.wanted(HOST, 0, b"x11")
    channels.wanted(CLIENT, 5, b"session")
    with pytest.raises(Malformed):
        channels.confirmed(HOST, 5, 0)


def test_soManyChannelsThereMayBeAndNotOneMore() -> None:
    channels = Channels()
    for number in range(MAX_CHANNELS - 2):
        opened(channels, CLIENT, number, number)
    channels.wanted(CLIENT, 1000, b"session")
    channels.wanted(HOST, 1000, b"x11")
    assert len(channels) == MAX_CHANNELS
    for end in End:
        with pytest.raises(TooManyChannels):
            channels.wanted(end, 1001, b"session")
    channels.failed(CLIENT, 1000)
    channels.wanted(CLIENT, 1001, b"session")


def test_eachChannelHasRepliesOfItsOwnForEachEnd() -> None:
    channels = Channels()
    one, two = opened(channels, CLIENT, 0, 0), opened(channels, CLIENT, 1, 1)
    one.pending[CLIENT].passed("pty-req")
    assert one.pending[HOST].refused()
    assert two.pending[CLIENT].refused()
    assert not one.pending[CLIENT].refused()
