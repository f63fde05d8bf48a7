"""
Tests of L{bastion.admin.requests}.
"""

from __future__ import annotations

import io
import json

import pytest
from operating.http import Caller
from operating.operations import FakeOperations

from bastion.admin.requests import LARGEST_BODY, BoundedRequest

HEAD = b"POST /hosts/drain HTTP/1.1\r\nContent-Type: application/json\r\n"


def padded(size: int) -> bytes:
    """
    A good body of a size.
    """
    return json.dumps({"host": "nice1"}).encode().ljust(size)


def test_bodyMayBeAsLargeAsItsLimit(operations: FakeOperations) -> None:
    caller = Caller(operations)
    assert caller.change("/hosts/drain", padded(LARGEST_BODY)).status == 200


def test_largerBodyIsRefused(operations: FakeOperations) -> None:
    caller = Caller(operations)
    answer = caller.change("/hosts/drain", padded(LARGEST_BODY + 1))
    assert answer.status == 413
    assert answer.json == {"error": "the body has more than 65536 bytes"}
    assert operations.changes == []
    assert caller.change("/hosts/drain", padded(20)).status == 200


def test_largerBodyInChunksIsRefused(operations: FakeOperations) -> None:
    caller = Caller(operations)
    caller.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(17):
        caller.send(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
    caller.send(b"0\r\n\r\n")
    assert caller.answer().status == 413


@pytest.mark.parametrize("length", [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"])
def test_nothingButTheLimitIsKept(
    operations: FakeOperations, monkeypatch: pytest.MonkeyPatch, length: bytes
) -> None:
    """
    And nothing goes to a file.
    """
    requests: list[BoundedRequest] = []
    got = BoundedRequest.gotLength

    def noted(request: BoundedRequest, length: int | None) -> None:
        requests.append(request)
        got(request, length)

    monkeypatch.setattr(BoundedRequest, "gotLength", noted)
    caller = Caller(operations)
    caller.send(HEAD + length + b"\r\n\r\n")
    for _ in range(40):
        caller.send(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
    (request,) = requests
    assert isinstance(request.content, io.BytesIO)
    assert len(request.content.getvalue()) == LARGEST_BODY
    assert request.overlong


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_formsAreNotRead(operations: FakeOperations, kind: str) -> None:
    """
    Otherwise, one that is malformed would end the connection.
    """
    caller = Caller(operations)
    assert caller.change("/hosts/drain", b"host=nice1", kind).status == 415
    assert caller.ask("/status").status == 200
