"""
Tests of L{bastion.admission.proxyheader}: bytes in; a header, the wish for more, or an error
out.
"""

from __future__ import annotations

import random
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis.strategies import binary, integers, ip_addresses, sampled_from
from twisted.protocols.haproxy import _info, _v1parser, _v2parser

from bastion.admission.proxyheader import (
    MAX_HEADER,
    MAX_LINE,
    SIGNATURE,
    BadHeader,
    Header,
    parse,
)

#: How many headers are damaged.
DAMAGED = 10_000

SSH = b"SSH-2.0-OpenSSH_9.2\r\n"
V4 = bytes((192, 0, 2, 7)) + bytes((198, 51, 100, 1)) + struct.pack(">HH", 49152, 22)
V6 = (
    ip_address("2001:db8::7").packed
    + ip_address("2001:db8::1").packed
    + struct.pack(">HH", 49152, 22)
)
MAPPED = ip_address("::ffff:192.0.2.7").packed + V6[16:]


def line(text: str) -> bytes:
    """
    A header of version 1.
    """
    return f"PROXY {text}\r\n".encode("latin-1")


def block(command: int, family: int, data: bytes = b"", length: int | None = None) -> bytes:
    """
    A header of version 2.

    @param length: what it says of the length of C{data}; by default the truth.
    """
    size = len(data) if length is None else length
    return SIGNATURE + struct.pack(">BBH", command, family, size) + data


def tlv(kind: int, value: bytes) -> bytes:
    """
    What may follow the addresses of version 2.
    """
    return struct.pack(">BH", kind, len(value)) + value


def outcome(data: bytes) -> Header | str | None:
    """
    What is read, or what is wrong with it.
    """
    try:
        return parse(data)
    except BadHeader as problem:
        return str(problem)


