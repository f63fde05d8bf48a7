"""
Tests of L{bastion.hosts.rendezvous}: are the numbers as good as if each were a hash?
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise

import pytest

from bastion.hosts.rendezvous import Lanes
from bastion.interfaces import HostAddress

HOSTS = [HostAddress(f"rnice8-{number}.example.org") for number in range(1901, 1951)]
ACCOUNTS = [b"in%d" % number for number in range(20_000)]


def hashed(account: bytes, host: HostAddress) -> int:
    """
    What L{Lanes} says without lanes: SplitMix64's finalizer of two hashes.
    """
    mixed = 0
    for what, data in ((b"host", str(host).encode()), (b"account", account)):
        digest = blake2b(data, digest_size=8, person=what).digest()
        mixed ^= int.from_bytes(digest, "little")
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = (mixed ^ mixed >> shift) * factor % 2**64
    return mixed


def deviation(counts: Counter[HostAddress], expected: float, hosts: int) -> float:
    """
    By how many standard deviations chi-squared is more than it is on average if the
    hosts are as likely as each other.
    """
    free = hosts - 1
    squares = ((counts[host] - expected) ** 2 / expected for host in HOSTS[:hosts])
    return (sum(squares) - free) / math.sqrt(2 * free)


def nearest(numbers: Sequence[float]) -> list[int]:
    """
    The places of the numbers, the smallest first.
    """
    return sorted(range(len(numbers)), key=numbers.__getitem__)


@pytest.mark.parametrize("account", [b"", b"johnson", b"\xff\x00", b"x" * 1000])
def test_numbersAreTheFractionOfTheHash(account: bytes) -> None:
    hosts = [*HOSTS, HostAddress("rnice8-1901.example.org", 2222), HostAddress("2001:db8::1")]
    expected = [1 + (hashed(account, host) >> 12) / 2**52 for host in hosts]
    assert list(Lanes(hosts).mixed(account)) == expected


def test_numbersDoNotDependOnTheOtherHosts() -> None:
    together = dict(zip(HOSTS, Lanes(HOSTS).mixed(b"johnson"), strict=True))
    for some in (HOSTS[::-1], HOSTS[7:9], HOSTS[:1]):
        assert list(Lanes(some).mixed(b"johnson")) == [together[host] for host in some]


def test_nobodyIsWithoutANumberOfItsOwn() -> None:
    assert list(Lanes([]).mixed(b"johnson")) == []
    numbers = {number for account in ACCOUNTS[:500] for number in Lanes(HOSTS).mixed(account)}
    assert len(numbers) == 500 * len(HOSTS)
    assert min(numbers) >= 1 and max(numbers) < 2


@pytest.mark.parametrize("hosts", [2, 3, 16, 50])
def test_firstAndSecondAreAsLikelyAsEachOther(hosts: int) -> None:
    """
    Each host is the first of as many accounts; and those of each host, when it goes, are
    spread evenly over the others.
    """
    lanes = Lanes(HOSTS[:hosts])
    firsts: Counter[HostAddress] = Counter()
    seconds: Counter[HostAddress] = Counter()
    for account in ACCOUNTS:
        first, second, *_ = nearest(lanes.mixed(account))
        firsts[HOSTS[first]] += 1
        if first == 0:
            seconds[HOSTS[second]] += 1
    assert deviation(firsts, len(ACCOUNTS) / hosts, hosts) < 3
    assert max(firsts.values()) / (len(ACCOUNTS) / hosts) < 1.2
    # The first host is never its own second.
    seconds[HOSTS[0]] = round(firsts[HOSTS[0]] / (hosts - 1))
    assert deviation(seconds, firsts[HOSTS[0]] / (hosts - 1), hosts) < 3


def test_accountsThatAreNearlyTheSameAreNotRelated() -> None:
    """
    in1000, in1001 and so on are one beamline's: they must not share a host.
    """
    lanes = Lanes(HOSTS)
    numbers = [lanes.mixed(account)[0] - 1.5 for account in ACCOUNTS]
    pairs = pairwise(numbers)
    # Of independent chances, the variance of each being 1/12.
    correlation = 12 * sum(one * other for one, other in pairs) / (len(numbers) - 1)
    assert abs(correlation) < 0.03
