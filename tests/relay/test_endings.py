"""
L{bastion.relay.endings}: sessions that are idle, or last too long, are ended, and their
users are told before.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from bastion.relay.endings import Endings, Limits, spoken

MINUTE = 60.0
HOUR = 60 * MINUTE


class Watched:
    """
    A session.

    @ivar bytes: how many it has moved.
    @ivar happened: what became of it: when, and what.
    """

    def __init__(self, idle: float = 0, duration: float = 0) -> None:
        self.clock = Clock()
        self.bytes = 0
        self.happened: list[tuple[float, str]] = []
        self.endings = Endings(
            Limits(idle, duration), lambda: self.bytes, self._note, self._end, self.clock
        )
        self.endings.start()

    def _note(self, sentence: str) -> None:
        self.happened.append((self.clock.seconds(), sentence))

    def _end(self, reason: str, sentence: str) -> None:
        self._note(f"{reason}: {sentence}")
        self.endings.stop()

    def passes(self, seconds: float, every: float = 0) -> None:
        """
        Time passes, and data move.

        @param every: between two bytes, in seconds; 0 for none.
        """
        step = every or 1.0
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            self.bytes += bool(every)


def test_withoutLimitsNothingEnds() -> None:
    session = Watched()
    session.passes(30 * 24 * HOUR, 6 * HOUR)
    assert session.happened == []
    assert session.clock.getDelayedCalls() == []


def test_sessionEndsAfterItsTimeWithNotices() -> None:
    session = Watched(duration=12 * HOUR)
    session.passes(13 * HOUR, 30)
    end = "gateway: this session ends in {}: it may last 12 hours"
    assert session.happened == [
        (12 * HOUR - 300, end.format("5 minutes")),
        (12 * HOUR - 60, end.format("1 minute")),
        (12 * HOUR, "the session lasted for as long as it may: A session may last 12 hours."),
    ]


def test_idleSessionEndsWithNotices() -> None:
    session = Watched(idle=30 * MINUTE)
    session.passes(31 * MINUTE)
    notice = "gateway: this session ends in {}, unless something is sent: it may be idle for {}"
    assert [what for _, what in session.happened] == [
        notice.format("5 minutes", "30 minutes"),
        notice.format("1 minute", "30 minutes"),
        "the session was idle: Nothing was sent for 30 minutes.",
    ]
    # It is looked at every 60 s.
    for (when, _), said in zip(session.happened, (25, 29, 30), strict=True):
        assert said * MINUTE <= when <= (said + 1) * MINUTE


def test_dataKeepASessionAlive() -> None:
    session = Watched(idle=30 * MINUTE)
    session.passes(5 * HOUR, 24 * MINUTE)
    assert session.happened == []


def test_afterANoticeDataBeginTheTimeAnew() -> None:
    session = Watched(idle=30 * MINUTE)
    session.passes(27 * MINUTE)
    session.bytes += 1
    session.passes(25 * MINUTE)
    assert len(session.happened) == 1
    session.passes(2 * MINUTE)
    assert len(session.happened) == 2
    assert "5 minutes" in session.happened[1][1]


@pytest.mark.parametrize("idle", [MINUTE, 10 * MINUTE, 24 * HOUR])
def test_idleSessionHasItsWholeTime(idle: float) -> None:
    session = Watched(idle=idle)
    session.passes(7)
    session.bytes += 1
    session.passes(idle - 8)
    assert not any("idle:" in what for _, what in session.happened)
    session.passes(max(idle / 10, 60) + 10)
    assert any("idle:" in what for _, what in session.happened)


def test_shortLimitsAreToldHalfBefore() -> None:
    session = Watched(idle=MINUTE, duration=90)
    session.passes(MINUTE + 4)
    assert [what.partition(",")[0].partition(":")[2] for _, what in session.happened[:2]] == [
        " this session ends in 30 seconds",
        " this session ends in 45 seconds: it may last 90 seconds",
    ]


def test_whatIsOverIsNotWatched() -> None:
    session = Watched(idle=MINUTE, duration=HOUR)
    session.endings.stop()
    assert session.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (300, "5 minutes"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (86400, "1 day"),
        (30 * 86400, "30 days"),
        (0.5, "0 seconds"),
    ],
)
def test_timesAreSaidInWords(seconds: float, words: str) -> None:
    assert spoken(seconds) == words
