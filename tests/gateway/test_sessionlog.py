"""
L{bastion.gateway.sessionlog}: what the two ends of a session do, as events.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import LogPublisher

from bastion.audit.events import ConnectionLog
from bastion.gateway.sessionlog import MAX_REFUSALS, SessionLog
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


def test_onlySoManyRefusalsAreRecordedAndTheLastSaysSo(log: SessionLog, events: list[Any]) -> None:
    for number in range(20_000):
        log.refused(ChannelRequest("open", b"x11", False), f"reason {number}")

    assert len(events) == MAX_REFUSALS == 100
    assert {name for name, _ in events} == {"channel.refused"}
    reasons = [fields["reason"] for _, fields in events]
    assert reasons[:99] == [f"reason {number}" for number in range(99)]
    assert reasons[99] == "reason 99; further refusals are not recorded"


def test_openedChannelsAreRecordedBehindRefusedOnes(log: SessionLog, events: list[Any]) -> None:
    for _ in range(MAX_REFUSALS + 1):
        log.refused(ChannelRequest("open", b"x11", False), "no")
    log.channelOpened(Channel(b"session", End.CLIENT))

    assert events[-1][0] == "channel.opened"


@pytest.mark.parametrize(
    ("count", "told"), [(0, {}), (100, {}), (101, {"refusals": 101}), (5000, {"refusals": 5000})]
)
def test_numberOfRefusalsIsToldWhenNotAllAreRecorded(
    log: SessionLog, count: int, told: dict[str, int]
) -> None:
    for _ in range(count):
        log.refused(ChannelRequest("open", b"x11", False), "no")

    assert log.unrecorded == told