LONGEST_LINE = line(f"TCP6 {'ffff:' * 7}ffff {'ffff:' * 7}ffff 65535 65535")
GOOD = {
    "version 1": (line("TCP4 192.0.2.7 198.51.100.1 49152 22"), "192.0.2.7", 49152),
    "version 1, IPv6": (line("TCP6 2001:db8::7 2001:DB8::1 0 0"), "2001:db8::7", 0),
    "version 1, IPv4 in IPv6": (line("TCP6 ::ffff:192.0.2.7 ::1 1 2"), "192.0.2.7", 1),
    "version 1, the highest numbers": (LONGEST_LINE, "ffff:" * 7 + "ffff", 65535),
    "version 2": (block(0x21, 0x11, V4), "192.0.2.7", 49152),
    "version 2, IPv6": (block(0x21, 0x21, V6), "2001:db8::7", 49152),
    "version 2, IPv4 in IPv6": (block(0x21, 0x21, MAPPED), "192.0.2.7", 49152),
    "version 2, with more": (
        block(0x21, 0x11, V4 + tlv(0x02, b"gate.example.org") + tlv(0x05, b"id" * 64)),
        "192.0.2.7",
        49152,
    ),
    "version 2, with as much as may be": (
        block(0x21, 0x21, V6 + bytes(MAX_HEADER - 16 - 36)),
        "2001:db8::7",
        49152,
    ),
}
OWN = {
    "version 1": line("UNKNOWN"),
    "version 1, with addresses": line("UNKNOWN 192.0.2.7 198.51.100.1 49152 22"),
    "version 1, with anything": line("UNKNOWN " + "\xff" * (MAX_LINE - 16)),
    "version 2": block(0x20, 0x00),
    "version 2, with addresses": block(0x20, 0x11, V4),
    "version 2, with less than the addresses": block(0x20, 0x21, b"abc"),
    "version 2, of a family that is none": block(0x20, 0xFF, V4),
    "version 2, of no family": block(0x21, 0x00),
    "version 2, of no family, with more": block(0x21, 0x00, tlv(0x02, b"x")),
}
LINE, ADDRESS, FAMILY = (
    "its line cannot be read",
    "it has an address that is none",
    "it has an address of another family",
)
PORT, COMMAND, NOT_TCP = (
    "it has a port that is none",
    "it has another version, or a command that is none",
    "it is of no TCP connection",
)
TOO_SHORT, TOO_LONG = "it is too short for its addresses", "it is longer than 4096 bytes"
NO_END = "it has no end within 107 bytes"
BAD = [
    (SSH, "it is none"),
    (b"GET / HTTP/1.1\r\n", "it is none"),
    (b"\r\n" + line("UNKNOWN"), "it is none"),
    (b" " + line("UNKNOWN"), "it is none"),
    (b"proxy UNKNOWN\r\n", "it is none"),
    (b"PROXY\tUNKNOWN\r\n", "it is none"),
    (b"PROXY\r\n", "it is none"),
    (SIGNATURE[:-1] + b"\r", "it is none"),
    (line(""), LINE),
    (line("unknown"), LINE),
    (line("UNKNOWNS"), LINE),
    (line("UNKNOWN \rx"), LINE),
    (line("UNKNOWN \n"), LINE),
    (line("TCP4"), LINE),
    (line("TCP5 192.0.2.7 198.51.100.1 1 22"), LINE),
    (line("UDP4 192.0.2.7 198.51.100.1 1 22"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 1"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 1 22 "), LINE),
    (line("TCP4 192.0.2.7  198.51.100.1 1 22"), LINE),
    (line("TCP4\t192.0.2.7 198.51.100.1 1 22"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 1 22\n"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 01 22"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 -1 22"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 1_0 22"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 \xb2 22"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 100000 22"), LINE),
    (line("TCP4 name.example.org 198.51.100.1 1 22"), LINE),
    (line("TCP6 fe80::1%eth0 ::1 1 22"), LINE),
    (line("TCP4 192.0.2.7 198.51.100.1 65536 22"), PORT),
    (line("TCP4 192.0.2.7 198.51.100.1 1 65536"), PORT),
    (line("TCP4 192.0.2.256 198.51.100.1 1 22"), ADDRESS),
    (line("TCP4 192.0.2.7 198.51.100 1 22"), ADDRESS),
    (line("TCP4 192.0.2.07 198.51.100.1 1 22"), ADDRESS),
    (line("TCP4 3221225991 198.51.100.1 1 22"), ADDRESS),
    (line("TCP6 2001:db8:::7 ::1 1 22"), ADDRESS),
    (line("TCP4 2001:db8::7 198.51.100.1 1 22"), FAMILY),
    (line("TCP4 192.0.2.7 2001:db8::7 1 22"), FAMILY),
    (line("TCP6 192.0.2.7 2001:db8::7 1 22"), FAMILY),
    (b"PROXY " + b"a" * (MAX_LINE - 6), NO_END),
    (line("UNKNOWN " + "a" * (MAX_LINE - 15)), NO_END),
    (block(0x11, 0x11, V4), COMMAND),
    (block(0x22, 0x11, V4), COMMAND),
    (block(0x31, 0x11, V4), COMMAND),
    (block(0x21, 0x31, bytes(216)), NOT_TCP),
    (block(0x21, 0x32, bytes(216)), NOT_TCP),
    (block(0x21, 0x12, V4), NOT_TCP),
    (block(0x21, 0x22, V6), NOT_TCP),
    (block(0x21, 0x10, V4), NOT_TCP),
    (block(0x21, 0x01, V4), NOT_TCP),
    (block(0x21, 0x41, V4), NOT_TCP),
    (block(0x21, 0x11, V4[:-1]), TOO_SHORT),
    (block(0x21, 0x21, V6[:-1]), TOO_SHORT),
    (block(0x21, 0x21, V4), TOO_SHORT),
    (block(0x21, 0x11), TOO_SHORT),
    (block(0x21, 0x11, V4, MAX_HEADER - 15), TOO_LONG),
    (block(0x20, 0x00, b"", 0xFFFF), TOO_LONG),
]


@pytest.mark.parametrize("name", GOOD)
def test_clientIsWhomTheBalancerNames(name: str) -> None:
    data, address, port = GOOD[name]

    assert parse(data) == Header(ip_address(address), port, len(data))


@pytest.mark.parametrize("name", OWN)
def test_connectionMayBeTheBalancersOwn(name: str) -> None:
    assert parse(OWN[name]) == Header(None, 0, len(OWN[name]))


@pytest.mark.parametrize("data", [*OWN.values(), *(good[0] for good in GOOD.values())])
@pytest.mark.parametrize("rest", [SSH, b"\r\n", bytes(70_000)], ids=["SSH", "a line end", "zeros"])
def test_whatFollowsIsNotOfTheHeader(data: bytes, rest: bytes) -> None:
    assert parse(data + rest) == parse(data)


