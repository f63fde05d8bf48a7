"""
L{bastion.hosts.expected}: who is expected where, and where the last login from a source
went.
"""

from __future__ import annotations

from collections import Counter

from bastion.hosts.expected import MAX_SOURCES, Expected, Sources
from bastion.interfaces import HostAddress

ONE, TWO = HostAddress("nice1"), HostAddress("nice2")


def test_whoIsExpectedNoLongerIsNotCountedAgain() -> None:
    coming = Counter({ONE: 2})
    expected = Expected(ONE, True, coming)
    expected.over()
    expected.over()
    assert coming == {ONE: 1}

    Expected(ONE, True, coming).over()
    assert not coming


def test_guessIsNotCounted() -> None:
    Expected(ONE, chosen=False).over()


def test_theLastLoginCounts() -> None:
    sources = Sources()
    assert sources.last("192.0.2.1") is None
    sources.accepted("192.0.2.1", ONE)
    sources.accepted("192.0.2.1", TWO)

    assert sources.last("192.0.2.1") == TWO
    assert sources.last("192.0.2.2") is None


def test_sourcesThatWereNotSeenForLongAreForgotten() -> None:
    sources = Sources()
    for number in range(MAX_SOURCES):
        sources.accepted(str(number), ONE)
    sources.accepted("0", TWO)
    sources.accepted("one more", ONE)

    assert sources.last("0") == TWO
    assert sources.last("1") is None
    assert sources.last("2") == ONE
