"""
A server endpoint that writes down whom it accepts, and is an operator's C{tcp} apart from
that: C{witnessed:PORT:interface=ADDRESS:file=FILE}.

L{harness.gateway} installs it beside a bastion's configuration, as a plugin.  What the
bastion says of its connections is held against it (L{harness.ledger}).
"""

from __future__ import annotations

import os
from functools import cache

from attrs import frozen
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import (
    IProtocolFactory,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer


@cache
def _opened(file: str) -> int:
    """
    The descriptor of a file that all ports of the process share.
    """
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


@implementer(IProtocolFactory)
@frozen
class _Witness:
    """
    Stands before a factory, and writes down each connection before anybody looks at it.
    """

    factory: object
    port: int
    file: str

    def buildProtocol(self, addr):
        os.write(_opened(self.file), f"{self.port} {addr.host}\n".encode())
        return self.factory.buildProtocol(addr)

    def doStart(self):
        self.factory.doStart()

    def doStop(self):
        self.factory.doStop()


@implementer(IStreamServerEndpoint)
@frozen
class _Endpoint:
    """
    A port.
    """

    port: int
    file: str
    endpoint: TCP4ServerEndpoint

    def listen(self, factory):
        return self.endpoint.listen(_Witness(factory, self.port, self.file))


@implementer(IPlugin, IStreamServerEndpointStringParser)
@frozen
class _Parser:
    prefix = "witnessed"

    def parseStreamServer(self, reactor, port, interface, file):
        endpoint = TCP4ServerEndpoint(reactor, int(port), interface=interface)
        return _Endpoint(int(port), file, endpoint)


witnessed = _Parser()
