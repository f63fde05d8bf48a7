"""
The bastion as a Twisted service: all gateways, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.config.problems import ConfigurationError, Problem
from bastion.config.schema import Configuration
from bastion.gateway.clusterservice import ClusterService
from bastion.gateway.doors import DoorsOf
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.proxied import front
from bastion.state import IStateStore


class CannotListen(SystemExit, Exception):
    """
    A port cannot be opened.  The text says which, and why.

    Both of its parents are meant: without C{-n}, twistd tells its parent process
    about an C{Exception} only; with it, only a C{SystemExit} is shown as its
    text alone.
    """


@frozen
class Endpoint:
    """
    A server endpoint.

    @ivar text: as the configuration names it.
    """

    text: str
    endpoint: IStreamServerEndpoint


@define(eq=False)
class Listener:
    """
    A gateway and where it listens.

    @ivar name: the gateway's name.
    @ivar endpoint: the server endpoint.
    """

    name: str
    endpoint: Endpoint
    factory: GatewayFactory


@define(eq=False)
class BastionService(MultiService):
    """
    Listens, and ends what is left when it stops.  Its children are the clusters, and
    whatever else is at work as long as it runs.

    @ivar store: what the clusters keep; it is opened before anything else, and closed
        when the last connection has ended.
    @ivar stateDir: where the store may keep a file.
    @ivar doors: what stands in front of the gateways; closed when everybody has left.
    @ivar close: called when the last connection has been recorded.
    """

    reactor: Any
    listeners: Sequence[Listener]
    clusters: Sequence[ClusterService]
    store: IStateStore
    stateDir: Path
    doors: DoorsOf
    close: Callable[[], None]
    _ports: list[IListeningPort] = field(factory=list, init=False)

    _log = Logger()

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def __attrs_post_init__(self) -> None:
        for cluster in self.clusters:
            cluster.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """
        Take over what was before, and open all ports.

        @raise CannotListen: when one cannot be opened: half a bastion is none.
        """
        super().privilegedStartService()
        opened: Deferred[Any] = self.store.open(self.reactor, self.stateDir)
        opened.addCallback(self._cbOpened).addErrback(self._ebOpened)
        problems: list[str] = []
        for listener in self.listeners:
            balancers = listener.factory.gateway.table.proxy_from
            listening = listener.endpoint.endpoint.listen(front(listener.factory, balancers))
            listening.addCallback(self._cbListening, listener)
            listening.addErrback(self._ebListening, listener, problems)
        if problems:
            while self._ports:
                self._ports.pop().stopListening()
            raise CannotListen("\n".join(problems))

    def _cbOpened(self, _: object) -> Deferred[Any]:
        return DeferredList(
            [cluster.restore() for cluster in self.clusters],
            fireOnOneErrback=True,
            consumeErrors=True,
        )

    def _ebOpened(self, failure: Failure) -> None:
        self._log.critical(
            "which hosts are drained, disabled or quarantined is not known: {problem}",
            problem=failure.getErrorMessage(),
        )

    def _cbListening(self, port: IListeningPort, listener: Listener) -> None:
        self._ports.append(port)
        where = listener.endpoint.text
        self._log.info("gateway {name} listens on {where}", name=listener.name, where=where)

    def _ebListening(self, failure: Failure, listener: Listener, problems: list[str]) -> None:
        problem = (
            f"gateway.{listener.name}.listen: cannot listen on {listener.endpoint.text}: "
            f"{failure.getErrorMessage()}"
        )
        problems.append(problem)
        self._log.critical("{problem}", problem=problem)

    def stopService(self) -> Deferred[Any]:
        """
        Close the ports, and tell everybody who is connected.

        @return: fires when every connection has ended and is recorded.
        """
        return Deferred.fromCoroutine(self._stopAll())

    async def _stopAll(self) -> None:
        children: Deferred[Any] = super().stopService()
        # First, or somebody would come in behind those who are told.
        await DeferredList([Deferred.fromCoroutine(_stopped(port)) for port in self._ports])
        stopping = [children]
        sentence = "The gateway is being stopped."
        factories = {id(listener.factory): listener.factory for listener in self.listeners}
        for factory in factories.values():
            stopping.append(factory.dismissAll("the gateway stopped", sentence))
        await DeferredList(stopping)
        try:
            await self.doors.close()
            await self.store.close()
        finally:
            self.close()


async def _stopped(port: IListeningPort) -> None:
    waiting = port.stopListening()
    if waiting is not None:
        await waiting


def endpointsOf(configuration: Configuration, reactor: Any) -> dict[str, list[Endpoint]]:
    """
    The server endpoints that a configuration names, by the gateway's name.

    @raise ConfigurationError: with every one that Twisted does not understand.
    """
    problems: list[Problem] = []
    endpoints: dict[str, list[Endpoint]] = {}
    for name, table in configuration.gateways.items():
        endpoints[name] = []
        for text in table.listen:
            try:
                endpoint = serverFromString(reactor, text)
            except Exception as error:
                problem = (
                    f"{text!r} is not an endpoint ({error}); "
                    'write for example "tcp:5022" or "tcp:5022:interface=192.0.2.1"'
                )
                problems.append(Problem(f"gateway.{name}.listen", problem))
            else:
                endpoints[name].append(Endpoint(text, endpoint))
    if problems:
        raise ConfigurationError(problems)
    return endpoints


def listenersOf(
    gateways: Mapping[str, GatewayFactory], endpoints: Mapping[str, Sequence[Endpoint]]
) -> list[Listener]:
    """
    One L{Listener} for each endpoint of each gateway.

    @param endpoints: by the gateway's name.
    """
    return [
        Listener(name, endpoint, factory)
        for name, factory in gateways.items()
        for endpoint in endpoints[name]
    ]
