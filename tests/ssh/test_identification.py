"""
Tests of L{bastion.ssh.identification}: bytes in, an identification string or a
problem out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from bastion import __version__
from bastion.ssh.identification import (
    MAX_LINE,
    MAX_PREAMBLE,
    TO_CLIENTS,
    VERSION_2_ONLY,
    IdentificationReader,
    Identified,
    toHosts,
)
from bastion.wire import Malformed

NOT_SSH = "this is not SSH"
TOO_LONG = "the identification string is too long"
INCOMPLETE = "the identification string is incomplete"
TOO_MUCH = "too much text before the identification string"


def atOnce(data: bytes) -> Iterable[bytes]:
    """
    In one piece.
    """
    return [data]


def byteByByte(data: bytes) -> Iterable[bytes]:
    """
    As slowly as can be.
    """
    return (data[at : at + 1] for at in range(len(data)))


Pieces = Callable[[bytes], Iterable[bytes]]
eitherWay = pytest.mark.parametrize("pieces", [atOnce, byteByByte])


def feed(reader: IdentificationReader, pieces: Iterable[bytes]) -> Identified | None:
    """
    Feed pieces until the string is known; what was not fed is not missed.
    """
    for piece in pieces:
        identified = reader.feed(piece)
        if identified is not None:
            return identified
    return None


def problem(data: bytes, pieces: Pieces, preamble: bool) -> str:
    """
    The problem that must follow.
    """
    with pytest.raises(Malformed) as caught:
        feed(IdentificationReader(preamble), pieces(data))
    return str(caught.value)


def line(size: int, end: bytes) -> bytes:
    """
    An identification string of C{size} bytes with its line end.
    """
    return b"SSH-2.0-".ljust(size - len(end), b"x") + end


@eitherWay
@pytest.mark.parametrize("preamble", [False, True])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_10.0p2 Debian-7",
        b"SSH-2.0-PuTTY_Release_0.83",
        b"SSH-1.99-Cisco-1.25",
        b"SSH-2.0--",
    ],
)
def test_stringOfVersion2IsTakenAsItIs(
    said: bytes, end: bytes, preamble: bool, pieces: Pieces
) -> None:
    identified = feed(IdentificationReader(preamble), pieces(said + end))
    assert identified == Identified(said, b"")


def test_stringIsNotCompleteBeforeItsLineEnd() -> None:
    reader = IdentificationReader(False)
    assert [reader.feed(piece) for piece in (b"SSH-2", b".0-x", b"", b"\r")] == [None] * 4
    assert reader.feed(b"\n") == Identified(b"SSH-2.0-x", b"")


def test_whatComesBehindBelongsToTheFirstPacket() -> None:
    data = b"SSH-2.0-x\r\n\0\0\5\n\r\n"
    assert IdentificationReader(False).feed(data) == Identified(b"SSH-2.0-x", b"\0\0\5\n\r\n")


def test_oneCarriageReturnOnlyBelongsToTheLineEnd() -> None:
    assert IdentificationReader(False).feed(b"SSH-2.0-x\r\r\n") == Identified(b"SSH-2.0-x\r", b"")


@eitherWay
@pytest.mark.parametrize("preamble", [False, True])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"SSH-1.5-1.2.27\r\n", VERSION_2_ONLY),
        (b"SSH-1.3-old\n", VERSION_2_ONLY),
        (b"SSH-3.0-new\r\n", VERSION_2_ONLY),
        (b"SSH-2.00-x\r\n", VERSION_2_ONLY),
        (b"SSH--x\r\n", VERSION_2_ONLY),
        (b"SSH-\r\n", INCOMPLETE),
        (b"SSH-2.0\r\n", INCOMPLETE),
        (b"SSH-2.0-\r\n", INCOMPLETE),
        (b"SSH-1.5\n", INCOMPLETE),
    ],
)
def test_otherStringsAreRefusedWithAReason(
    said: bytes, expected: str, preamble: bool, pieces: Pieces
) -> None:
    assert problem(said, pieces, preamble) == expected


def test_userOfVersion1IsToldWhatToDo() -> None:
    assert "ssh -2" in VERSION_2_ONLY


@eitherWay
@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"\r\n",
        b"\n",
        b"S\n",
        b"SSH\n",
        b"ssh-2.0-x\r\n",
        b" SSH-2.0-x\r\n",
        b"Hello\r\nSSH-2.0-x\r\n",
        b"\0",
    ],
)
def test_clientThatSaysSomethingElseFirstIsNotSsh(said: bytes, pieces: Pieces) -> None:
    assert problem(said, pieces, preamble=False) == NOT_SSH


@pytest.mark.parametrize("said", [b"G", b"ST", b"SSHx", b"\xff"])
def test_clientThatIsNotSshIsKnownAtItsFirstWrongByte(said: bytes) -> None:
    reader = IdentificationReader(False)
    assert feed(reader, byteByByte(said[:-1])) is None
    with pytest.raises(Malformed, match=NOT_SSH):
        reader.feed(said[-1:])


# Limits


@eitherWay
@pytest.mark.parametrize("preamble", [False, True])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_lineMayHave255BytesWithItsEnd(end: bytes, preamble: bool, pieces: Pieces) -> None:
    said = line(MAX_LINE, end)
    assert len(said) == 255
    identified = feed(IdentificationReader(preamble), pieces(said))
    assert identified == Identified(said.rstrip(), b"")


@eitherWay
@pytest.mark.parametrize("preamble", [False, True])
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b""])
def test_oneByteMoreIsTooLong(end: bytes, preamble: bool, pieces: Pieces) -> None:
    assert problem(line(MAX_LINE + 1, end), pieces, preamble) == TOO_LONG


# The preamble of a host


@eitherWay
@pytest.mark.parametrize(
    "before",
    [
        b"Authorized users only.\r\n",
        b"\r\n\r\n",
        b"x" * 1000 + b"\n",
        b" SSH-1.5-not at the start of its line\n",
        b"S\nSS\nSSH\nssh-2.0-x\n",
        b"\xff\xfe\0\n",
    ],
)
def test_hostMayTalkBeforeItIdentifiesItself(before: bytes, pieces: Pieces) -> None:
    reader = IdentificationReader(preamble=True)
    assert feed(reader, pieces(before + b"SSH-2.0-x\r\n")) == Identified(b"SSH-2.0-x", b"")


SHORT = b"SSH-2.0-x"


def talk(size: int, longest: int) -> bytes:
    """
    So many bytes in whole lines.
    """
    lines, left = divmod(size, longest)
    return (b"x" * (longest - 1) + b"\n") * lines + b"x" * (left - 1) + b"\n" * bool(left)


@eitherWay
@pytest.mark.parametrize("longest", [1, 80, MAX_PREAMBLE])
def test_hostMayTalkUpToTheLimitItsIdentificationIncluded(longest: int, pieces: Pieces) -> None:
    before = talk(MAX_PREAMBLE - len(SHORT), longest)
    identified = feed(IdentificationReader(True), pieces(before + SHORT + b"\n"))
    assert identified == Identified(SHORT, b"")
    assert problem(b"\n" + before + SHORT + b"\n", pieces, preamble=True) == TOO_MUCH


@eitherWay
def test_hostThatNeverEndsItsLineIsStopped(pieces: Pieces) -> None:
    assert problem(b"x" * (MAX_PREAMBLE + 1), pieces, preamble=True) == TOO_MUCH


@eitherWay
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", b""),
        (b"Exceeded MaxStartups\r\n", b"Exceeded MaxStartups\r\n"),
        (b"one\r\ntwo\nthr", b"one\r\ntwo\nthr"),
        (b"x" * 700, b"x" * 512),
        (b"line\n" * 1000, (b"line\n" * 1000)[:512]),
    ],
)
def test_whatAHostSaysInsteadIsKnownUpToALimit(data: bytes, said: bytes, pieces: Pieces) -> None:
    reader = IdentificationReader(preamble=True)
    assert feed(reader, pieces(data)) is None
    assert reader.said == said


def test_nothingOfTheFirstPacketIsKept() -> None:
    reader = IdentificationReader(preamble=True)
    reader.feed(b"Hello\nSSH-2.0-x\r\n" + bytes(1000))
    assert reader.said == b"Hello\n"


# Ourselves


OPENSSH = b"SSH-2.0-OpenSSH_10.0p2 Debian-7"
PUTTY = b"SSH-2.0-PuTTY_Release_0.83"


@pytest.mark.parametrize("ours", [TO_CLIENTS, toHosts(OPENSSH), toHosts(PUTTY)])
def test_weIdentifyOurselvesAsTheRfcAsks(ours: bytes) -> None:
    assert feed(IdentificationReader(False), [ours + b"\r\n"]) == Identified(ours, b"")
    software, _, comments = ours.removeprefix(b"SSH-2.0-").partition(b" ")
    assert f"bastion_{__version__}".encode() in (software, comments)
    assert ours.isascii() and ours.decode().isprintable() and b"-" not in software


def test_clientsMeetTheKinOfTheirHosts() -> None:
    assert TO_CLIENTS.startswith(b"SSH-2.0-OpenSSH_")


@pytest.mark.parametrize(
    ("client", "isOpenSsh"),
    [
        (OPENSSH, True),
        (b"SSH-2.0-OpenSSH_for_Windows_9.5", True),
        (PUTTY, False),
        (b"SSH-2.0-libssh_0.11.2 SSH-2.0-OpenSSH", False),
        (b"", False),
    ],
)
def test_hostsMeetTheKinOfTheirClients(client: bytes, isOpenSsh: bool) -> None:
    assert toHosts(client).startswith(b"SSH-2.0-OpenSSH_") is isOpenSsh


def test_readerDoesNotShowWhatItWasFed() -> None:
    reader = IdentificationReader(True)
    reader.feed(b"secret")
    assert "secret" not in repr(reader)
