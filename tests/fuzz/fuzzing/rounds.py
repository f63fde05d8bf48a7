"""
Some hundred cases, one after the other, with one gateway.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from random import Random
from unittest.mock import patch

from attrs import astuple
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from zope.interface import implementer

from bastion.algorithms import COMPATIBLE_TO_CLIENTS, COMPATIBLE_TO_HOSTS, Algorithms
from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from fuzzing.cases import HARMLESS, Case
from fuzzing.play import Play, Whole
from fuzzing.players import newPrivateKey
from fuzzing.recording import Recording, record
from fuzzing.sheets import SHEETS
from fuzzing.stand import Stand
from fuzzing.tally import Tally, legal
from fuzzing.watch import Fault

#: How many cases there are in a round.
ROUND = 200
#: How much more often some messages are what a case is about.
OFTEN = 7


class Everything(Algorithms):
    """
    All that can be spoken, on both legs.
    """

    usual = all = COMPATIBLE_TO_CLIENTS


@implementer(ISessionPolicy)
class Strict:
    """
    Refuses some of what is asked for, so that there are refusals among the replies.
    """

    refused = frozenset({b"x11-req", b"env", b"streamlocal-forward@openssh.com", b"direct-tcpip"})

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        return Verdict("not here") if request.name in self.refused else ALLOW


class Round:
    """
    One gateway, and the cases that it is to survive.

    @ivar tally: what the cases are about, and what was tried.
    @ivar fingerprint: of all that was said.
    """

    def __init__(self, number: int, tally: Tally, recordings: Sequence[Recording]) -> None:
        """
        @param number: of the round; it decides about the gateway.
        """
        self.tally = tally
        self.fingerprint = sha256()
        self._recordings = recordings
        self._chance = Random(0)
        everything = Everything(*astuple(COMPATIBLE_TO_HOSTS))
        self._stand = Stand(count=1 + number % 2, policies=(Strict(),), algorithms=everything)
        self._play: Play | None = None

    def run(self, seeds: Iterable[int], again: str) -> None:
        """
        Play cases.

        @param seeds: of the cases.
        @param again: how to have a case played again; its seed is put behind.
        @raise Fault: when the bastion has failed.
        """
        tried: list[int] = []
        with self._nothingByChance(), self._stand.open():
            for seed in seeds:
                tried.append(seed)
                try:
                    self._case(seed)
                except Exception as problem:
                    text = f"{_told(problem)}\n{self._last()}\nagain: {again}{seed}"
                    raise Fault(text) from problem
            self._play = None
            try:
                self._stand.clears()
            except Exception as problem:
                some = f"{tried[0]}-{tried[-1]}"
                text = f"behind some cases: {_told(problem)}\nagain: {again}{some}"
                raise Fault(text) from problem

    @contextmanager
    def _nothingByChance(self) -> Iterator[None]:
        """
        Let the seed of a case decide about everything.
        """

        def urandom(size: int) -> bytes:
            return self._chance.randbytes(size)

        with (
            patch("os.urandom", urandom),
            patch.object(X25519PrivateKey, "generate", newPrivateKey),
        ):
            yield

    def _case(self, seed: int) -> None:
        self._chance = Random(f"keys {seed}")
        Case(
            self._stand,
            Random(seed),
            self._recordings,
            self.tally,
            self._number(seed),
            self._begun,
        ).play()
        if self._play is not None:
            self.fingerprint.update(repr(self._play.script).encode())

    def _number(self, seed: int) -> int:
        """
        What a case is about: most often what somebody may say, and nobody chatters of.
        """
        leg, phase = self.tally.leg, self.tally.phase
        often = sorted(legal(leg, phase).difference(HARMLESS.get(phase, ())))
        numbers = (*self.tally.numbers, *often * OFTEN)
        return numbers[seed % len(numbers)]

    def _begun(self, play: Play) -> None:
        self._play = play

    def _last(self) -> str:
        """
        What was said last.
        """
        if self._play is None or not self._play.script:
            return "nothing was said"
        leg, number, payload = self._play.script[-1]
        return f"behind message {number} of the {leg}: {payload.hex()[:400]}"


def _told(problem: Exception) -> str:
    """
    What went wrong, and where it was found.
    """
    return "".join(traceback.format_exception(problem, limit=-1))


def recordings() -> list[Recording]:
    """
    Every sheet, played once.

    @raise AssertionError: when one cannot be, or is no login.
    """
    made, stand = [], Stand()
    with stand.open():
        for name, sheet in SHEETS.items():
            play = Whole(stand)
            made.append(record(name, sheet, play))
            play.ends()
        # It knows everybody.
        del play
        assert len(stand.site.named("login.accepted")) == len(SHEETS)
        stand.clears()
    return made
