"""
SFTP as the program of a channel.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.filetransfer import (
    FX_FAILURE,
    FX_NO_SUCH_FILE,
    FXP_HANDLE,
    FXP_INIT,
    FXP_OPEN,
    FXP_READ,
    FXP_REALPATH,
    FXP_RMDIR,
    FXP_STAT,
    FXP_STATUS,
    FXP_VERSION,
)

from bastion.lab.channel import PacedChannel
from bastion.lab.files import MAX_PACKET, Files
from bastion.lab.sftp import FileTransfer


def packet(kind: int, payload: bytes, number: int = 1) -> bytes:
    """
    A request.
    """
    body = bytes((kind,)) + struct.pack(">L", number) + payload
    return struct.pack(">L", len(body)) + body


INIT = packet(FXP_INIT, b"", number=3)


def answers(data: bytes) -> list[tuple[int, bytes]]:
    """
    The answers in what was sent: kind and payload, with the number.
    """
    found = []
    while data:
        length = struct.unpack(">L", data[:4])[0]
        found.append((data[4], data[5 : 4 + length]))
        data = data[4 + length :]
    return found


@pytest.fixture
def channel(makeChannel: Callable[..., PacedChannel], tmp_path: Path) -> PacedChannel:
    """
    A channel with SFTP, at home in a directory of the test.
    """
    made = makeChannel(window=1 << 20, maxPacket=32768)
    made.attach(FileTransfer(made, Files(str(tmp_path).encode())))
    return made


def test_saysItsVersion(channel: PacedChannel, connection: Any) -> None:
    channel.dataReceived(INIT)
    ((kind, payload),) = answers(connection.data)
    assert (kind, payload[:4]) == (FXP_VERSION, b"\0\0\0\3")


def test_requestsMayComeInPiecesOrTogether(channel: PacedChannel, connection: Any) -> None:
    stream = INIT + packet(FXP_REALPATH, NS(b"."), 2) + packet(FXP_REALPATH, NS(b"/"), 3)
    for byte in stream[:-5]:
        channel.dataReceived(bytes((byte,)))
    assert len(answers(connection.data)) == 2
    channel.dataReceived(stream[-5:] + packet(FXP_REALPATH, NS(b"/"), 4))
    assert [payload[:4] for _, payload in answers(connection.data)[1:]] == [
        struct.pack(">L", number) for number in (2, 3, 4)
    ]


def test_itEndsWithItsInput(channel: PacedChannel, connection: Any) -> None:
    channel.dataReceived(INIT)
    channel.eofReceived()
    assert connection.sent[1:] == [
        ("eof",),
        ("request", b"exit-status", b"\0\0\0\0"),
        ("close",),
    ]


def test_aPacketThatIsTooLargeEndsIt(channel: PacedChannel, connection: Any) -> None:
    channel.dataReceived(struct.pack(">L", MAX_PACKET - 3) + INIT)
    assert connection.sent == [
        ("eof",),
        ("request", b"exit-status", b"\0\0\0\1"),
        ("close",),
    ]


def test_nothingIsServedWhileAnAnswerWaits(
    makeChannel: Callable[..., PacedChannel], connection: Any, tmp_path: Path
) -> None:
    """
    A request is small and its answer large: a client that asks and does not
    read could fill the memory.
    """
    (tmp_path / "f").write_bytes(b"x" * 100_000)
    channel = makeChannel(window=200, maxPacket=32768)
    channel.attach(FileTransfer(channel, Files(str(tmp_path).encode())))
    channel.dataReceived(INIT + packet(FXP_OPEN, NS(b"f") + struct.pack(">LL", 1, 0)))
    kind, payload = answers(connection.data)[1]
    assert kind == FXP_HANDLE
    handle = payload[4:]
    read = packet(FXP_READ, handle + struct.pack(">QL", 0, 100_000))
    channel.dataReceived(read * 50)
    channel.eofReceived()
    assert channel.inputHeld
    assert len(connection.data) == 200
    answer = 4 + 1 + 4 + 4 + 100_000
    channel.addWindowBytes(answer)
    assert channel.inputHeld
    channel.addWindowBytes(49 * answer)
    assert not channel.inputHeld
    assert len(answers(connection.data)) == 52
    assert connection.sent[-1] == ("close",)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (errno.ENOENT, FX_NO_SUCH_FILE),
        (errno.ENOTEMPTY, FX_FAILURE),
        (errno.EEXIST, FX_FAILURE),
    ],
)
def test_errorsAreToldWithTheirReason(
    channel: PacedChannel,
    connection: Any,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    status: int,
) -> None:
    def fail(self: Files, path: bytes) -> None:
        raise OSError(code, "the reason")

    monkeypatch.setattr(Files, "removeDirectory", fail)
    channel.dataReceived(INIT + packet(FXP_RMDIR, NS(b"d")))
    kind, payload = answers(connection.data)[1]
    assert kind == FXP_STATUS
    assert payload[4:] == struct.pack(">L", status) + NS(b"the reason") + NS(b"")


def test_whatIsOpenIsClosedInTheEnd(
    channel: PacedChannel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"")
    channel.dataReceived(INIT + packet(FXP_OPEN, NS(b"f") + struct.pack(">LL", 1, 0)))
    transfer: Any = channel.program
    assert len(transfer.openFiles) == 1
    channel.closed()
    assert transfer.openFiles == {}


def test_namesAreBytes(channel: PacedChannel, connection: Any, tmp_path: Path) -> None:
    (tmp_path / "é").write_bytes(b"12345")
    channel.dataReceived(INIT + packet(FXP_STAT, NS("é".encode())))
    _, payload = answers(connection.data)[1]
    assert payload[8:16] == struct.pack(">Q", 5)
