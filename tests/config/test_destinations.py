"""
Tests of L{bastion.config.destinations}.
"""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bastion.config.destinations import Destination, destination

ANY = (0, 65535)
NEEDED = (
    '"db.example.org:5432", "*.example.org:8000-8999", "192.0.2.0/24:443", '
    '"[2001:db8::1]:22" or "localhost:*"'
)
NO_HOST = f"is not a host and a port; write {NEEDED}"
UNWRITTEN = (
    f"is neither an address, a network, nor a name whose last part is written out; write {NEEDED}"
)
PORTS = 'is no port; write one from 0 to 65535, several such as "8000-8999", or "*" for any'


@pytest.mark.parametrize(
    ("given", "host", "ports"),
    [
        ("db.example.org:5432", "db.example.org", (5432, 5432)),
        ("DB.Example.org.:5432", "db.example.org", (5432, 5432)),
        ("*.example.org:8000-8999", "*.example.org", (8000, 8999)),
        ("db-?_*.example.org:22", "db-?_*.example.org", (22, 22)),
        ("localhost:*", "localhost", ANY),
        ("*:443", "*", (443, 443)),
        ("*:*", "*", ANY),
        ("db:0-65535", "db", ANY),
        ("db:0", "db", (0, 0)),
        ("192.0.2.0/24:443", ip_network("192.0.2.0/24"), (443, 443)),
        ("192.0.2.7:443", ip_network("192.0.2.7"), (443, 443)),
        ("[192.0.2.7]:443", ip_network("192.0.2.7"), (443, 443)),
        ("[2001:db8::1]:22", ip_network("2001:db8::1"), (22, 22)),
        ("[2001:DB8::/32]:*", ip_network("2001:db8::/32"), ANY),
        ("[::ffff:192.0.2.0/120]:22", ip_network("192.0.2.0/24"), (22, 22)),
        (f"{'a.' * 126}a:1", f"{'a.' * 126}a", (1, 1)),
    ],
)
def test_destinationIsAHostAndItsPorts(given: str, host: object, ports: tuple[int, int]) -> None:
    read = destination(given)
    assert (read.host, read.low, read.high) == (host, *ports)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("DB.example.org:22-22", "db.example.org:22"),
        ("db:8000-8999", "db:8000-8999"),
        ("192.0.2.7/32:0-65535", "192.0.2.7:*"),
        ("192.0.2.0/24:1", "192.0.2.0/24:1"),
        ("[2001:db8:0::1]:22", "[2001:db8::1]:22"),
        ("[2001:db8::/32]:22", "[2001:db8::/32]:22"),
    ],
)
def test_destinationIsWrittenInOneWay(given: str, written: str) -> None:
    assert str(destination(given)) == written
    assert destination(written) == destination(given)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (5432, f"found the whole number 5432; write a destination such as {NEEDED}"),
        ("", f"the string is empty; write a destination such as {NEEDED}"),
        ("db\0:1", f'"db\\x00:1" has a control character; write a destination such as {NEEDED}'),
        ("db", '"db" has no port; write "db:22", or "db:*" for any'),
        ("[::1]", '"[::1]" has no port; write "[::1]:22", or "[::1]:*" for any'),
        ("db:", f'"db:": "" {PORTS}'),
        ("db:ssh", f'"db:ssh": "ssh" {PORTS}'),
        ("db:65536", f'"db:65536": "65536" {PORTS}'),
        ("db:9-8", f'"db:9-8": "9-8" {PORTS}'),
        ("db:8-", f'"db:8-": "8-" {PORTS}'),
        ("db:22,80", f'"db:22,80": "22,80" {PORTS}'),
        (
            "2001:db8::1:22",
            '"2001:db8::1:22": an IPv6 address needs brackets; write e.g. "[2001:db8::1]:22"',
        ),
        (":22", f'":22" {NO_HOST}'),
        ("[]:22", f'"[]:22" {NO_HOST}'),
        ("[db]:22", f'"[db]:22" {NO_HOST}'),
        ("[*]:22", f'"[*]:22" {NO_HOST}'),
        ("a[b]:22", f'"a[b]:22" {NO_HOST}'),
        ("a..b:22", f'"a..b:22" {NO_HOST}'),
        ("a b:22", f'"a b:22" {NO_HOST}'),
        ("d\u00e9b:22", f'"d\u00e9b:22" {NO_HOST}'),
        (f"{'a' * 64}:22", f'"{"a" * 64}:22" {NO_HOST}'),
        ("db*:22", f'"db*:22" {UNWRITTEN}'),
        ("?:22", f'"?:22" {UNWRITTEN}'),
        ("*.*:22", f'"*.*:22" {UNWRITTEN}'),
        ("192.0.2.*:22", f'"192.0.2.*:22" {UNWRITTEN}'),
        ("192.0.2:22", f'"192.0.2:22" {UNWRITTEN}'),
        ("010.0.0.1:22", f'"010.0.0.1:22" {UNWRITTEN}'),
        (
            "192.0.2.7/24:22",
            '"192.0.2.7/24:22": "192.0.2.7/24" has address bits beyond its length; '
            'write "192.0.2.0/24" for the network, or "192.0.2.7" for the one address',
        ),
        (
            "db/24:22",
            '"db/24:22": "db/24" is not a network; write a network such as "192.0.2.0/24" or '
            '"2001:db8::/32"',
        ),
        (
            "[fe80::1%eth0]:22",
            '"[fe80::1%eth0]:22": "fe80::1%eth0" has a zone, which a network cannot have; '
            "leave it out",
        ),
    ],
)
def test_wrongDestinationIsRefusedWithTheRemedy(value: object, problem: str) -> None:
    with pytest.raises(ValueError) as refused:
        destination(value)
    assert str(refused.value) == problem


def test_nameMayNotBeLongerThanNamesAre() -> None:
    with pytest.raises(ValueError, match="is not a host and a port"):
        destination(f"{'a.' * 127}a:1")


def test_destinationsAreValues() -> None:
    assert destination("db:1") == Destination("db", 1, 1)
