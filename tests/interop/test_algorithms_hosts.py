"""
OpenSSH as a host that has one algorithm only: the machine's, and the newest.
"""

from __future__ import annotations

import pytest
from harness.algorithms import FOR_HOSTS, NEWEST, versions
from harness.matrix import NARROW, hostName
from harness.openssh import ssh

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(("version", "choice"), versions(FOR_HOSTS), ids=str)
def test_hostWithOneAlgorithmGivesTheDataBack(algorithms, mebibyte, version, choice):
    with algorithms.serving(version, choice) as host:
        route = algorithms.through(hostName(version, choice))
        done = ssh(route, "cat", data=mebibyte.data).ok()
        assert mebibyte.matches(done.stdout)
        choice.check(host.server.text())


def test_newestHostIsSafeFromQuantumComputers(algorithms):
    with algorithms.serving(NEWEST) as host:
        ssh(algorithms.through(NEWEST), "true").ok()
        assert "kex: algorithm: mlkem768x25519-sha256" in host.server.text()


def test_clusterOffersWhatItsTableSays(algorithms):
    log = algorithms.hosts["ordinary"].server
    before = log.size()
    ssh(algorithms.through("narrow"), "true").ok()
    NARROW.check(log.text(before))
