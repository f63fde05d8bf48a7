"""
A login beside a thousand connections from fifty addresses that do not log in.
"""

from __future__ import annotations

import socket
from collections import Counter

import pytest
from attrs import evolve
from harness.gateway import ADDRESS, Gateway, Plan
from harness.openssh import ssh
from harness.waiting import until

pytestmark = pytest.mark.interop

SOURCES, EACH = 50, 20
CONNECTIONS = SOURCES * EACH
#: So many fit into the queue of a socket that listens.
BATCH = 25
#: They have 10 s for their keys.
SECONDS = 30
#: Half of them say nothing, half of them say who they are.
WORDS = (b"", b"SSH-2.0-x\r\n")


@pytest.fixture
def gateway(theSite, invariants, bastion):
    """
    A bastion where that is just possible.
    """
    host = theSite.hosts["pam"]
    limits = f'max_startups = "{CONNECTIONS + 10}:30:{2 * CONNECTIONS}"'
    admission = ["[admission]", limits, f"per_source_startups = {EACH}", ""]
    plans = {"own": Plan([host.target], host.knownHosts())}
    gateway = Gateway(theSite.direct("pam").newDirectory(), plans, "\n".join(admission))
    gateway.start()
    yield gateway
    gateway.stop()


def counted(gateway, name):
    """
    How many events of a name there are, by source; those of the crowd.
    """
    events = [event for event in gateway.audit() if event["event"] == name]
    return Counter(event["source"] for event in events if event["source"] != ADDRESS)


def arrive(gateway, count, sources=SOURCES):
    """
    Each source makes so many connections.

    @return: the sockets.
    """
    arrived = []

    def accepted():
        return gateway.books.read().accepted["own"] >= len(arrived)

    for number in range(sources * count):
        made = socket.socket()
        made.settimeout(SECONDS)
        made.bind((f"127.0.20.{number % sources + 1}", 0))
        made.connect((ADDRESS, gateway.plans["own"].port))
        made.sendall(WORDS[number % 2])
        arrived.append(made)
        if len(arrived) % BATCH == 0:
            until(accepted, SECONDS)
    return arrived


def test_loginSucceedsBesideAThousandHalfOpenConnections(gateway, theSite):
    direct = theSite.direct("pam")
    route = evolve(direct, port=gateway.plans["own"].port, address=ADDRESS, keys=gateway.keys())

    crowd = arrive(gateway, EACH)
    assert ssh(route, "echo in").ok().text == "in"

    assert counted(gateway, "connection.opened") == {
        f"127.0.20.{number}": EACH for number in range(1, SOURCES + 1)
    }
    assert not counted(gateway, "connection.refused")
    for each in crowd:
        while each.recv(4096):
            pass
        each.close()
    until(lambda: counted(gateway, "connection.closed").total() == CONNECTIONS, SECONDS)
    assert ssh(route, "echo in").ok().text == "in"


def test_sourceGetsNoMoreThanItsShareOfThem(gateway):
    crowd = arrive(gateway, EACH, sources=1)

    with socket.socket() as more:
        more.settimeout(SECONDS)
        more.bind(("127.0.20.1", 0))
        more.connect((ADDRESS, gateway.plans["own"].port))
        assert more.recv(4096) == b"Too many connections are logging in; please try again.\r\n"

    assert counted(gateway, "connection.refused") == {"127.0.20.1": 1}
    for each in crowd:
        each.close()
