"""
Tests of L{bastion.testing.dnsserver}: asked by C{twisted.names} on the loopback.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import TimeoutError
from twisted.internet.error import CannotListenError
from twisted.names import client, dns
from twisted.names.error import DNSNameError, DNSServerError

from bastion.testing.dnsserver import Asked, DnsServer, ZoneFile
from bastion.testing.dnszone import Zone

ZONE = """
127.0.0.7 HOST pc7.example.org
slow.example.org A 127.0.0.8
slow.example.org FAULT slow 0.01
later.example.org FAULT slow 60
silent.example.org FAULT silent
elsewhere.example.org A 127.0.0.9
elsewhere.example.org FAULT other-port
truncated.example.org A 127.0.0.10
truncated.example.org FAULT truncated
closing.example.org FAULT closing
flapping.example.org A 127.0.0.11
flapping.example.org FAULT flapping SERVFAIL
"""


class Client:
    """
    A server and a client.
    """

    def __init__(self) -> None:
        zone = Zone.read(ZONE)
        self.server = DnsServer(reactor, lambda: zone).start()
        self._resolver = client.Resolver(
            servers=[(self.server.address, self.server.port)], reactor=reactor
        )

    async def address(self, name: str, seconds: float = 30) -> str:
        """
        The address of a name.

        @param seconds: how long its answer is waited for.
        """
        answers, _, _ = await self._resolver.lookupAddress(name, (seconds,))
        address: str = answers[0].payload.dottedQuad()
        return address


@pytest_twisted.async_yield_fixture()
async def asking() -> AsyncIterator[Client]:
    """
    A server that is asked.
    """
    asking = Client()
    yield asking
    for connection in asking._resolver.connections:
        connection.transport.abortConnection()
    await asking.server.stop()


@pytest_twisted.ensureDeferred
async def test_serverTellsWhatItKnows(asking: Client) -> None:
    assert await asking.address("pc7.example.org") == "127.0.0.7"
    with pytest.raises(DNSNameError):
        await asking.address("pc8.example.org")
    assert list(asking.server.asked) == [
        Asked("pc7.example.org", "A", False),
        Asked("pc8.example.org", "A", False),
    ]


@pytest_twisted.ensureDeferred
async def test_serverMisbehavesAsTheZoneSays(asking: Client) -> None:
    assert await asking.address("slow.example.org") == "127.0.0.8"
    for name in ("silent", "elsewhere", "later"):
        with pytest.raises(TimeoutError):
            await asking.address(f"{name}.example.org", 0.1)
    with pytest.raises(DNSServerError):
        await asking.address("flapping.example.org")
    assert await asking.address("flapping.example.org") == "127.0.0.11"


@pytest_twisted.ensureDeferred
async def test_serverAnswersByTcp(asking: Client) -> None:
    assert await asking.address("truncated.example.org") == "127.0.0.10"
    assert [asked.byTcp for asked in asking.server.asked] == [False, True]


@pytest_twisted.ensureDeferred
async def test_portIsTakenAndGivenBack(asking: Client) -> None:
    with pytest.raises(CannotListenError):
        DnsServer(reactor, Zone).start(asking.server.port)
    other = DnsServer(reactor, Zone, "127.0.0.2").start(asking.server.port)
    assert (other.address, other.port) == ("127.0.0.2", asking.server.port)
    await other.stop()
    await DnsServer(reactor, Zone, "127.0.0.2").start(asking.server.port).stop()


def test_zoneInAFileMayChange(tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text("a A 127.0.0.1")
    zone = ZoneFile(path)
    first = zone()
    assert zone() is first
    path.write_text("a A 127.0.0.2")
    os.utime(path, ns=(1, 1))
    assert zone().known((b"a",), dns.A).entries[0].data == b"\x7f\0\0\2"


@pytest_twisted.ensureDeferred
async def test_serverMayBeAProcess(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text(ZONE)
    command = [sys.executable, "-m", "bastion.testing.dnsserver", str(tmp_path / "zone")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address, port = process.stdout.readline().split()
        servers: list[Any] = [(address, int(port))]
        resolver = client.Resolver(servers=servers, timeout=(10,), reactor=reactor)
        answers, _, _ = await resolver.lookupPointer("7.0.0.127.in-addr.arpa")
        assert answers[0].payload.name.name == b"pc7.example.org"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
