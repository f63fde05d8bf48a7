"""
Requests to the control API, as HTTP has them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from twisted.web.server import Request

#: Of the body of a request, in bytes.
LARGEST_BODY = 64 * 1024


class RefusedRequest(Exception):
    """
    A request that HTTP has a status for.  The text says what is wrong.
    """

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class BoundedRequest(Request):
    """
    A request that keeps so much of its body and no more.

    @ivar overlong: whether there was more.
    """

    overlong = False

    @property
    def operator(self) -> int:
        """
        The user id of who asks, from the credentials of the socket
        (L{bastion.admin.listening}).
        """
        transport: Any = self.transport
        user: int = transport.user
        return user

    def gotLength(self, length: int | None) -> None:
        """
        See L{twisted.web.http.Request}: it is kept in memory.
        """
        super().gotLength(LARGEST_BODY if length is None else min(length, LARGEST_BODY))

    def handleContentChunk(self, data: bytes) -> None:
        """
        See L{twisted.web.http.Request}.
        """
        content: Any = self.content
        room = LARGEST_BODY - content.tell()
        self.overlong = self.overlong or len(data) > room
        super().handleContentChunk(data[:room])

    def getRequestHostname(self) -> bytes:
        """
        See L{twisted.web.http.Request}.  A UNIX socket has none, whatever the client says.
        """
        return b"localhost"


def bodyOf(request: BoundedRequest) -> bytes:
    """
    The body, which is JSON.

    @raise RefusedRequest: when it does not say that it is, or is too large.
    """
    kind = (request.getHeader("content-type") or "").partition(";")[0].strip()
    if kind.lower() != "application/json":
        raise RefusedRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 'the Content-Type has to be "application/json"'
        )
    if request.overlong:
        raise RefusedRequest(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {LARGEST_BODY} bytes"
        )
    content: Any = request.content
    body: bytes = content.read()
    return body
