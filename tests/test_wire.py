"""
Tests of L{bastion.wire}: each value beside its bytes, read and written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion import wire
from bastion.wire import (
    ChannelOpen,
    ChannelRequestMessage,
    GlobalRequest,
    Malformed,
    Reader,
    openFailure,
    shown,
    string,
    uint32,
)

# (the type, a value, its bytes), from the examples of RFC 4251 section 5 where it has some.
VALUES: list[tuple[str, Any, str]] = [
    ("byte", 0, "00"),
    ("byte", 255, "ff"),
    ("uint32", 0, "00000000"),
    ("uint32", 699921578, "29b7f4aa"),
    ("uint32", 2**32 - 1, "ffffffff"),
    ("string", b"", "00000000"),
    ("string", b"testing", "00000007 74657374696e67"),
    ("string", b"\0\xff", "00000002 00ff"),
    ("nameList", (), "00000000"),
    ("nameList", (b"zlib",), "00000004 7a6c6962"),
    ("nameList", (b"zlib", b"none"), "00000009 7a6c69622c6e6f6e65"),
]


def hexOf(data: str) -> bytes:
    """
    Bytes written as hexadecimal digits.
    """
    return bytes.fromhex(data)


@pytest.mark.parametrize(("type", "value", "data"), VALUES)
def test_valueIsWrittenAsItsBytes(type: str, value: Any, data: str) -> None:
    assert getattr(wire, type)(value) == hexOf(data)


@pytest.mark.parametrize(("type", "value", "data"), VALUES)
def test_valueIsReadFromItsBytes(type: str, value: Any, data: str) -> None:
    reader = Reader(hexOf(data))
    assert getattr(reader, type)() == value
    reader.end()


@pytest.mark.parametrize(("type", "value", "data"), VALUES)
def test_everyTruncationIsMalformed(type: str, value: Any, data: str) -> None:
    whole = hexOf(data)
    for size in range(len(whole)):
        with pytest.raises(Malformed):
            getattr(Reader(whole[:size]), type)()


@pytest.mark.parametrize(("data", "value"), [("00", False), ("01", True), ("02", True)])
def test_everyBooleanButZeroIsTrue(data: str, value: bool) -> None:
    assert Reader(hexOf(data)).boolean() is value


def test_fieldsAreTakenInTheirOrder() -> None:
    reader = Reader(hexOf("05 00000002 6869 00000009 7265 7374"))
    fields = [reader.byte(), reader.string(), reader.uint32(), reader.rest()]
    assert fields == [5, b"hi", 9, b"rest"]
    reader.end()


def test_restOfNothingIsNothing() -> None:
    assert Reader(b"").rest() == b""


@pytest.mark.parametrize(
    ("read", "data", "problem"),
    [
        (Reader.byte, "", "0 bytes are too few: a field ends at 1"),
        (Reader.uint32, "000000", "3 bytes are too few: a field ends at 4"),
        (Reader.string, "00000003 6162", "6 bytes are too few: a field ends at 7"),
        (Reader.string, "ffffffff", "4 bytes are too few: a field ends at 4294967299"),
        (lambda reader: reader.string(2), "00000003 616263", "a string of 3 bytes where at most 2"),
        (lambda reader: reader.string(2), "ffffffff", "a string of 4294967295 bytes where at most"),
        (Reader.end, "00", "1 bytes after the last field"),
    ],
)
def test_problemIsSaidWithoutTheBytes(
    read: Callable[[Reader], object], data: str, problem: str
) -> None:
    with pytest.raises(Malformed) as caught:
        read(Reader(hexOf(data)))
    assert str(caught.value).startswith(problem)


def test_problemIsAProtocolErrorUnlessItSaysOtherwise() -> None:
    assert Malformed("anything").reason == Malformed.reason == wire.DISCONNECT_PROTOCOL_ERROR


def test_stringAtItsLimitIsAccepted() -> None:
    assert Reader(string(b"ab")).string(2) == b"ab"


def test_failedFieldIsNotTaken() -> None:
    reader = Reader(b"\0\0")
    with pytest.raises(Malformed):
        reader.uint32()
    assert reader.rest() == b"\0\0"


# Messages

MESSAGES = [
    (
        GlobalRequest(b"tcpip-forward", True, b"\1\2"),
        string(b"tcpip-forward") + b"\1" + b"\1\2",
    ),
    (
        ChannelOpen(b"session", 3, 2097152, 32768, b""),
        string(b"session") + uint32(3) + uint32(2097152) + uint32(32768),
    ),
    (
        ChannelRequestMessage(7, b"exec", False, string(b"true")),
        uint32(7) + string(b"exec") + b"\0" + string(b"true"),
    ),
]


@pytest.mark.parametrize(("message", "payload"), MESSAGES)
def test_messageIsReadWithWhatFollowsIt(message: Any, payload: bytes) -> None:
    assert type(message).parse(payload) == message


def test_wishForAChannelIsWrittenAsItWasRead() -> None:
    (payload,) = [each for message, each in MESSAGES if isinstance(message, ChannelOpen)]
    for data in (b"", b"\1\2"):
        assert ChannelOpen.parse(payload + data).payload() == payload + data


@pytest.mark.parametrize(("message", "payload"), MESSAGES)
def test_shortMessageIsMalformed(message: Any, payload: bytes) -> None:
    for size in range(len(payload) - len(message.data)):
        with pytest.raises(Malformed):
            type(message).parse(payload[:size])


def test_openFailureHasReasonDescriptionAndNoLanguage() -> None:
    assert openFailure(5, 1, "no") == hexOf("00000005 00000001 00000002 6e6f 00000000")


def test_openFailureIsUtf8() -> None:
    assert string("ä".encode()) in openFailure(0, 1, "ä")


# RFC 4250 sections 4.1.2 and 4.2.2, RFC 8308 section 2.3, RFC 4419 section 5, OpenSSH's
# PROTOCOL 1.8: written down a second time on purpose.
NUMBERS = {
    "MSG": (
        "DISCONNECT 1 IGNORE 2 UNIMPLEMENTED 3 DEBUG 4 SERVICE_REQUEST 5 SERVICE_ACCEPT 6 "
        "EXT_INFO 7 KEXINIT 20 NEWKEYS 21 KEX_ECDH_INIT 30 KEX_ECDH_REPLY 31 KEX_DH_GEX_GROUP 31 "
        "KEX_DH_GEX_INIT 32 KEX_DH_GEX_REPLY 33 KEX_DH_GEX_REQUEST 34 USERAUTH_REQUEST 50 "
        "USERAUTH_FAILURE 51 USERAUTH_SUCCESS 52 USERAUTH_BANNER 53 USERAUTH_PASSWD_CHANGEREQ 60 "
        "USERAUTH_INFO_REQUEST 60 USERAUTH_INFO_RESPONSE 61 GLOBAL_REQUEST 80 REQUEST_SUCCESS 81 "
        "REQUEST_FAILURE 82 CHANNEL_OPEN 90 CHANNEL_OPEN_CONFIRMATION 91 CHANNEL_OPEN_FAILURE 92 "
        "CHANNEL_WINDOW_ADJUST 93 CHANNEL_DATA 94 CHANNEL_EXTENDED_DATA 95 CHANNEL_EOF 96 "
        "CHANNEL_CLOSE 97 CHANNEL_REQUEST 98 CHANNEL_SUCCESS 99 CHANNEL_FAILURE 100 "
        "PING 192 PONG 193"
    ),
    "DISCONNECT": (
        "PROTOCOL_ERROR 2 KEY_EXCHANGE_FAILED 3 SERVICE_NOT_AVAILABLE 7 "
        "HOST_KEY_NOT_VERIFIABLE 9 BY_APPLICATION 11"
    ),
    "OPEN": "ADMINISTRATIVELY_PROHIBITED 1 RESOURCE_SHORTAGE 4",
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbersAreThoseOfTheStandard(kind: str) -> None:
    words = NUMBERS[kind].split()
    standard = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    ours = {
        name.removeprefix(f"{kind}_"): value
        for name, value in vars(wire).items()
        if name.startswith(f"{kind}_")
    }
    assert ours.items() <= standard.items()


# For logs and screens


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", ""),
        (b"johnson", "johnson"),
        (b"a b~", "a b~"),
        (b"a\nb\r\t\0", r"a\nb\r\t\x00"),
        (b"\x1b[2J", r"\x1b[2J"),
        (b"\x7f", r"\x7f"),
        ("ä".encode(), r"\xe4"),
        ("\u202e\U0001f600".encode(), r"\u202e\U0001f600"),
        (b"C:\\dir", r"C:\\dir"),
    ],
)
def test_shownIsPrintableAscii(value: bytes, text: str) -> None:
    assert shown(value) == text


def test_shownByteThatIsNoTextIsEscapedOnce() -> None:
    """
    Or it would look like a backslash and three letters that somebody typed.
    """
    assert shown(b"\xff") == r"\xff"
    assert shown(b"\xff") != shown(rb"\xff")


@pytest.mark.parametrize("filler", [b"a", b"\n", "ä".encode(), b"\xff"])
def test_shownNeverIsLongerThanItsLimit(filler: bytes) -> None:
    assert len(shown(filler * 1000, 20)) <= 20 + len("...")


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"abcd", "abcd"), (b"abcde", "abcd..."), (b"abc\n", "abc\\...")],
)
def test_shownSaysThatItWasCut(value: bytes, text: str) -> None:
    assert shown(value, 4) == text
