"""
Tests of L{bastion.config.hosts}.
"""

from __future__ import annotations

import pytest

from bastion.config.hosts import HostTable, hostAddresses, hostList
from bastion.config.problems import dotted
from bastion.config.readers import UNREAD, Place
from bastion.interfaces import HostAddress

HOSTS = 'write "login.example.org", "login.example.org:22", "192.0.2.1" or "[2001:db8::1]:22"'


def noted(place: Place) -> list[str]:
    """
    The problems as an operator sees them.
    """
    return [f"{dotted(path)}: {problem}" for path, problem in place.noted]


def test_hostsAreInTheOrderOfTheListAndOfTheirRanges(place: Place) -> None:
    given = ["b[2-3]:2222", "[2001:DB8::1]", {"host": "A[01-02]", "weight": 4, "max_sessions": 9}]
    assert hostList(given, place) == (
        HostTable(HostAddress("b2", 2222)),
        HostTable(HostAddress("b3", 2222)),
        HostTable(HostAddress("2001:db8::1")),
        HostTable(HostAddress("a01"), 4, 9),
        HostTable(HostAddress("a02"), 4, 9),
    )
    assert place.noted == []


@pytest.mark.parametrize(
    ("weight", "most"),
    [(1, 0), (1000, 1_000_000)],
)
def test_limitsOfATableMayBeReached(weight: int, most: int, place: Place) -> None:
    given = [{"host": "a", "weight": weight, "max_sessions": most}]
    assert hostList(given, place) == (HostTable(HostAddress("a"), weight, most),)


def test_tableNeedsNothingButItsHost(place: Place) -> None:
    assert hostList([{"host": "a"}], place) == (HostTable(HostAddress("a"), 1, None),)


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ("a", ['here: found the string "a"; write a list such as ["login.example.org"]']),
        ([], ['here: the list is empty; write at least one, e.g. ["login.example.org"]']),
        (
            [5],
            [f"here: found the whole number 5; {HOSTS.replace('write', 'write a host such as')}"],
        ),
        (
            ["n[1-2]..org"],
            [f'here: "n[1-2]..org": "n1..org" is neither a DNS name nor an address; {HOSTS}'],
        ),
        (
            ["n[1-2", "[1-2]"],
            [
                f'here: "n[1-2" is not a name and a port; {HOSTS}',
                f'here: "[1-2]" is neither a DNS name nor an address; {HOSTS}',
            ],
        ),
        (
            ["n:[0-1]"],
            ['here: "n:[0-1]": "n:0" has the port 0; write a port from 1 to 65535'],
        ),
        (
            ["n[1-3]", "a", "a:22", "n2", "a:22"],
            [
                'here: "a" is in "a" and in "a:22"; leave one out',
                'here: "n2" is in "n[1-3]" and in "n2"; leave one out',
                'here: "a" is in "a" and in "a:22"; leave one out',
            ],
        ),
        (["n[1-9]", "n[1-9]"], ['here: "n[1-9]" is listed twice; leave one out']),
        (["a", {"host": "a"}], ['here: "a" is listed twice; leave one out']),
        (
            ["n[1-9]", "n[3-5]"],
            ['here: "n3" and 2 more are in "n[1-9]" and in "n[3-5]"; leave one out'],
        ),
        (["n[1-3,2]"], ['here: "n2" is twice in "n[1-3,2]"; leave one out']),
        (
            ["n[1-600]", "m[1-401]"],
            [
                "here: the list stands for 1001 hosts; a cluster has at most 1000: "
                "write fewer, or make two clusters"
            ],
        ),
        (
            ["n[1-1001]"],
            [
                'here: "n[1-1001]" stands for 1001 hosts; a cluster has at most 1000: '
                "write a smaller range"
            ],
        ),
        (
            [{"weight": 2}],
            ['here.host: missing; write e.g. host = "login.example.org"'],
        ),
        (
            [{"host": 5}],
            [
                "here.host: found the whole number 5; "
                f"{HOSTS.replace('write', 'write a host such as')}"
            ],
        ),
        (
            [{"host": "a.b", "weight": 1.5, "max_sessions": -1}],
            [
                'here."a.b".weight: found the number 1.5; write a whole number from 1 to 1000, '
                "without quotes",
                'here."a.b".max_sessions: -1 is out of range; '
                "write a whole number from 0 to 1000000",
            ],
        ),
        (
            [{"host": "a", "weight": 1001, "sticky": "8h", "wieght": 2}],
            [
                "here.a.weight: 1001 is out of range; write a whole number from 1 to 1000",
                "here.a.sticky: this key belongs in [cluster.NAME], not here",
                "here.a.wieght: unknown key; the keys here are: host, weight, max_sessions",
            ],
        ),
    ],
)
def test_wrongHostsAreAllNoted(value: object, problems: list[str], place: Place) -> None:
    hostList(value, place)
    assert noted(place) == problems


def test_wrongListIsUnread(place: Place) -> None:
    assert hostList("a", place) is UNREAD
    assert hostList(["n[1-600]", "m[1-401]"], place) is UNREAD


def test_thousandHostsAreNotTooMany(place: Place) -> None:
    assert len(hostList(["n[1-600]", "m[1-400]"], place)) == 1000
    assert place.noted == []


def test_nameWithoutARangeIsOneAddress() -> None:
    assert hostAddresses("nice1:2222") == (HostAddress("nice1", 2222),)
