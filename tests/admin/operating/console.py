"""
C{bastionctl}, typed by a test.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from attrs import define

from bastion.admin import ctl


class Typed(io.StringIO):
    """
    What somebody types on a terminal.
    """

    def isatty(self) -> bool:
        """
        It is one.
        """
        return True


@define
class Said:
    """
    What a command has said.
    """

    code: int
    out: str
    err: str


def say(arguments: Sequence[str], stdin: io.StringIO) -> Said:
    """
    Do what a command line says.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    code = ctl.run(ctl.parser().parse_args(arguments), stdin, stdout, stderr)
    return Said(code, stdout.getvalue(), stderr.getvalue())
