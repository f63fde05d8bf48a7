"""
The control API as a Twisted service.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from bastion.admin.api import ControlSite
from bastion.admin.listening import ControlUnusable, Listening, listen, locked
from bastion.gateway.control import Operations
from bastion.gateway.service import CannotListen


def controlService(operations: Operations, stateDir: Path, reactor: Any) -> IService:
    """
    A service that listens on the control socket in C{stateDir}.  Start it last, for
    whoever is answered may change what has started; and stop it first.
    """
    return ControlService(operations, stateDir, reactor)


@define(eq=False)
class ControlService(Service):
    """
    Listens while it runs.
    """

    _operations: Operations
    _stateDir: Path
    _reactor: Any
    _lock: int | None = field(default=None, init=False)
    _listening: Listening | None = field(default=None, init=False)

    _log = Logger()

    def privilegedStartService(self) -> None:
        """
        See that no other bastion is at work in the directory, before anything in it is
        opened.

        @raise CannotListen: when there is one.
        """
        super().privilegedStartService()
        try:
            self._lock = locked(self._stateDir)
        except ControlUnusable as error:
            raise self._cannot(error) from None

    def startService(self) -> None:
        """
        Open the socket; by now, this process is of the user that it shall be of.

        @raise CannotListen: when that is not possible: a bastion that nobody can
            drain must not start.
        """
        super().startService()
        site = ControlSite(self._operations, self._reactor)
        lock, self._lock = self._lock, None
        assert lock is not None, "privilegedStartService comes first"
        try:
            self._listening = listen(self._stateDir, lock, site, self._reactor)
        except ControlUnusable as error:
            raise self._cannot(error) from None
        self._log.info("bastionctl finds this bastion at {path}", path=str(self._listening.path))

    def _cannot(self, error: ControlUnusable) -> CannotListen:
        self._log.critical("{problem}", problem=str(error))
        return CannotListen(f"the control socket: {error}")

    def stopService(self) -> Deferred[None] | None:
        """
        Close the socket.

        @return: fires when that is done.
        """
        super().stopService()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)
        listening, self._listening = self._listening, None
        return listening.close() if listening is not None else None
