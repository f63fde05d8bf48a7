"""
A pseudo-terminal, set up as the client asked.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Iterator

import pytest
from twisted.internet.fdesc import setNonBlocking

from bastion.lab.terminal import Terminal, applyModes, remaining, resize


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """
    A terminal of 24 rows and 80 columns.
    """
    terminal = Terminal((24, 80, 0, 0), [])
    yield terminal
    terminal.close()


def sizeOf(descriptor: int) -> tuple[int, ...]:
    """
    What the kernel says.
    """
    return struct.unpack("4H", fcntl.ioctl(descriptor, termios.TIOCGWINSZ, b"\0" * 8))


def test_hasTheSizeAndTheName(terminal: Terminal) -> None:
    master, slave, name = terminal.descriptors
    assert sizeOf(slave) == (24, 80, 0, 0)
    assert name == os.ttyname(slave)
    resize(master, (50, 132, 640, 480))
    assert sizeOf(slave) == (50, 132, 640, 480)


def test_aSizeOutOfThisWorldIsCut(terminal: Terminal) -> None:
    resize(terminal.descriptors[0], (1 << 20, 1 << 31, 0, 0))
    assert sizeOf(terminal.descriptors[1])[:2] == (65535, 65535)


def test_closingGivesBothEndsBack() -> None:
    terminal = Terminal((24, 80, 0, 0), [])
    terminal.close()
    for descriptor in terminal.descriptors[:2]:
        with pytest.raises(OSError):
            os.fstat(descriptor)


# Mode, value, place in what termios gives, mask and what is expected there.
@pytest.mark.parametrize(
    ("mode", "value", "place", "mask", "expected"),
    [
        (53, 0, 3, termios.ECHO, 0),
        (53, 1, 3, termios.ECHO, termios.ECHO),
        (36, 0, 0, termios.ICRNL, 0),
        (42, 1, 0, 0o40000, 0o40000),
        (42, 0, 0, 0o40000, 0),
        (72, 0, 1, termios.ONLCR, 0),
    ],
)
def test_flagsAreApplied(
    terminal: Terminal, mode: int, value: int, place: int, mask: int, expected: int
) -> None:
    slave = terminal.descriptors[1]
    applyModes(slave, [(mode, value)])
    assert termios.tcgetattr(slave)[place] & mask == expected


def test_charactersAreAppliedAndSwitchedOff(terminal: Terminal) -> None:
    slave = terminal.descriptors[1]
    applyModes(slave, [(1, 7), (5, 255)])
    characters = termios.tcgetattr(slave)[6]
    assert characters[termios.VINTR] == b"\x07"
    assert characters[termios.VEOF] == b"\0"


def test_speedsAreApplied(terminal: Terminal) -> None:
    slave = terminal.descriptors[1]
    applyModes(slave, [(128, 9600), (129, 9600)])
    assert termios.tcgetattr(slave)[4:6] == [termios.B9600, termios.B9600]


def test_whatDoesNotExistHereIsIgnored(terminal: Terminal) -> None:
    slave = terminal.descriptors[1]
    applyModes(slave, [(0, 1), (11, 3), (60_000, 1), (129, 12_345), (53, 0)])
    assert not termios.tcgetattr(slave)[3] & termios.ECHO


def test_whatWasLeftIsReadToTheEnd(terminal: Terminal) -> None:
    master, slave, _ = terminal.descriptors
    setNonBlocking(master)
    os.write(slave, b"left\n")
    assert b"".join(remaining(master)) == b"left\r\n"
    assert list(remaining(master)) == []
