"""
Clients that are turned away, and what they are told.
"""

from __future__ import annotations

import re
import socket

import pytest
from harness.dialogues import PASSWORD
from harness.gateway import Gateway, Plan
from harness.openssh import ssh
from harness.putty import plink
from harness.site import NOTICE
from harness.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("bastion")]


def talk(port, words):
    """
    What the bastion says to somebody who says this, until it closes.
    """
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.settimeout(20)
        connection.sendall(words)
        parts = []
        try:
            while part := connection.recv(4096):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)


@pytest.mark.parametrize("words", [b"SSH-1.5-OldClient\n", b"SSH-1.5-PuTTY_Release_0.50\r\n"])
def test_oldClientGetsOnePlainLineAndTheEnd(to, words):
    said = talk(to("pam").port, words)
    lines = [line for line in said.splitlines() if not line.startswith(b"SSH-2.0-")]
    assert len(lines) == 1
    assert re.fullmatch(rb"[ -~]*SSH version 2[ -~]*", lines[0])
    assert b"-2" in lines[0]


def test_clientThatAllowsBothVersionsIsWelcome(to):
    """
    1.99 means 2.
    """
    with socket.create_connection(("127.0.0.1", to("pam").port), 20) as connection:
        connection.settimeout(20)
        connection.sendall(b"SSH-1.99-Both\r\n")
        said = b""
        while b"curve25519" not in said:
            part = connection.recv(4096)
            assert part, said
            said += part


@pytest.mark.parametrize(
    "words", [b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0" * 99, b"A" * 100_000]
)
def test_thoseWhoSpeakNoSshAreClosed(to, words):
    said = talk(to("pam").port, words)
    assert b"Traceback" not in said
    assert ssh(to("pam"), "echo next").ok().text == "next"


def test_noticeIsShownByOpenssh(to):
    done = ssh(to("notice"), "true")
    assert done.status == 255
    assert NOTICE in done.stderr
    assert not done.prompts


def test_noticeIsShownByPlink(to):
    done = plink(to("notice"), "true")
    assert done.status == 1
    assert NOTICE in done.stdout.decode() + done.stderr


def test_noticeTakesNoPassword(to, bastion):
    ssh(to("notice"), "true")

    def names():
        return {event["event"] for event in bastion.audit("notice")}

    until(lambda: {"connection.opened", "connection.closed"} <= names(), 10, "its end is recorded")
    assert "login.accepted" not in names()


def test_refusalHasAReferenceThatTheLogKnows(to, bastion):
    done = ssh(to("odd").as_("closed", PASSWORD), "true")
    assert done.status == 255
    refused = [e for e in bastion.audit("odd") if e["event"] == "login.refused"]
    assert refused[-1]["account"] == "closed"


def test_auditLinesSayWhoFromWhereToWhere(to, bastion, theSite, user):
    seen = len(bastion.audit("pam"))
    ssh(to("pam"), "echo x").ok()
    events = {event["event"]: event for event in bastion.audit("pam")[seen:]}
    accepted = events["login.accepted"]
    assert accepted["account"] == user.name
    assert accepted["source"] == "127.0.0.1"
    assert accepted["host"] == theSite.hosts["pam"].target
    assert events["channel.opened"]["reference"] == accepted["reference"]


def test_silentClientIsClosedWhenItsTimeIsOver(theSite):
    host = theSite.hosts["pam"]
    directory = theSite.direct("pam").newDirectory()
    plans = {"own": Plan([host.target], host.knownHosts())}
    gateway = Gateway(directory, plans, '[admission]\nlogin_grace_time = "1s"\n')
    gateway.start()
    try:
        for words in (b"", b"SSH-2.0-x\r\n"):
            assert talk(gateway.plans["own"].port, words).startswith(b"SSH-2.0-")
    finally:
        gateway.stop()
    events = [event["event"] for event in gateway.audit()]
    assert events.count("connection.opened") == events.count("connection.closed") > 0
