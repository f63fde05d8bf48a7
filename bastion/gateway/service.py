"""
The bastion as a Twisted service: all gateways, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.gateway.factory import GatewayFactory


@define(eq=False)
class Listener:
    """
    A gateway and where it listens.

    @ivar name: the gateway's name.
    @ivar endpoint: a server endpoint string.
    """

    name: str
    endpoint: str
    factory: GatewayFactory


@define(eq=False)
class BastionService(Service):
    """
    Listens, and ends what is left when it stops.

    @ivar close: called when the last connection has been recorded.
    """

    reactor: Any
    listeners: Sequence[Listener]
    close: Callable[[], None]
    _ports: list[IListeningPort] = field(factory=list, init=False)

    _log = Logger()

    def privilegedStartService(self) -> None:
        """
        Open all ports.

        @raise SystemExit: when one cannot be opened: half a bastion is none.
        """
        problems: list[str] = []
        for listener in self.listeners:
            endpoint = serverFromString(self.reactor, listener.endpoint)
            listening = endpoint.listen(listener.factory)
            listening.addCallback(self._cbListening, listener)
            listening.addErrback(self._ebListening, listener, problems)
        if problems:
            while self._ports:
                self._ports.pop().stopListening()
            raise SystemExit("\n".join(problems))

    def _cbListening(self, port: IListeningPort, listener: Listener) -> None:
        self._ports.append(port)
        self._log.info(
            "gateway {name} listens on {address}", name=listener.name, address=port.getHost()
        )

    def _ebListening(self, failure: Failure, listener: Listener, problems: list[str]) -> None:
        problem = (
            f"gateway.{listener.name}.listen: cannot listen on {listener.endpoint}: "
            f"{failure.getErrorMessage()}"
        )
        problems.append(problem)
        self._log.critical("{problem}", problem=problem)

    def stopService(self) -> Deferred[Any]:
        """
        Close the ports, and tell everybody who is connected.

        @return: fires when every connection has ended and is recorded.
        """
        super().stopService()
        stopping = [Deferred.fromCoroutine(_stopped(port)) for port in self._ports]
        sentence = "The gateway is being stopped."
        factories = {id(listener.factory): listener.factory for listener in self.listeners}
        for factory in factories.values():
            stopping.append(factory.dismissAll("the gateway stopped", sentence))
        return DeferredList(stopping).addCallback(lambda _: self.close())


async def _stopped(port: IListeningPort) -> None:
    waiting = port.stopListening()
    if waiting is not None:
        await waiting


def listenersOf(
    gateways: Mapping[str, GatewayFactory], endpoints: Mapping[str, Sequence[str]]
) -> list[Listener]:
    """
    One L{Listener} for each endpoint of each gateway.

    @param endpoints: endpoint strings, by the gateway's name.
    """
    return [
        Listener(name, endpoint, factory)
        for name, factory in gateways.items()
        for endpoint in endpoints[name]
    ]
