"""
Tests of L{benchmarks.places}.
"""

from __future__ import annotations

from bastion.interfaces import Candidate, HostAddress
from benchmarks.places import FirstPlace, StoredPlaces

A, B = RANKED = [Candidate(HostAddress(name), 0) for name in "ab"]


def test_firstPlaceIsOnTheFirstHost() -> None:
    places = FirstPlace()
    place = places.take(0.0, b"johnson", RANKED)
    places.give(1.0, place)
    assert place.host == A.address
    assert places.take(2.0, b"johnson", RANKED[::-1]).host == B.address


def test_accountComesBackWithinItsTime() -> None:
    places = StoredPlaces(60.0)
    place = places.take(0.0, b"johnson", RANKED)
    places.give(100.0, place)
    assert place.host == A.address
    assert places.take(159.0, b"johnson", RANKED[::-1]).host == A.address
    assert places.take(159.0, b"jackson", RANKED[::-1]).host == B.address


def test_accountIsForgottenAfterItsTime() -> None:
    places = StoredPlaces(60.0)
    places.give(100.0, places.take(0.0, b"johnson", RANKED))
    assert places.take(161.0, b"johnson", RANKED[::-1]).host == B.address


def test_placeIsKeptWhileThereIsAConnection() -> None:
    places = StoredPlaces(60.0)
    places.take(0.0, b"johnson", RANKED)
    assert places.take(1e6, b"johnson", RANKED[::-1]).host == A.address
