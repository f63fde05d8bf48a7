"""
Tests of L{bastion.admission.dnsverdict}.
"""

from __future__ import annotations

import pytest

from bastion.admission.dnsverdict import (
    Missing,
    NoAnswer,
    NotRegistered,
    Registered,
    Unknown,
    Unregistered,
    outcome,
)
from bastion.interfaces import BastionError


def test_registeredAddressIsTold() -> None:
    assert outcome(Registered("pc7.example.org")) == Registered("pc7.example.org")


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (Missing.NAME, "has no name in the DNS"),
        (Missing.VALID_NAME, "has no valid name in the DNS"),
        (Missing.ADDRESS, "is called pc7.example.org, and that name has no address"),
        (Missing.IPV6_ADDRESS, "is called pc7.example.org, and that name has no IPv6 address"),
        (Missing.SAME_ADDRESS, "is called pc7.example.org, and that name has another address"),
        (
            Missing.DOMAIN,
            "is called pc7.example.org, which is not in the domains that may come in",
        ),
    ],
)
def test_whatIsMissingIsTheRestOfASentence(missing: Missing, words: str) -> None:
    with pytest.raises(NotRegistered) as caught:
        outcome(Unregistered(missing, "pc7.example.org"))
    assert str(caught.value) == words
    assert (caught.value.missing, caught.value.name) == (missing, "pc7.example.org")


def test_everythingThatCanBeMissingHasItsWords() -> None:
    for missing in Missing:
        assert str(NotRegistered(missing, "pc7")) == missing.value.replace("{name}", "pc7")


def test_silenceIsNoRefusal() -> None:
    with pytest.raises(NoAnswer, match=r"^192\.0\.2\.53 says SERVFAIL$"):
        outcome(Unknown("192.0.2.53 says SERVFAIL"))
    assert not issubclass(NoAnswer, NotRegistered)
    assert issubclass(NoAnswer, BastionError) and issubclass(NotRegistered, BastionError)


def test_eachTellingIsAnErrorOfItsOwn() -> None:
    """
    A traceback that grew on one that is kept would never be let go.
    """
    verdict = Unregistered(Missing.NAME)
    errors = []
    for _ in range(2):
        with pytest.raises(NotRegistered) as caught:
            outcome(verdict)
        errors.append(caught.value)
    assert errors[0] is not errors[1]
