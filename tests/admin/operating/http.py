"""
HTTP, as it is written, over a connection in memory.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field, frozen
from twisted.internet.address import UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from bastion.admin.api import ControlSite
from bastion.gateway.control import Operations

#: The user id of who asks.
OPERATOR = 1042


@frozen
class Answer:
    """
    What came back.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body.
        """
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@define
class Caller:
    """
    One connection to the API.
    """

    operations: Operations
    transport: Any = field(init=False)
    _channel: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.transport = StringTransport(hostAddress=UNIXAddress(b"control.sock"))
        self.transport.user = OPERATOR
        self._channel = ControlSite(self.operations, Clock()).buildProtocol(None)
        self._channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """
        Say something.
        """
        self._channel.dataReceived(data)

    def hangUp(self, reason: Any) -> None:
        """
        Leave.
        """
        self._channel.connectionLost(reason)

    def answer(self) -> Answer:
        """
        The one answer that has come.
        """
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        self.transport.clear()
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        return Answer(int(first.split()[1]), {k.lower(): v for k, v in headers.items()}, body)

    def ask(self, path: str, method: str = "GET", *headers: str) -> Answer:
        """
        A request without a body.
        """
        lines = (f"{method} {path} HTTP/1.1", *headers)
        self.send("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        return self.answer()

    def change(self, path: str, body: object, kind: str = "application/json") -> Answer:
        """
        A C{POST}.

        @param body: bytes, or what JSON is made of.
        """
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send(
            f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(sent)}\r\n\r\n".encode()
        )
        self.send(sent)
        return self.answer()
