"""
The other end of the control socket: asks, and waits for the answer.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

from bastion.admin.tables import visible

#: How long the bastion may take, in seconds.
PATIENCE = 30.0
#: Of an answer, in bytes: a hundred thousand connections have less.
LARGEST_ANSWER = 64 << 20


class Unreachable(Exception):
    """
    No answer from a bastion.  The text says why, and what to do.
    """


class Refused(Exception):
    """
    The bastion does not do what it was asked.  The text is its sentence.
    """


class _Connection(http.client.HTTPConnection):
    """
    HTTP over a UNIX socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """
        See C{http.client.HTTPConnection}.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fsencode(self._path))


@frozen
class ControlClient:
    """
    Asks the bastion behind a control socket.

    @ivar path: the socket's.
    """

    path: Path

    def ask(self, path: str, **query: str) -> Any:
        """
        C{GET}.

        @param query: what is empty is left out.
        @return: the answer.
        @raise Unreachable: when there is none.
        @raise Refused: when it is a refusal.
        """
        given = {name: value for name, value in query.items() if value}
        return self._exchange("GET", f"{path}?{urlencode(given)}" if given else path)

    def change(self, path: str, **given: str) -> Any:
        """
        C{POST}; see L{ask}.
        """
        body = json.dumps({name: value for name, value in given.items() if value})
        return self._exchange("POST", path, body, {"Content-Type": "application/json"})

    def _exchange(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] = {}
    ) -> Any:
        connection = _Connection(self.path)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            status, content = response.status, response.read(LARGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{_why(error)} ({visible(str(self.path))})") from None
        finally:
            connection.close()
        return self._understood(status, content)

    def _understood(self, status: int, content: bytes) -> Any:
        try:
            answer = json.loads(content)
            if status == http.client.OK:
                return answer
            sentence = answer["error"]
        except (ValueError, RecursionError, LookupError, TypeError):
            raise Unreachable(
                f"what answers on {visible(str(self.path))} is not a bastion"
            ) from None
        raise Refused(visible(str(sentence)))


def _why(error: OSError | http.client.HTTPException) -> str:
    match error:
        case FileNotFoundError() | ConnectionRefusedError():
            return "is the bastion running? there is nobody at its socket"
        case PermissionError():
            return "run it as the user that runs the bastion: its socket is for that user only"
        case TimeoutError():
            return f"the bastion has not answered within {PATIENCE:.0f} s"
        case ConnectionError():
            return (
                "the bastion has closed the connection without an answer; "
                "run this as the user that runs the bastion"
            )
        case OSError():
            return f"the bastion's socket cannot be used: {error.strerror or error}"
    return "what answers on the bastion's socket does not speak HTTP"
