"""
What an operator has decided holds: for the sessions that are there, for those who come,
and over a restart.
"""

from __future__ import annotations

import os
import signal

import pytest
from harness.clusters import MOVED, WHERE, failed
from harness.openssh import session, ssh

pytestmark = pytest.mark.interop


def restarted(cluster, change=lambda: None):
    """
    Stop the bastion in good order, and start it again.

    @param change: done in between.
    """
    assert cluster.gateway.stop() == -signal.SIGTERM
    change()
    cluster.gateway.start()


def told(cluster, host, word, *more):
    """
    Tell the bastion something about a host.
    """
    return cluster.control.ask(word, host.target, "--cluster", "nice", *more)


def test_drainKeepsTheSessionsAndMovesTheNextLogin(cluster):
    host = cluster.hosts["nice2"]
    with session(cluster.route("nice", 0, host.name), "cat") as running:

        def answers(word):
            running.stdin.write(word + b"\n")
            running.stdin.flush()
            return running.stdout.readline() == word + b"\n"

        assert answers(b"before")
        drained = told(cluster, host, "drain", "--reason", "new disks")
        assert (drained["state"], drained["sessions"]) == ("drain", 1)

        moved = ssh(cluster.route("nice"), WHERE).ok()
        assert moved.text != host.name
        assert MOVED in moved.stderr
        again = ssh(cluster.route("nice"), WHERE).ok()
        assert (again.text, again.stderr) == (moved.text, "")
        assert answers(b"during")

        named = failed(ssh(cluster.route("nice", 0, host.name), WHERE))
        assert f"{host.target} takes no logins at the moment" in named
        told(cluster, host, "enable")
        cluster.control.becomes("nice", host.target, "up")
        assert cluster.where("nice", 0, host.name) == host.name
        assert answers(b"after")


def test_everyNewLoginAvoidsADrainedHost(cluster):
    host = cluster.hosts["nice3"]
    told(cluster, host, "drain")
    places = [cluster.where("nice", number) for number in range(6)]
    told(cluster, host, "enable")
    assert host.name not in places


def test_changesByOperatorsAreInTheAuditLog(cluster):
    host = cluster.hosts["nice4"]
    before = cluster.gateway.auditSize()
    told(cluster, host, "disable", "--reason", "it smokes")
    told(cluster, host, "enable")
    changes = cluster.changes("nice", host.target, before)[:2]
    assert [(each["was"], each["state"], each["by"]) for each in changes] == [
        ("up", "disabled", "operator"),
        ("disabled", "suspect", "operator"),
    ]
    assert changes[0]["reason"] == "it smokes"
    assert [each["uid"] for each in changes] == [os.geteuid()] * 2


@pytest.mark.breaks("process", reason="the bastion is started again")
def test_restartKeepsDrainAndStickiness(cluster):
    host, home = cluster.hosts["nice3"], cluster.hosts["nice5"].name
    told(cluster, host, "drain", "--reason", "new kernel")
    assert cluster.where("nice", 1, home) == home

    restarted(cluster)

    kept = cluster.control.hosts("nice")[host.target]
    assert (kept["state"], kept["reason"]) == ("drain", "new kernel")
    assert cluster.where("nice", 1) == home
    assert "takes no logins" in failed(ssh(cluster.route("nice", 0, host.name), WHERE))
    told(cluster, host, "enable")
    cluster.control.becomes("nice", host.target, "up")
    restarted(cluster)
    assert cluster.control.state("nice", host.target) == "up"


@pytest.mark.breaks("process", reason="the bastion is started again")
def test_stateThatCannotBeReadIsSetAsideAndSaid(cluster):
    host = cluster.hosts["nice3"]
    told(cluster, host, "drain")
    path = cluster.gateway.state / "state.json"
    before = cluster.gateway.server.size()

    restarted(cluster, lambda: path.write_bytes(path.read_bytes()[:-20]))

    (aside,) = cluster.gateway.state.glob("state.json.corrupt-*")
    assert f'"{host.address}", {host.port}, "drain"' in aside.read_text()
    log = cluster.gateway.server.text(before)
    assert f"it is {aside.name} now.  The bastion starts without it: no host is drained" in log
    assert cluster.control.state("nice", host.target) == "up"
    assert cluster.where("nice", 2, host.name) == host.name
