"""
Tests of L{bastion.auth.methods}: what is offered, and which way it goes.
"""

from __future__ import annotations

import itertools

import pytest

from bastion.auth.methods import Way, offer, way

P, K, NONE, KEY = b"password", b"keyboard-interactive", b"none", b"publickey"


@pytest.mark.parametrize(
    ("host", "used", "offered"),
    [
        # A host that has both: as it says.
        ((P, K), None, (P, K)),
        ((K, P), None, (K, P)),
        ((K, P), P, (K, P)),
        ((KEY, K, P), K, (K, P)),
        # A host that has one: the other behind it, until the client has chosen.
        ((P,), None, (P, K)),
        ((K,), None, (K, P)),
        ((P,), P, (P,)),
        ((P,), K, (K,)),
        ((K,), P, (P,)),
        ((K,), K, (K,)),
        ((KEY, K), P, (P,)),
        ((P,), KEY, (P, K)),
        ((P,), NONE, (P, K)),
        # A host that has neither.
        ((), None, ()),
        ((KEY,), None, ()),
        ((KEY, b"gssapi-with-mic", b"hostbased"), P, ()),
    ],
)
def test_methodsAreOfferedAsTheHostHasThem(
    host: tuple[bytes, ...], used: bytes | None, offered: tuple[bytes, ...]
) -> None:
    assert offer(host, used) == offered


@pytest.mark.parametrize("used", [None, P, K])
@pytest.mark.parametrize(
    ("host", "offered"), [((P,), (P,)), ((K,), (K,)), ((KEY, K, P), (K, P)), ((KEY,), ())]
)
def test_nothingIsPutInPlaceOfTheHostsMethodAfterAPartialSuccess(
    host: tuple[bytes, ...], offered: tuple[bytes, ...], used: bytes | None
) -> None:
    assert offer(host, used, partial=True) == offered


@pytest.mark.parametrize(
    ("method", "host", "expected"),
    [
        (P, (P,), Way.UNCHANGED),
        (K, (K,), Way.UNCHANGED),
        (P, (K, P), Way.UNCHANGED),
        (K, (P, K), Way.UNCHANGED),
        (P, (K,), Way.PASSWORD_AS_DIALOGUE),
        (P, (KEY, K), Way.PASSWORD_AS_DIALOGUE),
        (K, (P,), Way.DIALOGUE_AS_PASSWORD),
        (K, (KEY, P), Way.DIALOGUE_AS_PASSWORD),
        (P, (), Way.NONE),
        (K, (), Way.NONE),
        (P, (KEY,), Way.NONE),
        (K, (KEY,), Way.NONE),
        (KEY, (KEY, P, K), Way.NONE),
        (NONE, (P, K), Way.NONE),
        (b"hostbased", (b"hostbased",), Way.NONE),
        (b"", (P,), Way.NONE),
        (b"PASSWORD", (P,), Way.NONE),
    ],
)
def test_methodTakesItsWay(method: bytes, host: tuple[bytes, ...], expected: Way) -> None:
    assert way(method, host) is expected


def test_noDialogueChangesAPassword() -> None:
    assert way(P, (K,), changes=True) is Way.NONE
    assert way(P, (K, P), changes=True) is Way.UNCHANGED


EVERYTHING = (P, K, KEY)
HOSTS = [
    each for size in range(len(EVERYTHING) + 1) for each in itertools.permutations(EVERYTHING, size)
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("used", [None, P, K])
@pytest.mark.parametrize("partial", [False, True])
def test_whatIsOfferedHasAWay(host: tuple[bytes, ...], used: bytes | None, partial: bool) -> None:
    assert Way.NONE not in [way(method, host) for method in offer(host, used, partial)]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("used", [None, P, K])
def test_whoeverHasAWayIsOfferedOne(host: tuple[bytes, ...], used: bytes | None) -> None:
    if any(way(method, host) is not Way.NONE for method in (P, K)):
        assert offer(host, used)
    if used is not None and way(used, host) is not Way.NONE:
        assert used in offer(host, used)
