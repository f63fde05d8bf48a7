"""
L{bastion.gateway.sessionlog}: what the two ends of a session do, as events.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import LogPublisher

from bastion.audit.events import ConnectionLog
from bastion.gateway.sessionlog import SessionLog
from bastion.interfaces import ChannelRequest
from bastion.relay.channels import Channel, End


@pytest.fixture
def events() -> list[Any]:
    """
    Names and fields.
    """
    return []


@pytest.fixture
def log(events: list[Any]) -> SessionLog:
    """
    The log of one session.
    """
    publisher = LogPublisher(lambda event: events.append((event["event"], event["fields"])))
    return SessionLog(ConnectionLog(publisher, {"reference": "ABC234"}))


def test_openedChannelIsRecordedWithItsTarget(log: SessionLog, events: list[Any]) -> None:
    log.channelOpened(Channel(b"session", End.CLIENT))
    log.channelOpened(Channel(b"direct-tcpip", End.CLIENT, "db.example.org:5432"))

    bound = {"reference": "ABC234", "opened_by": "client"}
    assert events == [
        ("channel.opened", {**bound, "type": "session"}),
        ("channel.opened", {**bound, "type": "direct-tcpip", "target": "db.example.org:5432"}),
    ]


def test_refusalIsRecordedEscaped(log: SessionLog, events: list[Any]) -> None:
    log.refused(ChannelRequest("open", b"x11\x1b[2J", False), "the client has not asked for it")

    assert events[0][0] == "channel.refused"
    assert events[0][1]["type"] == r"x11\x1b[2J"
