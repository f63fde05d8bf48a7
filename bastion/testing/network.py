"""
A network in memory: it moves bytes when it is told to, and time is a clock that
is moved by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import (
    IConsumer,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from bastion.interfaces import HostAddress


@implementer(ITransport, IConsumer, IPushProducer)
@define(eq=False)
class MemoryTransport:
    """
    One end of a connection in memory.

    @ivar capacity: from so many bytes on that the other end has not taken, a
        registered producer is paused; when all are taken, it is resumed.
    @ivar reading: whether the protocol takes bytes.
    """

    protocol: Any
    host: str
    capacity: int = 65536
    reading: bool = field(default=True, init=False)
    disconnecting: bool = field(default=False, init=False)
    lost: bool = field(default=False, init=False)
    other: MemoryTransport = field(init=False, repr=False)
    _outgoing: bytearray = field(factory=bytearray, init=False, repr=False)
    _producer: Any = field(default=None, init=False)
    _paused: bool = field(default=False, init=False)

    def write(self, data: bytes) -> None:
        """
        See L{ITransport}.
        """
        if self.disconnecting or self.lost:
            return
        self._outgoing += data
        if self._producer is not None and len(self._outgoing) > self.capacity:
            self._paused = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        """
        See L{ITransport}.
        """
        self.write(b"".join(data))

    @property
    def waiting(self) -> int:
        """
        The number of bytes that the other end has not taken yet.
        """
        return len(self._outgoing)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        See L{IConsumer}.
        """
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        self._producer = producer

    def unregisterProducer(self) -> None:
        """
        See L{IConsumer}.
        """
        self._producer = None

    def pauseProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self.reading = False

    def resumeProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self.reading = not self.disconnecting

    def stopProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self.loseConnection()

    def loseConnection(self) -> None:
        """
        See L{ITransport}.
        """
        self.disconnecting = True
        self.reading = False

    def abortConnection(self) -> None:
        """
        Cut the connection; what was not taken is gone.
        """
        self._outgoing.clear()
        self.disconnecting = True
        self._gone(Failure(ConnectionAborted()))

    def getPeer(self) -> IPv4Address:
        """
        See L{ITransport}.
        """
        return IPv4Address("TCP", self.other.host, 49152)

    def getHost(self) -> IPv4Address:
        """
        See L{ITransport}.
        """
        return IPv4Address("TCP", self.host, 22)

    def step(self) -> bool:
        """
        Let the other end take what was written, and learn of the end.

        @return: whether anything happened.
        """
        if self._outgoing and self.other.reading and not self.other.lost:
            data = bytes(self._outgoing)
            self._outgoing.clear()
            self.other.protocol.dataReceived(data)
            if self._paused and not self._outgoing and self._producer is not None:
                self._paused = self.disconnecting
                self._producer.resumeProducing()
            return True
        if self._outgoing and self.other.lost:
            self._outgoing.clear()
        # As with Twisted's: who was paused when the end was asked for holds it up.
        held = self._producer is not None and self._paused
        ends = self.disconnecting and not self._outgoing and not held
        if not self.lost and (ends or (self.other.lost and self.reading)):
            self._gone(Failure(ConnectionDone()))
            return True
        return False

    def _gone(self, reason: Failure) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(reason)


@define
class Network:
    """
    Hosts and connections in memory.

    @ivar clock: what time it is.
    """

    clock: Clock = field(factory=Clock)
    _ends: list[MemoryTransport] = field(factory=list, init=False)
    _listening: dict[HostAddress, Callable[[], Any]] = field(factory=dict, init=False)
    _silent: set[HostAddress] = field(factory=set, init=False)

    def link(
        self, one: Protocol, two: Protocol, hosts: tuple[str, str] = ("192.0.2.1", "192.0.2.2")
    ) -> tuple[MemoryTransport, MemoryTransport]:
        """
        Connect two protocols.

        @param hosts: their addresses.
        """
        ends = MemoryTransport(one, hosts[0]), MemoryTransport(two, hosts[1])
        ends[0].other, ends[1].other = ends[1], ends[0]
        self._ends += ends
        one.makeConnection(ends[0])
        two.makeConnection(ends[1])
        return ends

    def listen(self, host: HostAddress, makeProtocol: Callable[[], Any]) -> None:
        """
        Let C{host} answer with a protocol for each connection.
        """
        self._listening[host] = makeProtocol

    def stopListening(self, host: HostAddress) -> None:
        """
        Let C{host} refuse connections.
        """
        self._listening.pop(host, None)

    def silence(self, host: HostAddress) -> None:
        """
        Let C{host} not even refuse connections.
        """
        self._silent.add(host)

    def endpoint(self, host: HostAddress) -> MemoryEndpoint:
        """
        The way to C{host}.
        """
        return MemoryEndpoint(self, host)

    def settle(self) -> None:
        """
        Move bytes until nothing moves any more.
        """
        while any([end.step() for end in list(self._ends)]):
            self._ends = [end for end in self._ends if not end.lost]

    def advance(self, seconds: float) -> None:
        """
        Let time pass, in small steps, and bytes move.
        """
        self.settle()
        for _ in range(int(seconds * 10)):
            self.clock.advance(0.1)
            self.settle()

    def connect(self, host: HostAddress, factory: Any) -> Deferred[Any]:
        """
        Connect to C{host}, as an endpoint does.
        """
        if host in self._silent:
            return Deferred()
        if host not in self._listening:
            return fail(ConnectionRefusedError())
        protocol = factory.buildProtocol(IPv4Address("TCP", host.name, host.port))
        self.link(protocol, self._listening[host](), ("192.0.2.1", host.name))
        return succeed(protocol)


@implementer(IStreamClientEndpoint)
@define
class MemoryEndpoint:
    """
    The way to a host of a L{Network}.
    """

    network: Network
    host: HostAddress

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        See L{IStreamClientEndpoint}.
        """
        return self.network.connect(self.host, protocolFactory)
