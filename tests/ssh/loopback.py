"""
TCP on the loopback, with a stream at our end and a bare socket at the peer's, and
a reactor that turns when it is told to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import main
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from bastion.ssh.stream import Stream, outbox


@implementer(IPushProducer)
class Ear(Protocol):
    """
    Takes what arrives on a stream of some kind, and produces what it is sent.

    @ivar given: what was given to be taken, each time.
    @ivar taken: what was taken, together.
    @ivar takes: how much is taken; everything, unless a test says otherwise.
    @ivar paced: how often it was told to pause and to resume.
    """

    def __init__(self, kind: type[Stream], clock: Clock) -> None:
        self._kind, self._clock = kind, clock
        self.given: list[bytes] = []
        self.taken = b""
        self.takes: Callable[[bytes], int] = len
        self.paced: list[str] = []
        self.lost: Failure | None = None

    def connectionMade(self) -> None:
        self.stream = self._kind(self.transport, self._take, self._clock.seconds)

    def dataReceived(self, data: bytes) -> None:
        self.stream.received(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.lost = reason
        self.stream.gone()

    def _take(self, view: memoryview) -> int:
        self.given.append(bytes(view))
        with outbox:
            taken = self.takes(bytes(view))
        self.taken += view[:taken]
        return taken

    def pauseProducing(self) -> None:
        self.paced.append("pause")

    def resumeProducing(self) -> None:
        self.paced.append("resume")

    def stopProducing(self) -> None:
        self.paced.append("stop")


class Loopback:
    """
    A reactor that turns when it is told to, and what is connected to it.
    """

    def __init__(self, kind: type[Stream]) -> None:
        self.kind = kind
        self.clock = Clock()
        self.reactor: Any = EPollReactor()
        self.ears: list[Any] = []
        self.peers: list[socket.socket] = []
        self._factory = Factory.forProtocol(self._answer)
        self._factory.noisy = False
        self.port = self.reactor.listenTCP(0, self._factory, interface="127.0.0.1")

    def _answer(self) -> Ear:
        self.ears.append(Ear(self.kind, self.clock))
        return self.ears[-1]

    def connected(self) -> tuple[Any, socket.socket]:
        """
        An ear, and the socket of its peer.
        """
        count = len(self.ears)
        peer = socket.create_connection(("127.0.0.1", self.port.getHost().port), timeout=10)
        self.peers.append(peer)
        self.until(lambda: len(self.ears) > count)
        return self.ears[-1], peer

    def until(self, done: Callable[[], bool]) -> None:
        """
        Let the reactor turn until something has happened.
        """
        for _ in range(1000):
            if done():
                return
            self.reactor.iterate(0.01)
        raise AssertionError("the loopback takes no ten seconds")

    def idle(self) -> None:
        """
        Let the reactor do what there is to do.
        """
        for _ in range(5):
            self.reactor.iterate(0)

    def hears(self, peer: socket.socket, size: int) -> bytes:
        """
        What the peer is sent: so many bytes, or less if it ends before.
        """
        peer.setblocking(False)
        heard = bytearray()

        def enough() -> bool:
            try:
                data = peer.recv(size - len(heard))
            except BlockingIOError:
                return False
            heard.extend(data)
            return not data or len(heard) == size

        self.until(enough)
        return bytes(heard)

    def closed(self) -> None:
        """
        Nothing is left of it.
        """
        for peer in self.peers:
            peer.close()
        self.port.stopListening()
        self.until(lambda: all(ear.lost for ear in self.ears))
        for reader in self.reactor.removeAll():
            reader.connectionLost(Failure(main.CONNECTION_LOST))
