"""
Tests of L{bastion.admin.client}: what answers is a thread of the test, or nobody.
"""

from __future__ import annotations

import errno
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bastion.admin import client
from bastion.admin.client import ControlClient, Refused, Unreachable


class Server:
    """
    Takes one request, and gives one answer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.request = b""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread: threading.Thread | None = None

    def answering(self, answer: bytes | None) -> ControlClient:
        """
        Whom to ask.

        @param answer: what is said; L{None} for nothing until the other side leaves.
        """
        self._thread = threading.Thread(target=self._answer, args=(answer,))
        self._thread.start()
        return ControlClient(self.path)

    def _answer(self, answer: bytes | None) -> None:
        connection, _ = self._listening.accept()
        with connection:
            while data := connection.recv(65536):
                self.request += data
                if answer is not None and self._isWhole():
                    connection.sendall(answer)
                    break

    def _isWhole(self) -> bool:
        head, end, body = self.request.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: ([0-9]+)", head)
        return bool(end) and len(body) == (int(length[1]) if length else 0)

    def close(self) -> None:
        """
        The end.
        """
        if self._thread is not None:
            self._thread.join()
        self._listening.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """
    Somebody at the socket.
    """
    made = Server(tmp_path / "control.sock")
    yield made
    made.close()


def answer(status: str, body: object) -> bytes:
    """
    An answer as it is written.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def test_questionIsAGet(server: Server) -> None:
    asking = server.answering(answer("200 OK", [1]))
    assert asking.ask("/hosts", cluster="a&b", host="") == [1]
    assert server.request.startswith(b"GET /hosts?cluster=a%26b HTTP/1.1\r\n")


def test_questionWithoutParametersHasNone(server: Server) -> None:
    server.answering(answer("200 OK", {})).ask("/hosts", cluster="")
    assert server.request.startswith(b"GET /hosts HTTP/1.1\r\n")


def test_changeIsAPostOfJSON(server: Server) -> None:
    changing = server.answering(answer("200 OK", {"state": "drain"}))
    assert changing.change("/hosts/drain", host="nice1", reason="") == {"state": "drain"}
    head, _, body = server.request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hosts/drain HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/json" in head
    assert json.loads(body) == {"host": "nice1"}


@pytest.mark.parametrize("status", ["404 Not Found", "409 Conflict", "500 Internal Server Error"])
def test_refusalIsTheBastionsSentence(server: Server, status: str) -> None:
    with pytest.raises(Refused) as caught:
        server.answering(answer(status, {"error": "no such \x1b[2Jhost"})).ask("/hosts")
    assert str(caught.value) == "no such \\x1b[2Jhost"


@pytest.mark.parametrize(
    "said",
    [
        answer("200 OK", b"<html>"),
        answer("200 OK", b"[" * 60_000),
        answer("200 OK", b"\xff"),
        answer("502 Bad Gateway", b"[]"),
        answer("502 Bad Gateway", b"{}"),
        answer("502 Bad Gateway", b"1"),
    ],
)
def test_whatIsNoBastionIsCalledSo(server: Server, said: bytes) -> None:
    with pytest.raises(Unreachable) as caught:
        server.answering(said).ask("/status")
    assert str(caught.value) == f"what answers on {server.path} is not a bastion"


def test_answerHasALimit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGEST_ANSWER", 10)
    with pytest.raises(Unreachable):
        server.answering(answer("200 OK", [0] * 10)).ask("/status")


def test_whatSpeaksNoHTTPIsCalledSo(server: Server) -> None:
    with pytest.raises(Unreachable, match=r"does not speak HTTP \("):
        server.answering(b"SSH-2.0-OpenSSH_9.9\r\n").ask("/status")


def test_whoClosesWithoutAnAnswerDoesNotKnowTheUser(server: Server) -> None:
    with pytest.raises(Unreachable, match="run this as the user that runs the bastion"):
        server.answering(b"").ask("/status")


def test_whoDoesNotAnswerIsNotWaitedForForEver(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.01)
    with pytest.raises(Unreachable, match="has not answered within"):
        server.answering(None).ask("/status")


def test_withoutASocketTheBastionIsNotRunning(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with pytest.raises(Unreachable) as caught:
        ControlClient(path).ask("/status")
    said = f"is the bastion running? there is nobody at its socket ({path})"
    assert str(caught.value) == said
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with pytest.raises(Unreachable) as caught:
        ControlClient(path).ask("/status")
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "run it as the user that runs the"),
        (OSError(errno.EMFILE, "Too many open files"), "cannot be used: Too many open files"),
        (OSError("AF_UNIX path too long"), "cannot be used: AF_UNIX path too long"),
    ],
)
def test_socketThatCannotBeUsedSaysWhy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def connect(*_: Any) -> None:
        raise error

    monkeypatch.setattr(client.socket.socket, "connect", connect)
    with pytest.raises(Unreachable) as caught:
        ControlClient(tmp_path / "control.sock").ask("/status")
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)
