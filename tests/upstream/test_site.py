"""
L{bastion.upstream.site}: what is needed to connect to the hosts of one cluster.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.protocol import Protocol

from bastion.admission.proxyheader import Header, parse
from bastion.algorithms import TO_HOSTS
from bastion.auth.client import UserAuthClient
from bastion.hosts.checks import Identification, NoOptions
from bastion.interfaces import HostAddress
from bastion.ssh.terms import WITH_HOSTS, Terms
from bastion.upstream.attempt import Attempt
from bastion.upstream.checked import CheckedHost
from bastion.upstream.proxysent import End

A = HostAddress("a")


def test_withoutAWordAboutItNothingIsKeptReady(clusterOf: Any) -> None:
    site = clusterOf(A).site

    assert site.ready == 0
    assert site.terms is WITH_HOSTS


def test_hostIsSpokenToOnTheSitesTerms(clusterOf: Any) -> None:
    cluster = clusterOf(A)
    terms = Terms(lambda identification: evolve(TO_HOSTS, ciphers=TO_HOSTS.ciphers[-1:]))
    cluster.site = evolve(cluster.site, terms=terms)
    found: list[Any] = []

    cluster.attempt(A).ready.addCallback(found.append)
    cluster.network.settle()

    assert found[0].terms is terms
    assert found[0].offered().ciphers == TO_HOSTS.ciphers[-1:]


# Hosts that are told of the client

CLIENT = End("198.51.100.7", 50000)


class Told(Protocol):
    """
    What is in front of a host that is told: it takes the header, and leaves the rest to
    the host.
    """

    def __init__(self, host: Any, headers: list[Header]) -> None:
        self._host = host
        self._headers = headers
        self._heard = b""

    def dataReceived(self, data: bytes) -> None:
        self._heard += data
        header = parse(self._heard)
        assert header is not None
        self._headers.append(header)
        self._host.makeConnection(self.transport)
        self._host.dataReceived(self._heard[header.size :])
        self.transport.protocol = self._host


def toldBy(cluster: Any, proxyProtocol: str) -> list[Header]:
    """
    Let the host of a cluster be told of its clients.

    @return: what it is told.
    """
    headers: list[Header] = []
    makeHost = cluster.network._listening[A]
    cluster.site = evolve(cluster.site, proxyProtocol=proxyProtocol)
    cluster.network.listen(A, lambda: Told(makeHost(), headers))
    return headers


def test_wayIsAsItIsWhereNobodyIsTold(clusterOf: Any) -> None:
    site = clusterOf(A).site

    assert not site.announces
    assert site.way(A, CLIENT) == site.endpoint(A)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_hostIsToldWhoTheClientIs(clusterOf: Any, version: str) -> None:
    cluster = clusterOf(A)
    headers = toldBy(cluster, version)
    found: list[Any] = []

    attempt = Attempt(cluster.site, A, UserAuthClient(A), b"SSH-2.0-x", CLIENT)
    attempt.ready.addCallback(found.append)
    cluster.network.settle()

    assert cluster.site.announces
    assert [(str(header.source), header.port) for header in headers] == [("198.51.100.7", 50000)]
    assert len(found) == 1
    assert cluster.fates(A) == [[]]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_bastionsOwnConnectionIsForNobody(clusterOf: Any, version: str) -> None:
    """
    A health check's, for one.
    """
    cluster = clusterOf(A)
    headers = toldBy(cluster, version)
    took: list[float] = []

    checked = CheckedHost(cluster.site, A, UserAuthClient)
    checked.handshake().addCallback(took.append)
    Identification(NoOptions()).check(checked).addCallback(lambda _: took.append(0.0))
    cluster.network.settle()

    assert [header.source for header in headers] == [None, None]
    assert len(took) == 2


def test_attemptThatIsGivenUpIsCutThroughTheAnnouncement(clusterOf: Any) -> None:
    cluster = clusterOf(A)
    toldBy(cluster, "v2")
    attempt = Attempt(cluster.site, A, UserAuthClient(A), b"", CLIENT)
    attempt.ready.addErrback(lambda _: None)

    attempt.drop()
    cluster.network.settle()

    assert attempt.over
    assert cluster.clock.getDelayedCalls() == []
