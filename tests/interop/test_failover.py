"""
Hosts that fail: the user comes to another one, or learns within 10 seconds
that there is none.
"""

from __future__ import annotations

import time

import pytest
from harness import accounts
from harness.openssh import ssh

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("bastion")]

FAILING = ["dead", "silent", "dark", "wrong-key", "unknown-key"]


def timed(*arguments, **more):
    """
    Run ssh, and how long it took.
    """
    start = time.monotonic()
    done = ssh(*arguments, **more)
    return done, time.monotonic() - start


def eventsOf(bastion, gateway, name):
    """
    The events of this name at one gateway.
    """
    return [event for event in bastion.audit(gateway) if event["event"] == name]


@pytest.mark.parametrize("failing", FAILING)
def test_nextHostIsTakenWhenTheFirstFails(to, bastion, failing):
    gateway = f"{failing}-first"
    done, seconds = timed(to(gateway), "echo $INTEROP_HOST")
    assert done.ok().text == "second"
    assert seconds < 10
    accepted = eventsOf(bastion, gateway, "login.accepted")[-1]
    assert accepted["host"].startswith("127.0.0.8:")


@pytest.mark.parametrize("kind", ["wrong-key-first", "unknown-key-first", "all-wrong"])
def test_passwordIsNotShownToAHostWithTheWrongKey(to, theSite, kind):
    """
    Ever: once that is known of it, it is not even asked.
    """
    name = "stranger" if kind.startswith("unknown") else "impostor"
    ssh(to(kind), "true")
    told = theSite.hosts[name].server.text()
    assert "Connection from" in told
    assert "user" not in told.replace("invalid user", "").split("Connection from", 1)[1].lower()


def test_changedKeyIsLoggedWithBothFingerprints(to, theSite, bastion):
    ssh(to("wrong-key-first"), "true").ok()
    offered = theSite.hosts["impostor"].keys[0].fingerprint
    known = theSite.hosts["second"].keys[0].fingerprint
    audit = (bastion.state / "audit.jsonl").read_text()
    for fingerprint in (offered, known):
        assert fingerprint in audit
        assert fingerprint in bastion.log()


def test_unknownKeyIsLoggedWithItsFingerprint(to, theSite, bastion):
    ssh(to("unknown-key-first"), "true").ok()
    assert theSite.hosts["stranger"].keys[0].fingerprint in bastion.log()


@pytest.mark.parametrize("kind", ["all-dead", "all-silent", "all-wrong"])
def test_userIsToldWithinTenSecondsThatThereIsNoHost(to, bastion, kind):
    done, seconds = timed(to(kind), "true")
    assert done.status == 255
    assert seconds < 10
    refused = eventsOf(bastion, kind, "login.refused")[-1]
    assert refused["reference"] in done.stderr
    assert "host" in done.stderr.lower()
    assert not done.prompts


def test_loginDoesNotMoveAfterThePrompt(to, theSite):
    """
    A wrong password at the first host is not tried at the next one.
    """
    log = theSite.hosts["second"].server
    before = log.size()
    route = to("dead-first")
    options = ["-oNumberOfPasswordPrompts=1"]
    done = ssh(route.as_(route.account, accounts.newPassword()), "true", options=options)
    assert done.status == 255
    assert log.text(before).count("Connection from") == 1


def test_refusalsNameNoSecretOfTheInside(to, theSite):
    """
    The user needs the reference, not the addresses of the hosts.
    """
    done = ssh(to("all-dead"), "true")
    assert "127.0.0.50" not in done.stderr
    assert "Traceback" not in done.stderr
