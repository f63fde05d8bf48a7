"""
Tests of L{bastion.admission.resolvconf}: files of the test's own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from bastion.admission.dnsports import Server
from bastion.admission.resolvconf import INTERVAL, LOCAL, SystemServers, nameServers

ONE, TWO, THREE = (("192.0.2.1", 53), ("2001:db8::2", 53), ("192.0.2.3", 53))


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.1\n", (ONE,)),
        ("nameserver 192.0.2.1\nnameserver\t2001:db8::2", (ONE, TWO)),
        ("search example.org\n  nameserver  192.0.2.1  # the first\n", (ONE,)),
        ("nameserver fe80::1%eth0", (("fe80::1%eth0", 53),)),
        ("nameserver 192.0.2.1\n" * 2 + "nameserver 192.0.2.3", (ONE, THREE)),
        ("nameserver 192.0.2.1\nnameserver 2001:db8::2\n" * 2, (ONE, TWO)),
        ("".join(f"nameserver 192.0.2.{host}\n" for host in range(1, 6)), None),
        ("", LOCAL),
        ("#nameserver 192.0.2.1\n;nameserver 192.0.2.1\n# nameserver 192.0.2.1", LOCAL),
        ("nameserver\nnameserver ns.example.org\nnameserver 192.0.2\nnameservers 192.0.2.1", LOCAL),
    ],
)
def test_serversAreThoseThatTheFileNames(text: str, servers: tuple[Server, ...] | None) -> None:
    expected = servers or tuple((f"192.0.2.{host}", 53) for host in range(1, 4))
    assert nameServers(text) == expected


class System:
    """
    A file, and who reads it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.servers = SystemServers(self.clock, path)

    def write(self, *servers: Server) -> None:
        """
        Put another file in the place of the file, as the programs do that write it.
        """
        fresh = self.path.with_suffix(".new")
        fresh.write_text("".join(f"nameserver {address}\n" for address, _ in servers))
        fresh.rename(self.path)


@pytest.fixture()
def system(tmp_path: Path) -> System:
    """
    A system without a file.
    """
    return System(tmp_path / "resolv.conf")


def test_fileIsReadAgainWhenItHasChanged(system: System) -> None:
    system.write(ONE)
    assert system.servers() == (ONE,)
    system.write(TWO, THREE)
    system.clock.advance(INTERVAL - 0.1)
    assert system.servers() == (ONE,)
    system.clock.advance(0.1)
    assert system.servers() == (TWO, THREE)


def test_fileMayChangeInItsPlace(system: System) -> None:
    system.write(ONE)
    system.servers()
    system.path.write_text("nameserver 192.0.2.3\n")
    os.utime(system.path, ns=(1, 1))
    system.clock.advance(INTERVAL)
    assert system.servers() == (THREE,)


def test_fileThatHasNotChangedIsNotReadAgain(system: System) -> None:
    system.write(ONE)
    first = system.servers()
    system.clock.advance(INTERVAL)
    assert system.servers() is first


def test_withoutAFileTheMachineItselfIsAsked(system: System) -> None:
    assert system.servers() == LOCAL
    system.write(ONE)
    system.clock.advance(INTERVAL)
    assert system.servers() == (ONE,)


def test_serversStayWhenTheFileIsGone(system: System) -> None:
    system.write(ONE)
    system.servers()
    system.path.unlink()
    system.clock.advance(INTERVAL)
    assert system.servers() == (ONE,)


def test_moreThanTheLimitIsNotRead(system: System) -> None:
    system.path.write_text("#" + " " * 65535 + "\nnameserver 192.0.2.1\n")
    assert system.servers() == LOCAL
