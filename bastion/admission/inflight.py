"""
Work that several wait for and that is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class InFlight(Generic[K, T]):
    """
    What is being done now.  When nobody waits for it any more, it is cancelled.
    """

    def __init__(self) -> None:
        self._works: dict[K, _Work[T]] = {}

    def __len__(self) -> int:
        """
        How much is being done.
        """
        return len(self._works)

    def __contains__(self, key: K) -> bool:
        """
        Whether something is being done.
        """
        return key in self._works

    def wait(self, key: K, begin: Callable[[], Deferred[T]]) -> Deferred[T]:
        """
        Wait for something.

        @param begin: begins to do it, if nobody waits for it yet.
        @return: can be cancelled.
        """
        work = self._works.get(key)
        if work is not None:
            return work.join()
        work = self._works[key] = _Work()
        waiter = work.join()
        work.doing = begin()
        work.doing.addBoth(self._done, key)
        return waiter

    def _done(self, result: Any, key: K) -> None:
        work = self._works.pop(key)
        while work.waiters:
            waiter = next(iter(work.waiters))
            del work.waiters[waiter]
            waiter.callback(result)

    def cancel(self) -> None:
        """
        Nobody waits for anything any more.
        """
        for work in list(self._works.values()):
            work.doing.cancel()


class _Work(Generic[T]):
    doing: Deferred[T]

    def __init__(self) -> None:
        self.waiters: dict[Deferred[T], None] = {}

    def join(self) -> Deferred[T]:
        waiter: Deferred[T] = Deferred(self._leave)
        self.waiters[waiter] = None
        return waiter

    def _leave(self, waiter: Deferred[T]) -> None:
        del self.waiters[waiter]
        if not self.waiters:
            self.doing.cancel()
