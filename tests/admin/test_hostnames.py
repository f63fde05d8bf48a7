"""
Tests of L{bastion.admin.hostnames}.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.admin.hostnames import Ambiguous, hostCalled
from bastion.gateway.control import HostStatus, NotFound

HOSTS = [
    ("nice", "rnice8-1901.example.org"),
    ("nice", "rnice8-1902.example.org"),
    ("nice", "big.example.org:2222"),
    ("nice", "two.example.org"),
    ("nice", "two.example.org:2222"),
    ("nice", "192.0.2.1"),
    ("nice", "[2001:db8::1]:2222"),
    ("ill", "login.example.org"),
    ("ill", "login.example.net"),
    ("ill", "big.example.net"),
    ("ill", "rnice8-1902.example.org"),
    ("ill", "local"),
]


def rows(hosts: list[tuple[str, str]] = HOSTS) -> list[HostStatus]:
    """
    Hosts, as the bastion tells them.
    """
    made: Any = [{"cluster": cluster, "host": host} for cluster, host in hosts]
    return made


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("rnice8-1901.example.org", "rnice8-1901.example.org"),
        ("RNICE8-1901.Example.org:22", "rnice8-1901.example.org"),
        ("rnice8-1901", "rnice8-1901.example.org"),
        ("RNICE8-1901", "rnice8-1901.example.org"),
        ("big.example.org:2222", "big.example.org:2222"),
        # Without its port, if there is only one.
        ("big.example.org", "big.example.org:2222"),
        ("two.example.org", "two.example.org"),
        ("two.example.org:2222", "two.example.org:2222"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8::1]:2222", "[2001:db8::1]:2222"),
        ("[2001:db8::1]", "[2001:db8::1]:2222"),
        ("2001:db8::1", "[2001:db8::1]:2222"),
        ("local", "local"),
    ],
)
def test_hostIsFoundByItsNames(name: str, host: str) -> None:
    assert hostCalled(name, rows())["host"] == host


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "login",
            '"login" can be login.example.org of ill, login.example.net of ill; '
            "write the full name",
        ),
        (
            "two",
            '"two" can be two.example.org of nice, two.example.org:2222 of nice; '
            "write the full name",
        ),
        (
            "rnice8-1902",
            '"rnice8-1902" can be rnice8-1902.example.org of nice, '
            "rnice8-1902.example.org of ill; say which with --cluster",
        ),
    ],
)
def test_nameOfMoreThanOneHostListsThem(name: str, problem: str) -> None:
    with pytest.raises(Ambiguous) as caught:
        hostCalled(name, rows())
    assert str(caught.value) == problem


@pytest.mark.parametrize("name", ["rnice8-1903", "192", "2001", "", "big.example.org:22", "a b"])
def test_nameOfNoHostListsTheChoices(name: str) -> None:
    with pytest.raises(NotFound) as caught:
        hostCalled(name, rows(HOSTS[:3]))
    assert str(caught.value) == (
        f'there is no host "{name}"; there are: '
        "rnice8-1901.example.org, rnice8-1902.example.org, big.example.org:2222"
    )


def test_aHostOfTwoClustersIsListedOnce() -> None:
    with pytest.raises(NotFound, match=r"there are: a$"):
        hostCalled("b", rows([("nice", "a"), ("ill", "a")]))


def test_ofManyHostsTheNearestAreListed() -> None:
    many = rows([("nice", f"nice{number:03}.example.org") for number in range(400)])
    with pytest.raises(NotFound) as caught:
        hostCalled("nice3999", many)
    listed = str(caught.value).partition("there are: ")[2].split(", ")
    assert len(listed) == 20
    assert listed[0] == "nice399.example.org"
    assert listed[-1].endswith(" and 380 more")


def test_withoutHostsThereIsNone() -> None:
    with pytest.raises(NotFound, match=r'^there is no host "a"; there are none$'):
        hostCalled("a", [])
