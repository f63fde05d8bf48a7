"""
L{bastion.upstream.site}: what is needed to connect to the hosts of one cluster.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from bastion.algorithms import TO_HOSTS
from bastion.interfaces import HostAddress
from bastion.ssh.terms import WITH_HOSTS, Terms

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
