"""
L{bastion.testing.doors}: doors for tests.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bastion.auth.outcome import LoginImpossible
from bastion.config.admission import AdmissionTable
from bastion.testing.doors import OpenDoor, doorsOf


def came(waiting: Any) -> Any:
    """
    What came of a coroutine.
    """
    found: list[Any] = []
    done: Deferred[Any] = Deferred.fromCoroutine(waiting)
    done.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found[0]


def test_openDoorLetsPassUntilItIsTold() -> None:
    door = OpenDoor()
    assert (came(door.mayTry()), came(door.mayEnter())) == (None, None)
    door.refusals["enter"] = "No."

    assert came(door.mayTry()) is None
    assert isinstance(came(door.mayEnter()), LoginImpossible)
    assert (door.digest([b"a"]), door.digested) == (b"a digest", [(b"a",)])


def test_chanceDropsNobody() -> None:
    doors = doorsOf(AdmissionTable(), Clock())

    assert doors.startups.chance() == 0.0
