"""
A place taken on a host, to be given back.
"""

from __future__ import annotations

from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.interfaces import HostAddress
from bastion.state import Granted, IStateStore

_log = Logger()


@define(eq=False)
class Lease:
    """
    A place taken on a host.

    The store is told, and not waited for: a login does not depend on what becomes of
    a confirmation, nor the end of a connection on that of a release.

    @ivar movedFrom: the host that the account stuck to and must not come back to, for
        an operator has closed it; L{None} if there is none.
    """

    _granted: Granted
    _store: IStateStore
    movedFrom: HostAddress | None = None

    @property
    def host(self) -> HostAddress:
        """
        The host.
        """
        return self._granted.host

    def confirm(self) -> None:
        """
        The host has accepted the login: the account sticks to it from now on.
        """
        self._told(self._store.confirm(self._granted.token))

    def release(self) -> None:
        """
        Give the place back; a second time does nothing.
        """
        self._told(self._store.release(self._granted.token))

    def _told(self, told: Any) -> None:
        done: Deferred[Any] = told
        done.addErrback(self._ebStore)

    def _ebStore(self, failure: Failure) -> None:
        _log.error(
            "the store does not take what became of a lease on {host}: {problem}",
            host=str(self.host),
            problem=failure.getErrorMessage(),
        )