@pytest.mark.parametrize("data", [*OWN.values(), *(good[0] for good in GOOD.values())])
def test_headerIsWaitedForToItsLastByte(data: bytes) -> None:
    assert [parse(data[:end]) for end in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize(("data", "problem"), BAD)
def test_whatIsNotExactlyAHeaderIsNone(data: bytes, problem: str) -> None:
    assert outcome(data) == problem
    assert outcome(data + SSH) == problem


@pytest.mark.parametrize(
    ("data", "needed"),
    [
        (SSH, 1),
        (b"PUT / HTTP/1.1", 2),
        (SIGNATURE[:11] + b"\r", 12),
        (block(0x22, 0x11, V4), 16),
        (block(0x21, 0x31, bytes(216)), 16),
        (block(0x20, 0x00, b"", 0xFFFF), 16),
        (b"PROXY " + bytes(MAX_LINE), MAX_LINE),
    ],
)
def test_whatWillBeNoneIsNotWaitedFor(data: bytes, needed: int) -> None:
    assert outcome(data[: needed - 1]) is None
    assert isinstance(outcome(data[:needed]), str)


def damaged(chance: random.Random) -> bytes:
    """
    A header to which something has happened.
    """
    every = [*OWN.values(), *(good[0] for good in GOOD.values())]
    data = bytearray(chance.choice(every))
    for _ in range(chance.randint(1, 4)):
        # Where it hurts is at the beginning, more often than not.
        at = min(chance.randrange(len(data)), chance.randrange(120))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice(b"\r\n\0 .:0TCP\xff")
            case 2:
                del data[at : at + chance.randint(1, 8)]
            case 3:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
            case _:
                data[at:at] = data[chance.randrange(len(data)) :][:40]
        data = data or bytearray(b"P")
    return bytes(data)


def test_tenThousandDamagedHeadersAreReadOrRefused() -> None:
    """
    Nothing else is raised, nothing is waited for without a bound, and nothing of what was
    sent is told.
    """
    chance = random.Random(20)
    counts = {"good": 0, "bad": 0, "incomplete": 0}
    for _ in range(DAMAGED):
        data = damaged(chance)
        found = outcome(data)
        if isinstance(found, str):
            counts["bad"] += 1
            assert found in {problem for _, problem in BAD}
        elif found is None:
            counts["incomplete"] += 1
            assert outcome(data + bytes(MAX_HEADER)) is not None
        else:
            counts["good"] += 1
            assert found.size <= len(data)
    assert min(counts.values()) > DAMAGED // 20


@settings(max_examples=300)
@given(integers(min_value=0))
def test_moreBytesChangeNothingThatIsDecided(seed: int) -> None:
    data = damaged(random.Random(seed))
    decided = [found for end in range(len(data)) if (found := outcome(data[:end])) is not None]

    assert len({str(found) for found in decided}) <= 1
    assert not decided or decided[0] == outcome(data)


@settings(max_examples=300)
@given(sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21"]), binary())
def test_anythingIsReadOrRefused(start: bytes, rest: bytes) -> None:
    found = outcome(start + rest)

    assert found is None or isinstance(found, str | Header)


@settings(max_examples=300)
@given(ip_addresses(), integers(0, 65535), sampled_from([1, 2]))
def test_otherParsersReadTheSame(address: object, port: int, version: int) -> None:
    """
    Twisted's, for headers that are right; it takes many that are not.
    """
    source = ip_address(str(address))
    family, ours = (4, "192.0.2.1") if source.version == 4 else (6, "2001:db8::1")
    if version == 1:
        data = line(f"TCP{family} {source} {ours} {port} 22")
        told: _info.ProxyInfo = _v1parser.V1Parser.parse(data[:-2])
    else:
        packed = source.packed + ip_address(ours).packed + struct.pack(">HH", port, 22)
        data = block(0x21, 0x11 if family == 4 else 0x21, packed)
        told = _v2parser.V2Parser.parse(data)

    found = parse(data)

    assert found is not None
    mapped = getattr(source, "ipv4_mapped", None)
    assert (found.source, found.port) == (mapped or source, port)
    assert (ip_address(told.source.host), told.source.port) == (source, port)
