"""
A pseudo-terminal, set up as the client asked (RFC 4254 sections 6.2 and 8).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Iterable, Iterator
from typing import Any

from twisted.conch.ttymodes import TTYMODES

#: Rows, columns, width and height in pixels.
Size = tuple[int, int, int, int]

# What Conch's table and the termios module leave out; the value is Linux's.
_MODES: dict[int, Any] = {**TTYMODES, 42: (0, "IUTF8")}
_FLAGS = {"IUTF8": 0o40000}
_DISABLED = 255
_CHUNK = 4096
_REMAINING = 256 * 1024


class Terminal:
    """
    A pseudo-terminal that no process uses yet.

    @ivar descriptors: master, slave and the slave's name, as spawnProcess
        wants them; from then on the process owns them.
    """

    def __init__(self, size: Size, modes: Iterable[tuple[int, int]]) -> None:
        master, slave = pty.openpty()
        self.descriptors = (master, slave, os.ttyname(slave))
        applyModes(slave, modes)
        resize(slave, size)

    def close(self) -> None:
        """
        Give it back; only for a terminal that no process was started on.
        """
        os.close(self.descriptors[0])
        os.close(self.descriptors[1])


def remaining(descriptor: int) -> Iterator[bytes]:
    """
    What a process that has ended has left in its terminal.  The kernel gives
    all of that before it says that there is nothing; another process may go on
    writing, so there is a limit.

    @param descriptor: the master, which does not block.
    """
    for _ in range(_REMAINING // _CHUNK):
        try:
            data = os.read(descriptor, _CHUNK)
        except OSError:
            return
        yield data


def resize(descriptor: int, size: Size) -> None:
    """
    Tell the terminal its size; the kernel tells the programs.
    """
    fitting = (min(number, 0xFFFF) for number in size)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("4H", *fitting))


def applyModes(descriptor: int, modes: Iterable[tuple[int, int]]) -> None:
    """
    Apply what of the client's terminal modes exists here.
    """
    attributes = termios.tcgetattr(descriptor)
    for mode, value in modes:
        # A mode of another system: RFC 4254 section 8 says to ignore it.
        with contextlib.suppress(AttributeError, IndexError):
            _applyMode(attributes, _MODES.get(mode), value)
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def _applyMode(attributes: list[Any], entry: Any, value: int) -> None:
    """
    Apply one mode.

    @param entry: what Conch's table has: a flag's place and name, or the name
        of a special character or of a speed, or None.
    """
    if entry is None:
        return
    if isinstance(entry, tuple):
        place, name = entry
        flag = _FLAGS.get(name) or getattr(termios, name)
        attributes[place] = attributes[place] | flag if value else attributes[place] & ~flag
    elif entry in ("ISPEED", "OSPEED"):
        attributes[4 if entry == "ISPEED" else 5] = getattr(termios, f"B{value}")
    else:
        character = 0 if value == _DISABLED else value & 0xFF
        attributes[6][getattr(termios, entry)] = bytes((character,))
