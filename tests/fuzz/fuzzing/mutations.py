"""
What becomes of a payload when somebody is careless, or means harm (pure).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from attrs import frozen

#: What a length or a count says that is not so.
_LIES = (0, 1, 2, 4, 255, 256, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFB, 0xFFFF_FFFF)
#: What stands where something else is expected.
_WORDS = (
    b"",
    b",",
    b",,none,",
    b"\0",
    b"none",
    b"password",
    b"keyboard-interactive",
    b"publickey",
    b"ssh-userauth",
    b"ssh-connection",
    b"tcpip-forward",
    b"cancel-tcpip-forward",
    b"forwarded-tcpip",
    b"direct-tcpip",
    b"auth-agent@openssh.com",
    b"keepalive@openssh.com",
    b"\xff\xfe\xc0\x80",
    b"\x1b]0;title\x07\r\n",
    b"{log_failure} {0} %s %n",
    b"../../etc/passwd",
    "\u202e\u0000é".encode(),
    bytes(257),
    b"x" * 4000,
)
#: Beyond what a packet may have before the login, and after it.
_TOO_LONG = (36_000, 270_000)
_LONG_IS_RARE = 0.004

Mutation = Callable[[Random, bytes], bytes]


def bitFlipped(dice: Random, data: bytes) -> bytes:
    """
    One bit is another.
    """
    return _with(data, dice.randrange(len(data)), lambda byte: byte ^ 1 << dice.randrange(8))


def byteReplaced(dice: Random, data: bytes) -> bytes:
    """
    One byte is another.
    """
    new = dice.choice((0, 1, 127, 128, 255, dice.randrange(256)))
    return _with(data, dice.randrange(len(data)), lambda byte: new)


def _with(data: bytes, at: int, change: Callable[[int], int]) -> bytes:
    return data[:at] + bytes((change(data[at]),)) + data[at + 1 :]


def truncated(dice: Random, data: bytes) -> bytes:
    """
    The end is missing.
    """
    return data[: dice.randrange(len(data))]


def extended(dice: Random, data: bytes) -> bytes:
    """
    There is something behind it.
    """
    return data + dice.randbytes(dice.choice((1, 4, 30)))


def repeated(dice: Random, data: bytes) -> bytes:
    """
    A part stands there several times.
    """
    start, end = sorted((dice.randrange(len(data)), dice.randrange(len(data)) + 1))
    return data[:end] + data[start:end] * dice.choice((1, 1, 2, 20)) + data[end:]


def shortened(dice: Random, data: bytes) -> bytes:
    """
    A part is missing.
    """
    start, end = sorted((dice.randrange(len(data)), dice.randrange(len(data)) + 1))
    return data[:start] + data[end:]


def lengthLied(dice: Random, data: bytes) -> bytes:
    """
    A length is wrong.
    """
    lengths = _lengths(data)
    if not lengths:
        return bitFlipped(dice, data)
    at, size = dice.choice(lengths)
    rest = len(data) - at - 4
    lie = dice.choice((*_LIES, max(0, size - 1), size + 1, rest, rest + 1))
    return data[:at] + lie.to_bytes(4, "big") + data[at + 4 :]


def numberReplaced(dice: Random, data: bytes) -> bytes:
    """
    Four bytes, wherever they stand, are an unlikely number.
    """
    at = dice.randrange(max(1, len(data) - 3))
    return data[:at] + dice.choice(_LIES).to_bytes(4, "big") + data[at + 4 :]


def wordReplaced(dice: Random, data: bytes) -> bytes:
    """
    A string is another one, with its right length.
    """
    lengths = [(at, size) for at, size in _lengths(data) if size]
    if not lengths:
        return extended(dice, data)
    at, size = dice.choice(lengths)
    word = dice.choice(_WORDS)
    return data[:at] + len(word).to_bytes(4, "big") + word + data[at + 4 + size :]


def _lengths(data: bytes) -> list[tuple[int, int]]:
    """
    Where the lengths of strings seem to be, and what they say.
    """
    found, at = [], 0
    while at < len(data) - 3:
        size = int.from_bytes(data[at : at + 4], "big")
        if size > len(data) - at - 4:
            at += 1
            continue
        found.append((at, size))
        at += 4 + size
    return found


def garbage(dice: Random, data: bytes) -> bytes:
    """
    Nothing of it is left.
    """
    return dice.randbytes(dice.choice((0, 1, 3, 4, 5, 8, 20, 100, 300)))


_MUTATIONS: tuple[Mutation, ...] = (
    *(bitFlipped, bitFlipped, byteReplaced, truncated, extended, repeated, shortened),
    *(lengthLied, lengthLied, numberReplaced, wordReplaced, wordReplaced, garbage),
)


def valueReplaced(dice: Random, data: bytes) -> bytes:
    """
    Four bytes that are no length are an unlikely number.
    """
    at = dice.randrange(max(1, len(data) - 3))
    if any(size and abs(at - place) < 4 for place, size in _lengths(data)):
        return extended(dice, data)
    return data[:at] + dice.choice(_LIES).to_bytes(4, "big") + data[at + 4 :]


#: What leaves a message one that can be read.
_GENTLE: tuple[Mutation, ...] = (wordReplaced, wordReplaced, valueReplaced, valueReplaced, extended)


@frozen
class Mutator:
    """
    Alters payloads.

    @ivar others: payloads to take a part of.
    """

    dice: Random
    others: Sequence[bytes]

    def mutated(self, data: bytes) -> bytes:
        """
        Another payload, most often nearly the same.
        """
        dice = self.dice
        if dice.random() < _LONG_IS_RARE:
            return data + bytes(dice.choice(_TOO_LONG))
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            data = self._once(data)
        return data

    def gently(self, data: bytes) -> bytes:
        """
        Another payload that can be read, most often.
        """
        mutation = self.dice.choice(_GENTLE)
        return mutation(self.dice, data) if data else self.dice.randbytes(4)

    def _once(self, data: bytes) -> bytes:
        dice = self.dice
        if dice.random() < 0.1:
            other = dice.choice(self.others)
            return data[: dice.randrange(len(data) + 1)] + other[dice.randrange(len(other) + 1) :]
        mutation = dice.choice(_MUTATIONS)
        return mutation(dice, data) if data else extended(dice, data)
