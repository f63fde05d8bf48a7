"""
Back-pressure between the two sides.

What must hold: whoever sends faster than the other end reads is stopped by its
own TCP window, and the bastion's memory does not grow.  So each side's reading
stops while the other side's transport

 - has more to send than its socket takes (Twisted tells its registered
   producer), or
 - holds back what it is to send, because keys are being exchanged: what we pass on
   would be queued.

What must not happen: two sides that exchange keys at the same time (both ends
rekey after the same number of bytes) wait for each other.  A side that is itself
exchanging keys is therefore not stopped for what the other one holds back: the key
exchange has to be read, and before it at most what its peer had under way when we
asked for it.  (A peer that sends on and on instead is cut by the transport's limit of
what it holds back.)  For a full socket it is stopped until its peer has agreed: that
socket is emptied by whoever reads it, and waits for no keys.  Meanwhile the peer has
all the time it wants to answer us.

And a side that is stopped is in no reactor's list: nobody would notice that its
peer has gone.  While it is stopped its socket is looked at once a second.
"""

from __future__ import annotations

import select

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from bastion.ssh.tcp import peerState
from bastion.ssh.transport import Transport

#: How often a stopped socket is looked at, in seconds.
LOOK_EVERY = 1.0

_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


@implementer(IPushProducer)
class Valve:
    """
    Stops the reading of C{source} while C{sink} cannot take more.  It is what
    the sink's TCP transport knows as its producer.
    """

    def __init__(
        self, source: Transport, sink: Transport, clock: IReactorTime, lastLooks: int | None
    ) -> None:
        """
        @param lastLooks: for so many looks in a row may what a leaving peer has
            sent before wait to be taken; L{None} for ever.
        """
        self._source = source
        self._sink = sink
        self._clock = clock
        self._lastLooks = lastLooks
        self._full = False
        self._shut = False
        self._removed = False
        self._look: IDelayedCall | None = None
        self._looks = 0
        sink.transport.registerProducer(self, True)

    @property
    def full(self) -> bool:
        """
        Whether the sink's socket takes no more.
        """
        return self._full

    def isOpen(self) -> bool:
        """
        Whether the source is read.
        """
        return not self._shut

    def pauseProducing(self) -> None:
        """
        The sink's socket takes no more.
        """
        self._full = True
        self.settle()

    def resumeProducing(self) -> None:
        """
        The sink's socket has taken everything.
        """
        self._full = False
        self.settle()

    def stopProducing(self) -> None:
        """
        The sink is gone; who owns the two sides ends the source.
        """

    def settle(self) -> None:
        """
        Open or shut, as things stand.
        """
        source = self._source
        shut = (self._full and not source.agreeingOnKeys) or (
            self._sink.holdsBack and not source.exchangingKeys
        )
        if self._removed:
            return
        if shut:
            source.excuseKeyExchange()
        if shut == self._shut:
            return
        self._shut = shut
        if shut:
            source.transport.pauseProducing()
            self._looks = 0
            self._look = self._clock.callLater(LOOK_EVERY, self._lookAfterPeer)
        else:
            self._stopLooking()
            source.expectKeyExchange()
            source.transport.resumeProducing()

    def _lookAfterPeer(self) -> None:
        """
        End the source if its peer is gone.  A peer that has closed in good
        order may have left data behind that the sink still gets a chance to
        take.
        """
        state = peerState(self._source.transport)
        self._looks = self._looks + 1 if state else 0
        if state & _GONE or self._looks == self._lastLooks:
            self._source.transport.abortConnection()
        else:
            self._look = self._clock.callLater(LOOK_EVERY, self._lookAfterPeer)

    def _stopLooking(self) -> None:
        if self._look is not None and self._look.active():
            self._look.cancel()

    def remove(self) -> None:
        """
        The two sides are coupled no longer; the source is not read any more.
        """
        self._removed = True
        self._stopLooking()
        self._sink.transport.unregisterProducer()
