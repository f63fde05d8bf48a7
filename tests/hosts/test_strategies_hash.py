"""
Tests of L{bastion.hosts.strategies.UserHash}.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from bastion.hosts.strategies import NoOptions, UserHash
from bastion.interfaces import Candidate, HostAddress, HostRequest

EIGHT = [Candidate(HostAddress(name), 0) for name in "abcdefgh"]
HOSTS = [HostAddress(f"rnice8-{number}.example.org") for number in range(1901, 1911)]
ACCOUNTS = [b"in%d" % number for number in range(4000)]


def order(strategy: UserHash, among: list[Candidate], account: bytes = b"johnson") -> str:
    """
    The names of the hosts in the order of the strategy.
    """
    request = HostRequest(account, "192.0.2.7", "esrf")
    return "".join(each.address.name for each in strategy.rank(among, request))


def homes(
    hosts: list[HostAddress], weights: dict[HostAddress, float] | None = None
) -> list[HostAddress]:
    """
    Where each account is at home.
    """
    strategy = UserHash(NoOptions())
    among = [Candidate(host, 0, (weights or {}).get(host, 1.0)) for host in hosts]
    requests = (HostRequest(account, "192.0.2.7", "esrf") for account in ACCOUNTS)
    return [strategy.rank(among, request)[0].address for request in requests]


def test_hashIsTheSameForEveryBastion() -> None:
    """
    And tomorrow: what is known of these accounts is written here.
    """
    known = {b"johnson": "bdhgcaef", b"in1000": "cdagbfeh", b"": "fcagehdb"}
    for account, expected in known.items():
        for strategy in (UserHash(NoOptions()), UserHash(NoOptions())):
            assert order(strategy, EIGHT, account) == expected


def test_hashDoesNotLookAtAnythingElse() -> None:
    strategy = UserHash(NoOptions())
    expected = order(strategy, EIGHT)
    busy = [Candidate(each.address, 9 - place, 1.0, 1e6, 0.1) for place, each in enumerate(EIGHT)]
    assert order(strategy, busy) == expected
    other = HostRequest(b"johnson", "2001:db8::9", "ill", b"SSH-2.0-PuTTY")
    ranked = strategy.rank(EIGHT, other)
    assert "".join(each.address.name for each in ranked) == expected


def test_hashDoesNotDependOnTheOrderOfTheList() -> None:
    shuffled = random.Random(1).sample(HOSTS, len(HOSTS))
    assert homes(shuffled) == homes(HOSTS[::-1]) == homes(HOSTS)


def test_hashFollowsAListThatChanges() -> None:
    strategy = UserHash(NoOptions())
    assert order(strategy, EIGHT) == order(strategy, EIGHT[::-1]) == order(strategy, EIGHT)


def test_hashSpreadsTheAccounts() -> None:
    counts = Counter(homes(HOSTS))
    assert all(330 < counts[host] < 470 for host in HOSTS), counts


def test_onlyTheAccountsOfAHostThatGoesMoveAndToAllOthers() -> None:
    before, after = homes(HOSTS), homes([*HOSTS[:4], *HOSTS[5:]])
    moved = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert {one for one, _ in moved} == {HOSTS[4]}
    counts = Counter(other for _, other in moved)
    assert len(counts) == 9 and max(counts.values()) < 2 * min(counts.values()), counts


def test_hashHonoursTheWeights() -> None:
    counts = Counter(homes(HOSTS[:4], {HOSTS[0]: 2.0, HOSTS[1]: 0.1, HOSTS[2]: 4.0}))
    shares = [counts[host] * 7.1 / len(ACCOUNTS) for host in HOSTS[:4]]
    assert shares == pytest.approx([2.0, 0.1, 4.0, 1.0], rel=0.12)


def test_accountsComeBackLittleByLittleAndNobodyElseMoves() -> None:
    """
    While a host's weight grows, they move to it, and never away from it.
    """
    grows = [homes(HOSTS, {HOSTS[4]: weight}) for weight in (0.1, 0.4, 0.7, 1.0)]
    for one, other in pairwise(grows):
        moved = {new for old, new in zip(one, other, strict=True) if old != new}
        assert moved == {HOSTS[4]}
    shares = [Counter(each)[HOSTS[4]] / 400 for each in grows]
    assert shares == pytest.approx([0.1, 0.4, 0.7, 1.0], rel=0.25)


def test_failedHostsAccountGoesToTheNextOfItsOwnOrder() -> None:
    strategy = UserHash(NoOptions())
    among = EIGHT
    whole = order(strategy, among)
    for tried in range(1, 8):
        left = [each for each in among if each.address.name not in whole[:tried]]
        assert order(strategy, left) == whole[tried:]
