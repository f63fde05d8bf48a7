"""
What OpenSSH notices of the packet layer: strict key exchange (CVE-2023-48795), and
what the two sides tell each other of their abilities (RFC 8308).
"""

from __future__ import annotations

import re

import pytest
from harness.algorithms import CHACHA20, GCM, NEWEST, SYSTEM, Choice
from harness.matrix import hostName
from harness.openssh import prepare, ssh
from harness.programs import newest
from harness.terminal import Terminal
from harness.waiting import until

pytestmark = pytest.mark.interop

STRICT = "will use strict KEX ordering"
#: How many pings there were.
_HIDDEN = re.compile(r"obfuscate_keystroke_timing: stopping: .*?(\d+) chaff packets sent")
GCM_ONLY = Choice(cipher=GCM[0])


@pytest.fixture(params=[SYSTEM, NEWEST])
def told(request, algorithms):
    """
    What C{ssh -vvv} of a version tells of a login.
    """
    path = newest("bin/ssh") if request.param == NEWEST else ""
    done = ssh(algorithms.through("default"), "true", options=["-vvv"], path=path)
    return done.ok().stderr


def test_clientKeepsStrictKeyExchange(told):
    assert STRICT in told
    assert re.search(r"resetting (read|send) seqnr", told)


def test_clientLearnsWhichSignaturesAreKnown(told):
    signatures = re.search(r"server-sig-algs=<([^>]*)>", told)
    assert signatures is not None
    assert "ssh-ed25519" in signatures[1].split(",")
    assert "ssh-rsa" not in signatures[1].split(",")


def test_clientLearnsThatItMayPing(told):
    assert "ping@openssh.com" in told


@pytest.mark.parametrize("cipher", [GCM[0], CHACHA20])
@pytest.mark.parametrize("version", [SYSTEM, NEWEST])
def test_hostKeepsStrictKeyExchange(algorithms, version, cipher):
    """
    Also with the cipher that the attack was against.
    """
    choice = Choice(cipher=cipher)
    with algorithms.serving(version, choice) as host:
        ssh(algorithms.through(hostName(version, choice)), "true").ok()
        assert STRICT in host.server.text()
        assert "resetting send seqnr" in host.server.text()


def test_hostMayTellMoreDuringTheLogin(algorithms):
    with algorithms.serving(NEWEST, GCM_ONLY) as host:
        ssh(algorithms.through(hostName(NEWEST, GCM_ONLY)), "true").ok()
        assert "ext-info-in-auth@openssh.com" in host.server.text()


def test_rhythmOfTypingIsHidden(algorithms):
    """
    The newest client sends pings among the keys, and the bastion answers them: an
    answer that nobody has asked for, or something else, would end the session.
    """
    route = algorithms.through("default")
    log = route.newDirectory() / "log"
    options = ["-tt", "-vvv", "-E", str(log)]
    prepared = prepare(route, options=options, path=newest("bin/ssh"))
    with Terminal(prepared.command, prepared.environment) as screen:
        screen.expect("ready> ")
        for key in "echo it is $((6*7))":
            screen.type(key)
            screen.expect(re.escape(key))
        screen.type("\r")
        screen.expect("it is 42")
        hidden = until(lambda: _HIDDEN.search(log.read_text()), 10, "the end of hiding")
        assert int(hidden[1]) > 0
        screen.type("exit\r")
        assert screen.ended() == 0
