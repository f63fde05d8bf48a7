"""
L{bastion.ssh.groups}: the groups are those of the standard, and no value that
gives a secret away is taken.
"""

from __future__ import annotations

import warnings
from hashlib import sha256, sha512

import pytest
from cryptography.hazmat.primitives.asymmetric import dh
from twisted.conch.ssh import _kex
from twisted.conch.ssh import transport as conch
from twisted.conch.ssh.common import MP

from bastion.ssh import groups
from bastion.ssh.groups import GROUP_14, GROUP_16, GROUP_18, METHODS, primeFor, publicValue
from bastion.wire import Malformed

#: Size in bits and what is added to the digits of pi (RFC 3526 sections 3, 5 and 7).
STANDARD = {GROUP_14: (2048, 124476), GROUP_16: (4096, 240904), GROUP_18: (8192, 4743158)}
IDS = ["14", "16", "18"]


def pi(bits: int) -> int:
    """
    So many bits of pi behind the point, and those before it; by Machin's formula.
    """
    guard = 64
    one = 1 << (bits + guard)

    def arctanOfInverse(number: int) -> int:
        power = total = one // number
        divisor, sign = 1, 1
        while power:
            power //= number * number
            divisor, sign = divisor + 2, -sign
            total += sign * (power // divisor)
        return total

    return 4 * (4 * arctanOfInverse(5) - arctanOfInverse(239)) >> guard


# The groups


@pytest.mark.parametrize("prime", STANDARD, ids=IDS)
def test_primeIsTheOneOfTheStandard(prime: int) -> None:
    size, added = STANDARD[prime]
    middle = pi(size - 130) + added

    assert prime == 2**size - 2 ** (size - 64) - 1 + 2**64 * middle


@pytest.mark.parametrize("prime", STANDARD, ids=IDS)
def test_primeIsSafe(prime: int) -> None:
    """
    Half of it is a prime too, as far as Fermat can tell, and is the order of 2:
    from this it follows that C{prime} is one (Pocklington).
    """
    half = prime // 2
    assert pow(3, half - 1, half) == 1
    assert pow(2, half, prime) == 1


@pytest.mark.parametrize(
    ("name", "size", "hashed"),
    [
        (b"diffie-hellman-group14-sha256", 2048, sha256),
        (b"diffie-hellman-group16-sha512", 4096, sha512),
        (b"diffie-hellman-group18-sha512", 8192, sha512),
    ],
)
def test_conchKnowsTheMethods(name: bytes, size: int, hashed: object) -> None:
    groups.register()

    assert _kex.isFixedGroup(name)
    assert not _kex.isEllipticCurve(name)
    assert not _kex.isDynamicPrimesGroup(name)
    assert _kex.getHashProcessor(name) is hashed
    generator, prime = _kex.getDHGeneratorAndPrime(name)
    assert (generator, prime.bit_length()) == (2, size)


def test_whatConchKnowsItselfStaysAsItIs(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {b"curve25519-sha256": object(), b"diffie-hellman-group16-sha512": object()}
    monkeypatch.setattr(_kex, "_kexAlgorithms", dict(known))

    groups.register()

    assert _kex._kexAlgorithms.keys() == known.keys() | METHODS.keys()
    assert {name: _kex._kexAlgorithms[name] for name in known} == known


def test_conchOffersThemToNobodyByItself() -> None:
    for each in (conch.SSHServerTransport, conch.SSHClientTransport):
        assert METHODS.keys().isdisjoint(each.supportedKeyExchanges)


def test_nobodyIsWarnedOfThem() -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        groups.register()
        dh.DHParameterNumbers(GROUP_14, 2).parameters().generate_private_key()
        assert warned == []
        warnings.warn("anything else", DeprecationWarning, stacklevel=1)
    assert len(warned) == 1


# A group by its size


@pytest.mark.parametrize(
    ("sizes", "prime"),
    [
        ((2048, 2048, 2048), GROUP_14),
        ((1024, 1024, 8192), GROUP_14),
        ((1024, 2048, 8192), GROUP_14),
        ((1024, 2049, 8192), GROUP_16),
        ((2048, 3072, 8192), GROUP_16),
        ((2048, 4096, 4096), GROUP_16),
        ((2049, 2049, 4096), GROUP_16),
        ((1024, 4097, 8192), GROUP_18),
        ((4097, 8192, 8192), GROUP_18),
        ((0, 2**32 - 1, 2**32 - 1), GROUP_18),
        # None of the preferred size: the largest below it.
        ((1024, 3072, 3072), GROUP_14),
        ((2048, 8000, 8000), GROUP_16),
    ],
)
def test_groupHasTheSizeThatIsAskedFor(sizes: tuple[int, int, int], prime: int) -> None:
    assert primeFor(*sizes) == (2, prime)


@pytest.mark.parametrize(
    "sizes",
    [
        (1024, 1024, 1024),
        (1024, 1536, 2047),
        (2049, 3072, 4095),
        (8193, 8193, 8193),
        (8193, 2**32 - 1, 2**32 - 1),
        (0, 0, 0),
        (4096, 4096, 2048),
        (2048, 1024, 8192),
        (2048, 8193, 8192),
    ],
)
def test_noGroupIsSmallOrNotAskedFor(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(Malformed):
        primeFor(*sizes)


# Public values


@pytest.mark.parametrize("prime", STANDARD, ids=IDS)
def test_publicValueIsOneOfTheGroup(prime: int) -> None:
    for value in (2, 0x7F, 0x80, prime // 2, prime - 2):
        assert publicValue(MP(value)[4:], prime) == value


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\0",
        b"\1",
        MP(GROUP_14 - 1)[4:],
        MP(GROUP_14)[4:],
        MP(GROUP_14 + 1)[4:],
        MP(GROUP_18)[4:],
        bytes(35000),
        b"\xff" * 35000,
        # Below zero, as an mpint.
        b"\xff",
        b"\x80",
        MP(GROUP_14 - 2)[5:],
        # Longer than need be.
        b"\0\2",
        b"\0\0\x80",
        b"\0" + MP(GROUP_14 - 2)[4:],
    ],
)
def test_publicValueThatGivesTheSecretAwayIsRefused(written: bytes) -> None:
    with pytest.raises(Malformed):
        publicValue(written, GROUP_14)
