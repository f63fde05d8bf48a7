"""
A cluster whose hosts fail, each in its way and all at the same time: the account that
sticks to one comes to another host; the host is found down, or quarantined, or slow; and
when it is well again, it takes logins again.
"""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Iterator

import pytest
from attrs import define
from harness.clusters import WHERE, Clusters, failed, replacement
from harness.openssh import session, ssh
from harness.sshd import Host
from harness.waiting import until

pytestmark = pytest.mark.interop

#: What is wrong with which host.
WRONG = {"killed": "nice2", "stopped": "nice3", "refusing": "nice4", "reinstalled": "nice5"}
#: The account that sticks to each.
ACCOUNT = {kind: number for number, kind in enumerate(WRONG)}
#: Of which checks say that they are down.
DOWN = ["killed", "stopped", "refusing"]


@define
class Broken:
    """
    The hosts that have failed.

    @ivar before: where the audit log was then.
    @ivar crowded: instead of the refusing one: it takes one connection, and has it.
    @ivar reinstalled: has another key than before.
    """

    clusters: Clusters
    before: int
    crowded: Host
    reinstalled: Host
    visitor: socket.socket

    def changes(self, kind: str) -> list[tuple[str, str]]:
        """
        The states of a host since then, and why.
        """
        target = self.clusters.hosts[WRONG[kind]].target
        changes = self.clusters.changes("nice", target, self.before)
        return [(event["state"], event["reason"]) for event in changes]


def onlyVisitor(host: Host) -> socket.socket | None:
    """
    Take the only place of a host, which a check may have at the moment.
    """
    visitor = socket.create_connection((host.address, host.port), 20)
    if visitor.recv(4) == b"SSH-":
        return visitor
    visitor.close()
    return None


@pytest.fixture(scope="module")
def broken(theClusters: Clusters) -> Iterator[Broken]:
    """
    Accounts stick to four hosts, and these fail.
    """
    theClusters.allUp("nice")
    hosts = {kind: theClusters.hosts[name] for kind, name in WRONG.items()}
    for kind, number in ACCOUNT.items():
        assert theClusters.where("nice", number, WRONG[kind]) == WRONG[kind]
    settings = {"MaxStartups": "1:100:1", "LoginGraceTime": "0"}
    crowded = replacement(hosts["refusing"], "crowded", **settings)
    reinstalled = replacement(hosts["reinstalled"], "reinstalled", True, LogLevel="DEBUG1")
    before = theClusters.gateway.auditSize()
    # What was begun for a login just now, and waits for another one, is trusted.
    fresh = time.monotonic() + 1.1
    until(lambda: time.monotonic() > fresh, 5)
    hosts["killed"].server.kill(children=True)
    hosts["stopped"].server.signal(signal.SIGSTOP, children=True)
    for kind, other in {"refusing": crowded, "reinstalled": reinstalled}.items():
        hosts[kind].server.kill(children=True)
        other.start()
    visitor = until(lambda: onlyVisitor(crowded), 20, "the only place is taken")
    yield Broken(theClusters, before, crowded, reinstalled, visitor)
    # What stays has a new key: the others know it by now.
    theClusters.hosts[reinstalled.name] = reinstalled


@pytest.fixture(scope="module")
def repaired(broken: Broken) -> Iterator[Broken]:
    """
    And they are well again.
    """
    hosts = broken.clusters.hosts
    broken.visitor.close()
    broken.crowded.server.stop()
    for name in ("killed", "refusing"):
        hosts[WRONG[name]].start()
    hosts[WRONG["stopped"]].server.signal(signal.SIGCONT, children=True)
    broken.clusters.late.seconds = 0.0
    yield broken


@pytest.mark.parametrize("kind", WRONG)
def test_accountOfAFailingHostComesToAnotherOne(cluster, broken, kind):
    start = time.monotonic()
    assert cluster.where("nice", ACCOUNT[kind]) in ("nice1", "nice6")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("kind", WRONG)
def test_failingHostIsNoHostForThoseWhoNameIt(cluster, broken, kind):
    done = ssh(cluster.route("nice", 5, WRONG[kind]), WHERE)
    assert "takes no logins at the moment; log in without naming a host" in failed(done)
    assert not done.prompts


@pytest.mark.parametrize("kind", DOWN)
def test_failingHostIsFoundDownByItsChecks(cluster, broken, kind):
    # Of a stopped one, each of three checks takes its five seconds.
    cluster.control.becomes("nice", cluster.hosts[WRONG[kind]].target, "down", 40)
    first, *_, last = broken.changes(kind)
    assert first[0] == "suspect"
    assert "checks in a row failed" in last[1]


def test_changedKeyIsQuarantinedWithBothFingerprintsInTheLog(cluster, broken):
    host = cluster.hosts[WRONG["reinstalled"]]
    cluster.control.becomes("nice", host.target, "quarantined")
    known, offered = (each.keys[0].fingerprint for each in (host, broken.reinstalled))
    (change,) = (each for each in broken.changes("reinstalled") if each[0] == "quarantined")
    assert known in change[1] and offered in change[1]
    status = cluster.control.hosts("nice")[host.target]
    assert (status["known_keys"], status["offered_key"]) == ([known], offered)


def test_hostWithAnotherKeyWasToldNothing(cluster, broken):
    told = broken.reinstalled.server.text()
    assert "Connection from" in told
    assert "SERVICE" not in told.upper()
    assert "userauth" not in told


def test_slowHostGetsNoLoginsWhileOthersAreQuick(cluster):
    target = cluster.late.target
    cluster.control.becomes("slow", target, "suspect")
    reason = cluster.changes("slow", target)[-1]["reason"]
    assert re.search(r"its handshake takes [1-4]", reason)
    assert [cluster.where("slow", number) for number in range(3)].count("nice6") == 0


@pytest.mark.parametrize("kind", DOWN)
def test_repairedHostTakesLoginsAgain(cluster, repaired, kind):
    cluster.control.becomes("nice", cluster.hosts[WRONG[kind]].target, "up")
    assert cluster.where("nice", ACCOUNT[kind], WRONG[kind]) == WRONG[kind]


def test_acceptedKeyIsTheHostsFromThenOn(cluster, repaired):
    host = repaired.reinstalled
    fingerprint = host.keys[0].fingerprint
    known = cluster.hosts[host.name].keys[0].fingerprint
    refused = cluster.control.run("accept-key", host.target, "--fingerprint", known)
    assert refused.status == 1
    assert cluster.control.state("nice", host.target) == "quarantined"

    accept = ["accept-key", host.target, "--cluster", "nice", "--fingerprint", fingerprint]
    assert cluster.control.ask(*accept)["state"] == "suspect"
    cluster.control.becomes("nice", host.target, "up")
    assert cluster.where("nice", ACCOUNT["reinstalled"], host.name) == host.name
    assert "userauth-request for user" in host.server.text()


def test_hostThatIsQuickAgainGetsLoginsAgain(cluster, repaired):
    cluster.control.becomes("slow", cluster.late.target, "up", 30)


def test_onlyHostIsTriedAlthoughItWasDown(cluster):
    """
    A check can be wrong, and there is no other.
    """
    host = cluster.hosts["nice6"]
    with session(cluster.route("single"), "echo here; cat") as process:
        assert process.stdout.readline() == b"here\n"
        host.server.kill()
        told = failed(ssh(cluster.route("single"), WHERE))
        assert "No host can be reached at the moment; please try again later." in told
        until(lambda: cluster.control.state("single", host.target) != "up", 10, "it is not up")
        host.start()
        assert cluster.where("single") == host.name
        assert process.poll() is None
