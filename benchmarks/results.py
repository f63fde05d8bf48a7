"""
What a run has found, as values and as JSON (pure).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import asdict, define, field, frozen

FORMAT = 1


class NotResults(ValueError):
    """
    A text that is not the results of a run.
    """


@frozen
class LeftOut:
    """
    A peer, or a figure of a peer, that was not measured.
    """

    what: str
    reason: str


@define
class Results:
    """
    The numbers of a run.

    @ivar about: the machine, the versions and the sizes, by what they are.
    @ivar peers: what each peer is, by its name.
    @ivar samples: by peer and measure, one number a round.
    @ivar disturbance: for each sample, how many cores were busy with what does
        not belong to the run.
    """

    about: dict[str, str]
    peers: dict[str, str] = field(factory=dict)
    samples: dict[str, dict[str, list[float]]] = field(factory=dict)
    leftOut: list[LeftOut] = field(factory=list)
    disturbance: list[float] = field(factory=list)

    def add(self, peer: str, numbers: Mapping[str, float]) -> None:
        """
        Note what one round of a figure gave.

        @param numbers: by measure.
        """
        for measure, number in numbers.items():
            self.samples.setdefault(peer, {}).setdefault(measure, []).append(number)

    def omit(self, what: str, reason: str) -> None:
        """
        Note that something was not measured; once.
        """
        omitted = LeftOut(what, reason)
        if omitted not in self.leftOut:
            self.leftOut.append(omitted)

    def toJSON(self) -> str:
        """
        As a text that L{fromJSON} reads.
        """
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"


def fromJSON(text: str) -> Results:
    """
    Read what L{Results.toJSON} has written.

    @raise NotResults: when the text is something else.
    """
    try:
        values = json.loads(text)
        if values.pop("format") != FORMAT:
            raise NotResults("the results of another version")
        omitted = [LeftOut(**each) for each in values.pop("leftOut")]
        return Results(**values, leftOut=omitted)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotResults(f"not the results of a run: {error}") from error
