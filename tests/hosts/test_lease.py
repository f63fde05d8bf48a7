"""
L{bastion.hosts.lease}: the store is told, and nobody waits for it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs

from bastion.hosts.lease import Lease
from bastion.interfaces import HostAddress
from bastion.state import Granted

HOST = HostAddress("nice1")


class Store:
    """
    Writes down what it is told.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.told: list[tuple[str, str]] = []

    def confirm(self, token: str) -> Deferred[None]:
        """
        See L{bastion.state.IStateStore}.
        """
        self.told.append(("confirm", token))
        return self.answer()

    def release(self, token: str) -> Deferred[None]:
        """
        See L{bastion.state.IStateStore}.
        """
        self.told.append(("release", token))
        return self.answer()


def leaseOf(store: Any) -> Lease:
    """
    A lease that a store has granted.
    """
    return Lease(Granted("a token", HOST), store)


def test_storeIsToldOfTheTokenItHasGiven() -> None:
    store = Store(lambda: succeed(None))
    lease = leaseOf(store)
    lease.confirm()
    lease.release()

    assert lease.host == HOST
    assert store.told == [("confirm", "a token"), ("release", "a token")]


def test_storeThatIsSlowKeepsNobodyWaiting() -> None:
    leaseOf(Store(Deferred)).confirm()


def test_storeThatFailsCostsNoSession() -> None:
    with capturedLogs() as events:
        leaseOf(Store(lambda: fail(RuntimeError("gone")))).release()

    (event,) = events
    assert (event["host"], event["problem"]) == ("nice1", "gone")
    assert "log_failure" not in event
