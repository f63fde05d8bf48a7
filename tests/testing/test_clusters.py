"""
L{bastion.testing.clusters}: a cluster for tests.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bastion.interfaces import HostAddress, HostRequest, HostUnavailable
from bastion.testing.clusters import Witnesses, selectorOf

HOSTS = (HostAddress("nice1"), HostAddress("nice2"))


def test_selectorGivesLeasesInTheOrderOfTheHosts() -> None:
    selector = selectorOf(HOSTS, Clock())
    leases: list[HostAddress] = []
    for tried in ((), HOSTS[:1]):
        lease = selector.lease(HostRequest(b"johnson", "192.0.2.7", "esrf"), tried)
        Deferred.fromCoroutine(lease).addCallback(lambda lease: leases.append(lease.host))

    assert leases == [*HOSTS]


def test_witnessesWriteDownAndHoldNothingAgainstAnybody() -> None:
    witnesses = Witnesses()
    witnesses.reached(HOSTS[0], 0.5)
    witnesses.failed(HOSTS[1], HostUnavailable("refuses"))

    assert witnesses.told == [("reached", HOSTS[0], 0.5), ("failed", HOSTS[1], "refuses")]
    assert witnesses.isWell(HOSTS[1])
