"""
How long a host takes, whatever else a check does.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from bastion.interfaces import ICheckedHost


@implementer(ICheckedHost)
class TimedHost:
    """
    A host with a stopwatch beside it.

    @ivar seconds: how long the handshake took; L{None} while there was none.
    """

    def __init__(self, host: ICheckedHost, clock: IReactorTime) -> None:
        self.address = host.address
        self.endpoint = host.endpoint
        self.seconds: float | None = None
        self._host = host
        self._clock = clock

    def handshake(self) -> Deferred[Any]:
        """
        See L{ICheckedHost}.
        """
        begun = self._clock.seconds()

        def done(result: Any) -> Any:
            self.seconds = self._clock.seconds() - begun
            return result

        handshake: Deferred[Any] = self._host.handshake()
        return handshake.addCallback(done)
