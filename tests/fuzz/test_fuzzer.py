"""
That the fuzzer notices what it is there for, says it again when it is told to, and that
the conversations it goes by are those that it is meant to alter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fuzzing.amount import Amount
from fuzzing.messages import CLIENT, HOST, NUMBERS
from fuzzing.play import Whole
from fuzzing.recording import Recording, record
from fuzzing.rounds import Round
from fuzzing.sheets import SHEETS, Said
from fuzzing.stand import Stand
from fuzzing.tally import PHASES, Share, Tally, legal
from fuzzing.watch import Fault
from twisted.logger import Logger

from bastion.auth.server import UserAuthServer
from bastion.gateway.lifecycle import Connection

NONE = Share(0, 0, 0)
SOME = range(60)


def fuzzed(
    conversations: Sequence[Recording], leg: str, phase: str, seeds: Sequence[int] = SOME
) -> Round:
    """
    Play some cases.
    """
    played = Round(0, Tally(leg, phase, NONE), conversations)
    played.run(seeds, "seed ")
    return played


# What is noticed


def wrong(*arguments: Any, **named: Any) -> Any:
    """
    A mistake of ours.
    """
    raise ZeroDivisionError


def endless(*arguments: Any) -> None:
    """
    Another one.
    """
    while True:
        pass


def talkative(self: UserAuthServer, number: int, payload: bytes) -> None:
    """
    A third one: it logs what it is sent.
    """
    Logger().debug("received {payload}", payload=payload)
    _packetReceived(self, number, payload)


def careless(self: Connection) -> None:
    """
    And one that keeps what is over.
    """
    _kept.append(self.transport)
    _record(self)


_kept: list[Any] = []
_packetReceived, _record = UserAuthServer.packetReceived, Connection.record

MISTAKES: dict[str, tuple[str, str, Any, str, str, str]] = {
    "an exception": ("bastion.ssh.extensions", "parse", wrong, HOST, "login", "for the reactor"),
    "a traceback": ("bastion.auth.exchange", "offer", wrong, CLIENT, "login", "in the log"),
    "a loop": ("bastion.ssh.extensions", "parse", endless, HOST, "login", "busy"),
    "a secret": (
        *("bastion.auth.server.UserAuthServer", "packetReceived", talkative),
        *(CLIENT, "login", "assert leaks == []"),
    ),
    "a rest": (
        *("bastion.gateway.lifecycle.Connection", "record", careless),
        *(CLIENT, "service request", "that are over these are left: {"),
    ),
}


@pytest.mark.parametrize(
    ("place", "name", "mistake", "leg", "phase", "said"), MISTAKES.values(), ids=MISTAKES
)
def test_mistakeIsNoticedAndPlayedAgain(
    conversations: Sequence[Recording],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    name: str,
    mistake: Callable[..., Any],
    leg: str,
    phase: str,
    said: str,
) -> None:
    monkeypatch.setattr("fuzzing.watch.BUSY", 0.2)
    fuzzed(conversations, leg, phase)
    monkeypatch.setattr(f"{place}.{name}", mistake)

    with pytest.raises(Fault, match=re.escape(said)) as first:
        fuzzed(conversations, leg, phase)
    again = re.search(r"seed (\d+(?:-\d+)?)$", str(first.value))
    assert again
    with pytest.raises(Fault, match=re.escape(said)):
        fuzzed(conversations, leg, phase, Amount.of(1, 0, again[1]).seeds)
    _kept.clear()


def test_messageThatIsPassedOnWithoutALoginIsNoticed() -> None:
    stand = Stand()
    with stand.open():
        play = Whole(stand)
        play.waits(1)
        client = play.peer(CLIENT)
        assert client is not None
        client.heard.append((94, b""))
        with pytest.raises(Fault, match="message 94 was passed on without a login"):
            play.waits(1)


# What is said


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("leg", [CLIENT, HOST])
def test_seedSaysTheSameAgain(conversations: Sequence[Recording], leg: str, phase: str) -> None:
    first, second = (fuzzed(conversations, leg, phase) for _ in range(2))
    other = fuzzed(conversations, leg, phase, range(60, 120))

    assert first.fingerprint.digest() == second.fingerprint.digest()
    assert first.tally.counts == second.tally.counts
    assert first.fingerprint.digest() != other.fingerprint.digest()


def test_eitherEndSpeaksInEachPhaseOfEveryConversation(conversations: Sequence[Recording]) -> None:
    assert {each.name for each in conversations} == set(SHEETS)
    for each in conversations:
        assert all(each.moments(leg, phase) for leg in (CLIENT, HOST) for phase in PHASES[2:])


def test_sheetThatCannotBePlayedIsNoRecording() -> None:
    stand = Stand()
    with stand.open(), pytest.raises(AssertionError, match="nobody is there to say message 1"):
        record("wrong", (Said(CLIENT, 90), Said(CLIENT, 5)), Whole(stand))


# How much


@pytest.mark.parametrize(
    ("seeds", "expected"), [(None, range(0)), ("17", range(17, 18)), ("3-5", range(3, 6))]
)
def test_seedsAreOneOrSome(seeds: str | None, expected: range) -> None:
    assert Amount.of(2, 5, seeds) == Amount(2, 5, expected)


def test_whatIsMissingIsNamed() -> None:
    tally = Tally(CLIENT, "login", Share(100, 3, 1))
    for number in NUMBERS:
        tally.count(CLIENT, "login", number)
        tally.count(HOST, "login", number)
    assert tally.missing() == dict.fromkeys(sorted(legal(CLIENT, "login")), 2)
    assert not tally.done
