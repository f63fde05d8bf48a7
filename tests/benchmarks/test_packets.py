"""
Tests of L{benchmarks.packets}.
"""

from __future__ import annotations

import pytest

from bastion.ssh.ciphers import PacketCipher
from benchmarks.packets import BULK, KEY, measured, pair, plainSize, suites


@pytest.mark.parametrize(("cipher", "mac"), suites())
def test_everySuiteOpensWhatItSeals(cipher: bytes, mac: bytes) -> None:
    """
    Or it would be the wrong thing that is measured.
    """
    assert measured(cipher, mac, KEY, rounds=2).size == KEY


@pytest.mark.parametrize(("cipher", "mac"), suites())
@pytest.mark.parametrize("payload", [KEY, BULK])
def test_plainIsPaddedForItsCipher(cipher: bytes, mac: bytes, payload: int) -> None:
    sealing: PacketCipher = pair(cipher, mac)[0]
    size = plainSize(sealing, payload)
    assert (size + sealing.aligned) % sealing.blockSize == 0
    assert 4 <= size - 1 - payload < 4 + sealing.blockSize
