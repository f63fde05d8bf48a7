"""
The PROXY protocol with HAProxy: in front of the bastion, and in front of its host.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from harness import balancer
from harness.balancer import FOR_USERS, TO_BASTION, Balancers
from harness.gateway import ADDRESS
from harness.openssh import ssh
from harness.waiting import until

pytestmark = pytest.mark.interop

#: Where the user is.
USER = "127.0.77.1"
SECONDS = 20


@pytest.fixture(scope="module")
def theBalancers(theSite, bastion) -> Iterator[Balancers]:
    """
    The bastion between HAProxy and HAProxy.
    """
    with balancer.opened(theSite) as opened:
        yield opened


@pytest.fixture
def balanced(theBalancers, invariants) -> Balancers:
    """
    The same.
    """
    return theBalancers


def events(balanced, name, gateway, offset):
    """
    The events of one name, by gateway.
    """
    found = balanced.gateway.audit(gateway, offset)
    return [event for event in found if event["event"] == name]


@pytest.mark.parametrize("name", ["v1", "v2", "more"])
def test_clientIsKnownToTheBastionAndToTheHost(balanced, name):
    offset, told = balanced.gateway.auditSize(), balanced.haproxy.size()

    done = ssh(balanced.route(name), "echo hello", options=[f"-oBindAddress={USER}"]).ok()

    assert done.text == "hello"
    for each in ("connection.opened", "login.accepted", "connection.closed"):
        (event,) = until(lambda each=each: events(balanced, each, name, offset), SECONDS)
        assert event["source"] == USER
    (client,) = until(lambda: balanced.told(name, told), SECONDS)
    address, port = client.split(":")
    assert address == USER
    assert 1024 <= int(port) <= 65535


@pytest.mark.parametrize("name", ["v1", "v2"])
def test_whoComesDirectlyIsKnownToTheHostToo(balanced, name):
    offset, told = balanced.gateway.auditSize(), balanced.haproxy.size()

    ssh(balanced.route(name, direct=True), "true", options=[f"-oBindAddress={USER}"]).ok()

    (event,) = events(balanced, "login.accepted", name, offset)
    assert event["source"] == USER
    (client,) = until(lambda: balanced.told(name, told), SECONDS)
    assert client.startswith(f"{USER}:")


def test_muchCrossesUnchanged(balanced, payload):
    done = ssh(balanced.route("v2"), "cat", data=payload.data).ok()
    assert payload.matches(done.stdout)


def test_checksOfBothSidesAreForNobody(balanced):
    """
    HAProxy looks whether the bastion is well, and the bastion whether its host is.
    """
    offset, told = balanced.gateway.auditSize(), balanced.haproxy.size()

    def opened():
        return [e["source"] for e in events(balanced, "connection.opened", "checked", offset)]

    until(lambda: len(opened()) >= 3, SECONDS, "HAProxy has checked the bastion")
    until(lambda: balanced.told("checked", told), SECONDS, "the bastion has checked its host")
    assert set(opened()) == {TO_BASTION}
    assert {each.split(":")[0] for each in balanced.told("checked", told)} == {ADDRESS}
    assert events(balanced, "connection.refused", "checked", offset) == []
    assert not [e for e in events(balanced, "host.changed", None, offset) if e["state"] == "down"]
    ssh(balanced.route("checked"), "true").ok()
    assert "is DOWN" not in balanced.haproxy.text(told)


def test_headerOfAUserIsNotBelieved(balanced):
    """
    Not behind HAProxy's own, and not without HAProxy.
    """
    offset = balanced.gateway.auditSize()
    direct = balanced.gateway.plans["v2"].port
    for where in ((FOR_USERS, balanced.ways["v2"].user), (ADDRESS, direct)):
        with socket.create_connection(where, SECONDS, (USER, 0)) as attacker:
            attacker.sendall(b"PROXY TCP4 192.0.2.77 192.0.2.22 50000 22\r\nSSH-2.0-x\r\n")
            while attacker.recv(4096):
                pass

    closed = until(
        lambda: (found := events(balanced, "connection.closed", "v2", offset))[1:] and found,
        SECONDS,
    )
    assert [event["source"] for event in closed] == [USER, USER]


def test_balancerThatSaysNothingIsClosedWithoutAByte(balanced):
    offset = balanced.gateway.auditSize()
    where = (ADDRESS, balanced.gateway.plans["v2"].port)
    with socket.create_connection(where, SECONDS, (TO_BASTION, 0)) as silent:
        assert silent.recv(4096) == b""

    (refused,) = events(balanced, "connection.refused", "v2", offset)
    assert refused["source"] == TO_BASTION
    assert refused["reason"] == "its PROXY header was not there within 2 s"
