"""
A host that makes those wait who connect and do not log in (PerSourcePenalties of OpenSSH
9.8 and later, with its defaults) has no reason to make the bastion wait.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time

import pytest
from harness.programs import newest, program
from harness.waiting import until

pytestmark = pytest.mark.interop

#: Those of 20 seconds.
CHECKS = 10
STRANGERS = 30
REFUSAL = b"Not allowed at this time"


@pytest.fixture
def host(cluster):
    """
    The newest sshd.
    """
    newest("sbin/sshd")
    return cluster.hosts["newest"]


def visits(host):
    """
    How many connections it had.
    """
    return host.server.text().count("Connection from 127.0.0.1 ")


def refused(host):
    """
    What it has said of the connections that it has turned away from the bastion.
    """
    lines = host.server.text().splitlines()
    return [line for line in lines if "drop connection" in line and "from [127.0.0.1]" in line]


def test_checksDoNotBarTheDoor(cluster, host):
    until(lambda: visits(host) > CHECKS, 30, "it was checked for 20 seconds")
    assert cluster.where("newest") == "newest"
    assert not refused(host)
    assert all(change["state"] == "up" for change in cluster.changes("newest", host.target))


def test_strangersWhoScanTheGatewayDoNotBarTheDoor(cluster, host):
    before, begun = visits(host), time.monotonic()
    port = str(cluster.gateway.plans["newest"].port)
    command = [program("ssh-keyscan"), "-T", "5", "-t", "ed25519", "-p", port, "127.0.0.1"]
    for _ in range(STRANGERS):
        scanned = subprocess.run(command, capture_output=True, timeout=20)
        assert b"ssh-ed25519" in scanned.stdout
    # More than have been left for them by the strangers.
    with cluster.held([cluster.route("newest", 1)] * 6) as places:
        assert places == ["newest"] * 6
    # Those of the users, and a check every two seconds.
    assert visits(host) - before < STRANGERS / 2 + (time.monotonic() - begun) / 2
    assert not refused(host)


def test_hostDoesMakeOthersWait(cluster, host):
    """
    Who does the same directly, and as often as the strangers at the gateway.
    """

    def visit() -> bytes:
        with contextlib.suppress(ConnectionError), socket.socket() as visitor:
            visitor.bind(("127.0.0.31", 0))
            visitor.settimeout(10)
            visitor.connect((host.address, host.port))
            return visitor.recv(100)
        return b""

    until(lambda: visit().startswith(REFUSAL), 20, "the host refuses the visitor")
    assert cluster.where("newest", 2) == "newest"
