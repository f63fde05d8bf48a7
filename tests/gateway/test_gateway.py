"""
L{bastion.gateway.gateway}: what all connections of one gateway share.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from twisted.conch.ssh.keys import Key
from twisted.logger import LogPublisher

from bastion.config.schema import GatewayTable
from bastion.gateway.gateway import Gateway
from bastion.gateway.session import SessionRules
from bastion.ssh.terms import WITH_CLIENTS


def gateway(publisher: LogPublisher, keys: dict[bytes, Key] | None = None) -> Gateway:
    """
    A gateway that nobody uses.
    """
    table = GatewayTable(name="embl", listen=("tcp:0",), notice="Go away.")
    nothing: Any = None
    rules = SessionRules(table, (), (), nothing)
    return Gateway(table, None, nothing, rules, keys or {}, WITH_CLIENTS, publisher, nothing)


def test_logOfAConnectionSaysWhereItCameFrom() -> None:
    events: list[Any] = []

    gateway(LogPublisher(events.append)).newLog("192.0.2.1").event("connection.opened")

    (event,) = events
    assert event["event"] == "connection.opened"
    assert event["fields"]["gateway"] == "embl"
    assert event["fields"]["source"] == "192.0.2.1"


def test_referencesAreShortAndCannotBeMisread() -> None:
    one = gateway(LogPublisher())
    references = [one.newLog("192.0.2.1").bound["reference"] for _ in range(2000)]

    assert len(set(references)) > 1990
    for reference in references:
        assert len(reference) == 6
    assert set("".join(references)) == set("ABCDEFGHJKLMNPQRSTUVWXYZ23456789")


def test_hostKeysAreNotShown() -> None:
    key = Key(generate_private_key(65537, 2048))

    shown = repr(gateway(LogPublisher(), {b"ssh-rsa": key}))

    assert "attr d" not in shown
