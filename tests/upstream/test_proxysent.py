"""
L{bastion.upstream.proxysent}: what a host is told of the client.
"""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, ip_addresses, sampled_from

from bastion.admission.proxyheader import MAX_LINE, Header, parse
from bastion.upstream.proxysent import End, header

CLIENT, OURS = End("198.51.100.7", 50000), End("192.0.2.22", 40000)
CLIENT6, OURS6 = End("2001:db8::7", 50000), End("2001:db8::22", 40000)
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


@pytest.mark.parametrize(
    ("client", "ours", "line"),
    [
        (CLIENT, OURS, b"TCP4 198.51.100.7 192.0.2.22 50000 40000"),
        (CLIENT6, OURS6, b"TCP6 2001:db8::7 2001:db8::22 50000 40000"),
        (CLIENT6, OURS, b"TCP6 2001:db8::7 ::ffff:c000:216 50000 40000"),
        (CLIENT6, End("10.0.0.7", 1), b"TCP6 2001:db8::7 ::ffff:a00:7 50000 1"),
        (CLIENT, OURS6, b"TCP6 ::ffff:c633:6407 2001:db8::22 50000 40000"),
        (End("::ffff:198.51.100.7", 1), OURS, b"TCP4 198.51.100.7 192.0.2.22 1 40000"),
        (End("fe80::7%eth0", 1), OURS6, b"TCP6 fe80::7 2001:db8::22 1 40000"),
        (None, OURS, b"UNKNOWN"),
    ],
)
def test_version1IsALine(client: End | None, ours: End, line: bytes) -> None:
    assert header("v1", client, ours) == b"PROXY " + line + b"\r\n"


@pytest.mark.parametrize(
    ("client", "ours", "block"),
    [
        (CLIENT, OURS, "2111000c c6336407 c0000216 c350 9c40"),
        (
            CLIENT6,
            OURS6,
            "21210024 20010db8000000000000000000000007 20010db8000000000000000000000022 c3509c40",
        ),
        (
            CLIENT,
            OURS6,
            "21210024 00000000000000000000ffffc6336407 20010db8000000000000000000000022 c3509c40",
        ),
        (None, OURS6, "20000000"),
    ],
)
def test_version2IsABlock(client: End | None, ours: End, block: str) -> None:
    assert header("v2", client, ours) == SIGNATURE + bytes.fromhex(block)


@settings(max_examples=300)
@given(sampled_from(["v1", "v2"]), ip_addresses(), ip_addresses(), integers(0, 65535))
def test_whatIsSentIsReadAsItIsMeant(version: str, theirs: object, ours: object, port: int) -> None:
    sent = header(version, End(str(theirs), port), End(str(ours), 22))

    source = ip_address(str(theirs))
    mapped = getattr(source, "ipv4_mapped", None)
    assert parse(sent + b"SSH-2.0-") == Header(mapped or source, port, len(sent))
    assert len(sent) <= MAX_LINE


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_bastionsOwnConnectionIsReadAsThat(version: str) -> None:
    sent = header(version, None, OURS)

    assert parse(sent + b"SSH-2.0-") == Header(None, 0, len(sent))
