"""
Sheets that were played once, as they are written: when each message was said, and that
it may be.
"""

from __future__ import annotations

from attrs import frozen

from fuzzing.play import Play
from fuzzing.sheets import Sheet


@frozen
class Recording:
    """
    A conversation.

    @ivar name: that of its sheet.
    @ivar phases: how far the speaker's leg had come at each message.
    """

    name: str
    sheet: Sheet
    phases: tuple[str, ...]

    def moments(self, leg: str, phase: str) -> list[int]:
        """
        When somebody says something in a phase, as indices of the sheet.
        """
        said = enumerate(zip(self.sheet, self.phases, strict=True))
        return [index for index, (each, when) in said if (each.by, when) == (leg, phase)]


def record(name: str, sheet: Sheet, play: Play) -> Recording:
    """
    Play a sheet.

    @raise AssertionError: when it cannot be played to its end.
    """
    phases = []
    for index, each in enumerate(sheet):
        phase = play.phase(each.by)
        assert phase is not None, f"{name}: nobody is there to say message {index}, {each}"
        phases.append(phase)
        play.says(each.by, each.number, each.payload)
    return Recording(name, sheet, tuple(phases))
