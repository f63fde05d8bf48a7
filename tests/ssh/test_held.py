"""
L{bastion.ssh.held}: in order, and not without a bound.
"""

from __future__ import annotations

import pytest

from bastion.ssh.held import MAX_HELD, Held
from bastion.wire import Malformed


def test_messagesComeOutInTheirOrderAndOnce() -> None:
    held = Held()
    messages = [(94, b"a"), (93, b""), (94, b"bc")]
    for number, payload in messages:
        held.add(number, payload)

    assert (len(held), held.bytes) == (3, 3)
    assert held.take() == messages
    assert (len(held), held.bytes, held.take()) == (0, 0, [])


def test_oneByteMoreThanMayWaitIsTooMuch() -> None:
    held = Held()
    half = bytes(MAX_HELD // 2)
    held.add(94, half)
    held.add(94, half)

    with pytest.raises(Malformed, match="too much was sent during a key exchange"):
        held.add(94, b"x")
    assert (len(held), held.bytes) == (0, 0)
