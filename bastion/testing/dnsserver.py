"""
A DNS server for tests, by UDP and TCP, that knows what a L{Zone} says.

C{python -m bastion.testing.dnsserver ZONE [ADDRESS [PORT]]} is one of its own process:
ZONE is a file, which is read again when it has changed.  It says its address and port in
one line when it answers, and ends with SIGTERM.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from attrs import evolve, frozen
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.task import react
from twisted.protocols.basic import Int16StringReceiver

from bastion.testing.dnsreplies import Sending, query, sendings
from bastion.testing.dnszone import TYPES, Zone

#: How many questions are remembered.
_REMEMBERED = 10_000
_TYPE_NAMES = {number: name for name, number in TYPES.items()}


@frozen
class Asked:
    """
    A question that was asked.
    """

    name: str
    type: str
    byTcp: bool


class DnsServer:
    """
    The server.

    @ivar address: where it is; and C{port}.
    @ivar asked: what it was asked, in order.
    """

    def __init__(self, reactor: Any, zone: Callable[[], Zone], address: str = "127.0.0.1") -> None:
        """
        @param zone: tells the zone, for each question anew.
        """
        self.address = address
        self.port = 0
        self.asked: deque[Asked] = deque(maxlen=_REMEMBERED)
        self._reactor = reactor
        self._zone = zone
        self._counts: Counter[Any] = Counter()
        self._ports: list[Any] = []
        self._late: set[Any] = set()

    def start(self, port: int = 0) -> DnsServer:
        """
        Answer from now on.

        @param port: 0 for any that is free for UDP and TCP.
        """
        factory = Factory.forProtocol(lambda: _Stream(self))
        factory.noisy = False
        while not self._ports:
            here = self._reactor.listenUDP(port, _Datagrams(self), interface=self.address)
            try:
                self.port = here.getHost().port
                stream = self._reactor.listenTCP(self.port, factory, interface=self.address)
            except CannotListenError:
                here.stopListening()
                if port:
                    raise
                continue
            elsewhere = self._reactor.listenUDP(0, DatagramProtocol(), interface=self.address)
            self._ports = [here, stream, elsewhere]
        return self

    def stop(self) -> Deferred[Any]:
        """
        Answer no longer.

        @return: fires when the ports are free.
        """
        for call in self._late:
            call.cancel()
        self._late = set()
        ports, self._ports = self._ports, []
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])

    def question(self, message: bytes, byTcp: bool, do: Callable[[Sending], None]) -> None:
        """
        Somebody asks.

        @param do: does what is to be done about it.
        """
        asked = query(message, byTcp)
        name = b".".join(asked.name).lower()
        kind = _TYPE_NAMES.get(asked.type, str(asked.type))
        self.asked.append(Asked(name.decode("latin-1"), kind, byTcp))
        before = self._counts[name, asked.type]
        self._counts[name, asked.type] += 1
        for sending in sendings(evolve(asked, before=before), self._zone()):
            if sending.delay:
                self._later(sending, do)
            else:
                do(sending)

    def _later(self, sending: Sending, do: Callable[[Sending], None]) -> None:
        def now() -> None:
            self._late.discard(call)
            do(sending)

        call = self._reactor.callLater(sending.delay, now)
        self._late.add(call)

    def send(self, sending: Sending, address: tuple[str, int]) -> None:
        """
        Send a datagram.
        """
        if self._ports:
            self._ports[2 if sending.elsewhere else 0].write(sending.message, address)


class _Datagrams(DatagramProtocol):
    """
    Questions by UDP.
    """

    noisy = False

    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        See C{DatagramProtocol}.
        """
        self._server.question(datagram, False, lambda sending: self._server.send(sending, addr))


class _Stream(Int16StringReceiver):
    """
    Questions by TCP.
    """

    transport: Any

    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def stringReceived(self, string: bytes) -> None:
        """
        See C{IntNStringReceiver}.
        """
        self._server.question(string, True, self._do)

    def _do(self, sending: Sending) -> None:
        if sending.message:
            self.sendString(sending.message)
        else:
            self.transport.loseConnection()


class ZoneFile:
    """
    A zone in a file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0
        self._zone = Zone()

    def __call__(self) -> Zone:
        """
        The zone, as it is in the file now.
        """
        seen = self._path.stat().st_mtime_ns
        if seen != self._seen:
            self._zone = Zone.read(self._path.read_text())
            self._seen = seen
        return self._zone


def run(reactor: Any, arguments: Sequence[str], out: TextIO = sys.stdout) -> Deferred[Any]:
    """
    Be a server of its own process.

    @param arguments: the file of the zone, and perhaps the address and the port.
    """
    path = Path(arguments[0])
    address = arguments[1] if len(arguments) > 1 else "127.0.0.1"
    port = int(arguments[2]) if len(arguments) > 2 else 0
    server = DnsServer(reactor, ZoneFile(path), address).start(port)
    out.write(f"{server.address} {server.port}\n")
    out.flush()
    reactor.addSystemEventTrigger("before", "shutdown", server.stop)
    return Deferred()


if __name__ == "__main__":
    # react brings the reactor.
    react(run, (sys.argv[1:],))
