"""
How much has been tried.
"""

from __future__ import annotations

from collections import Counter

from attrs import define, field, frozen

from bastion.ssh.phases import Phase
from fuzzing.messages import CLIENT, HOST, NUMBERS

#: Stands among the phases of L{Phase} for what comes before all of them.
IDENTIFICATION = "identification"
PHASES = (IDENTIFICATION, *(phase.value for phase in Phase))
#: Stands among the numbers for an identification string.
LINE = -1

#: What a leg says in a key exchange.
SPOKEN = {CLIENT: (20, 21, 30), HOST: (20, 21, 31)}

_ALWAYS = frozenset({1, 2, 3, 4})
_KEY_EXCHANGE = frozenset({20, 21, *range(30, 50)})
_SESSION = frozenset(range(80, 128))
#: What does not end the connection by its number alone, as the RFCs say it.
ALLOWED = {
    CLIENT: {
        Phase.KEY_EXCHANGE: _ALWAYS | _KEY_EXCHANGE,
        Phase.SERVICE: _ALWAYS | {5, 7},
        Phase.LOGIN: _ALWAYS | {5, 50, 61},
        Phase.CONNECTION: _ALWAYS | _KEY_EXCHANGE | _SESSION | {50, 192},
    },
    HOST: {
        Phase.KEY_EXCHANGE: _ALWAYS | _KEY_EXCHANGE,
        Phase.SERVICE: _ALWAYS | {6, 7},
        Phase.LOGIN: _ALWAYS | {7, 51, 52, 53, 60},
        Phase.CONNECTION: _ALWAYS | _KEY_EXCHANGE | _SESSION | {7},
    },
}


def legal(leg: str, phase: str) -> frozenset[int]:
    """
    The numbers of what somebody may say in a phase.
    """
    if phase == IDENTIFICATION:
        return frozenset({LINE})
    allowed = ALLOWED[leg][Phase(phase)] & set(NUMBERS)
    return allowed - _KEY_EXCHANGE | allowed & set(SPOKEN[leg])


@frozen
class Share:
    """
    How many messages there have to be that are about one leg in one phase.

    @ivar total: altogether, with those on the way.
    @ivar legal: of each number that may be said then.
    @ivar other: of each that may not.
    """

    total: int
    legal: int
    other: int


@define
class Tally:
    """
    Counts messages.

    @ivar leg: whose are to be counted.
    @ivar phase: and when.
    @ivar counts: by leg, phase and number; those on the way, too.
    """

    leg: str
    phase: str
    share: Share
    counts: Counter[tuple[str, str, int]] = field(factory=Counter, init=False)

    def count(self, leg: str, phase: str, number: int) -> None:
        """
        A message was said.
        """
        self.counts[leg, phase, number] += 1

    @property
    def numbers(self) -> tuple[int, ...]:
        """
        What can be said, whether it may or not.
        """
        return (LINE, *NUMBERS) if self.phase == IDENTIFICATION else NUMBERS

    @property
    def total(self) -> int:
        """
        How many there are.
        """
        return self.counts.total()

    def missing(self) -> dict[int, int]:
        """
        The numbers that have not had their share, and how many are missing.
        """
        may = legal(self.leg, self.phase)
        least = {
            each: self.share.legal if each in may else self.share.other for each in self.numbers
        }
        counts = {each: self.counts[self.leg, self.phase, each] for each in self.numbers}
        return {each: least[each] - size for each, size in counts.items() if size < least[each]}

    @property
    def done(self) -> bool:
        """
        Whether the share is complete.
        """
        return self.total >= self.share.total and not self.missing()
