"""
L{bastion.admission.failures}: what is new about a failure.
"""

from __future__ import annotations

import pickle

import pytest

from bastion.admission.failures import KEPT, ONCE_IN, REMEMBERED, Failures, Pair, digest

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32
JOHNSON = ("192.0.2.7", b"johnson")


def wrong(number: int) -> bytes:
    """
    The digest of a wrong password.
    """
    return digest(KEY, b"johnson", [str(number).encode()])


# The digest


def test_sameSecretHasTheSameDigest() -> None:
    assert digest(KEY, b"johnson", [b"one"]) == digest(KEY, b"johnson", (b"one",))
    assert len(digest(KEY, b"johnson", [b"one"])) == 16


@pytest.mark.parametrize(
    ("key", "account", "answers"),
    [
        (OTHER_KEY, b"johnson", [b"one", b"two"]),
        (KEY, b"johnsen", [b"one", b"two"]),
        (KEY, b"johnson", [b"one", b"tw0"]),
        (KEY, b"johnson", [b"two", b"one"]),
        (KEY, b"johnson", [b"onetwo"]),
        (KEY, b"johnson", [b"onet", b"wo"]),
        (KEY, b"johnson", [b"one", b"two", b""]),
        (KEY, b"johnson", [b"one"]),
        (KEY, b"johnsonone", [b"two"]),
    ],
)
def test_anythingElseHasAnother(key: bytes, account: bytes, answers: list[bytes]) -> None:
    assert digest(key, account, answers) != digest(KEY, b"johnson", [b"one", b"two"])


def test_noSecretIsKept() -> None:
    failures = Failures(10)
    failures.isNew(JOHNSON, digest(KEY, b"johnson", [b"canary"]), 0)
    assert b"johnson" in pickle.dumps(failures)
    assert b"canary" not in pickle.dumps(failures)


def test_digestsAreNotShown() -> None:
    failures = Failures(10)
    secret = wrong(1)
    failures.isNew(JOHNSON, secret, 0)
    failed = failures._pairs.get(JOHNSON, 0)
    assert repr(secret) not in repr(failed)


# Wrong secrets


def test_sameWrongSecretIsNewOnce() -> None:
    failures = Failures(10)
    assert [failures.isNew(JOHNSON, wrong(1), now) for now in (0, 1, 1, 3)] == [True] + [False] * 3


def test_anotherOneIsNewToo() -> None:
    failures = Failures(10)
    tried = [1, 2, 1, 3, 2, 3, 1]
    isNew = [failures.isNew(JOHNSON, wrong(number), 0) for number in tried]
    assert isNew == [True, True, False, True, False, False, False]


@pytest.mark.parametrize("pair", [("192.0.2.8", b"johnson"), ("192.0.2.7", b"gaston")])
def test_itIsNewForAnotherPair(pair: Pair) -> None:
    failures = Failures(10)
    failures.isNew(JOHNSON, wrong(1), 0)
    assert failures.isNew(pair, wrong(1), 0)


def test_itIsNewAgainWhenThePairHasBeenQuietForADay() -> None:
    failures = Failures(10)
    failures.isNew(JOHNSON, wrong(1), 0)
    assert not failures.isNew(JOHNSON, wrong(1), REMEMBERED - 1)
    assert not failures.isNew(JOHNSON, wrong(1), 2 * REMEMBERED - 2)
    assert failures.isNew(JOHNSON, wrong(1), 3 * REMEMBERED)


def test_latestWrongSecretsOfAPairAreRemembered() -> None:
    """
    One that is tried again is among the latest.
    """
    failures = Failures(10)
    for number in range(KEPT):
        failures.isNew(JOHNSON, wrong(number), 0)
    assert not failures.isNew(JOHNSON, wrong(0), 0)
    assert failures.isNew(JOHNSON, wrong(KEPT), 0)
    assert [failures.isNew(JOHNSON, wrong(number), 0) for number in (0, 2, 1)] == [
        *(False, False),
        True,
    ]


def test_guesserFillsNothing() -> None:
    failures = Failures(10)
    for number in range(1000):
        failures.isNew(JOHNSON, wrong(number), 0)
    failed = failures._pairs.get(JOHNSON, 0)
    assert failed is not None
    assert len(failed.digests) == KEPT * 16
    for number in range(1000):
        failures.isNew((f"192.0.2.{number}", b"johnson"), wrong(number), 0)
    assert len(failures) == 10


# The account and its source


def test_accountCountsAgainstItsSourceOnceInAMinute() -> None:
    failures = Failures(10)
    times = [0, 1, ONCE_IN - 1, ONCE_IN, ONCE_IN + 1, 2 * ONCE_IN]
    assert [failures.counts(JOHNSON, now) for now in times] == [
        *(True, False, False),
        *(True, False, True),
    ]
    assert failures.counts(("192.0.2.7", b"gaston"), 1)
    assert failures.counts(("192.0.2.8", b"johnson"), 1)


def test_countingKeepsWhatIsKnownOfSecrets() -> None:
    failures = Failures(10)
    failures.isNew(JOHNSON, wrong(1), 0)
    assert failures.counts(JOHNSON, 0)
    assert not failures.isNew(JOHNSON, wrong(1), REMEMBERED - 1)
    assert not failures.counts(JOHNSON, ONCE_IN - 1)
