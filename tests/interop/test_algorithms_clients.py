"""
OpenSSH as a client that has one algorithm only: the machine's, and the newest.
"""

from __future__ import annotations

import re

import pytest
from harness.algorithms import FOR_CLIENTS, NEWEST, SYSTEM, versions
from harness.matrix import NARROW
from harness.openssh import ssh
from harness.programs import newest

pytestmark = pytest.mark.interop


def client(version):
    """
    Where the ssh of a version is.
    """
    return newest("bin/ssh") if version == NEWEST else ""


@pytest.mark.parametrize(("version", "choice"), versions(FOR_CLIENTS), ids=str)
def test_clientWithOneAlgorithmGetsItsDataBack(algorithms, mebibyte, version, choice):
    route = algorithms.through(choice.gateway())
    options = ["-v", *choice.options()]
    done = ssh(route, "cat", data=mebibyte.data, options=options, path=client(version)).ok()
    assert mebibyte.matches(done.stdout)
    choice.check(done.stderr)


@pytest.mark.parametrize("version", [SYSTEM, NEWEST])
@pytest.mark.parametrize("gateway", ["default", "always", "never", "compatible"])
def test_clientAtItsDefaultsGetsItsDataBack(algorithms, mebibyte, version, gateway):
    """
    Whatever else the gateway offers.
    """
    route = algorithms.through(gateway)
    done = ssh(route, "cat", data=mebibyte.data, options=["-v"], path=client(version)).ok()
    assert mebibyte.matches(done.stdout)


def test_newestClientIsSafeFromQuantumComputers(algorithms):
    done = ssh(algorithms.through("default"), "true", options=["-v"], path=client(NEWEST)).ok()
    assert "kex: algorithm: mlkem768x25519-sha256" in done.stderr
    assert "post-quantum" not in done.stderr


@pytest.mark.parametrize("version", [SYSTEM, NEWEST])
def test_lastResortIsNotOfferedToThoseWhoKnowBetter(algorithms, version):
    """
    OpenSSH has ChaCha20 first, at twice the work, and gets AES: since 10.0 it
    prefers GCM to CTR.
    """
    done = ssh(algorithms.through("default"), "true", options=["-v"], path=client(version)).ok()
    agreed = set(re.findall(r"cipher: (\S+) MAC: (\S+)", done.stderr))
    assert agreed <= {
        ("aes128-gcm@openssh.com", "<implicit>"),
        ("aes128-ctr", "hmac-sha2-256-etm@openssh.com"),
    }
    assert agreed


def test_gatewayOffersWhatItsTableSays(algorithms, mebibyte):
    done = ssh(algorithms.through("narrow"), "cat", data=mebibyte.data, options=["-v"]).ok()
    assert mebibyte.matches(done.stdout)
    NARROW.check(done.stderr)
