"""
Tests of L{bastion.audit.events}: what is said, where it is written, and that the
catalogue is all of it.
"""

from __future__ import annotations

import ast
import json
import os
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    LogPublisher,
    capturedLogs,
    formatEvent,
)
from zope.interface import provider
from zope.interface.verify import verifyObject

import bastion
from bastion.audit.events import (
    CATALOGUE,
    AuditLogUnusable,
    ConnectionLog,
    JSONLines,
    OperatorLog,
)

BOUND = {"reference": "K7QX2M", "gateway": "esrf", "source": "192.0.2.7"}


class Written:
    """
    An audit log in a file.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.jsonl"
        self.sink = JSONLines(self.path)
        self.publisher = LogPublisher(self.sink)

    def log(self) -> ConnectionLog:
        """
        The log of a new connection.
        """
        return ConnectionLog(self.publisher, dict(BOUND))

    def lines(self) -> list[Any]:
        """
        What is in the file, line by line.
        """
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    """
    An audit log in a file of its own.
    """
    written = Written(tmp_path)
    yield written
    written.sink.close()


def names(events: list[Any]) -> list[str]:
    """
    The names of events.
    """
    return [event["event"] for event in events]


# The log of one connection


def test_eventHasTheFieldsOfItsConnectionAndItsOwn(written: Written) -> None:
    written.log().event("connection.refused", reason="100 connections")
    (line,) = written.lines()
    assert list(line) == ["time", "event", "reference", "gateway", "source", "reason"]
    assert line | {"time": ""} == {
        "time": "",
        "event": "connection.refused",
        **BOUND,
        "reason": "100 connections",
    }


def test_whatIsBoundIsInAllEventsFromThenOn(written: Written) -> None:
    log = written.log()
    log.event("connection.opened")
    log.bind(account="johnson", host="nice1.example.org")
    log.event("login.accepted", method="password")
    log.event("connection.closed", duration=1.5, reason="")
    opened, *later = written.lines()
    assert "account" not in opened and "host" not in opened
    assert [(line["account"], line["host"]) for line in later] == [
        ("johnson", "nice1.example.org")
    ] * 2


def test_eventsOwnFieldWinsForItAlone(written: Written) -> None:
    log = written.log()
    log.bind(host="nice1.example.org")
    log.event("host.refused", host="nice2.example.org", reason="refuses connections")
    log.event("connection.opened")
    assert [line["host"] for line in written.lines()] == ["nice2.example.org", "nice1.example.org"]


def test_connectionsDoNotShareTheirFields(written: Written) -> None:
    one, two = written.log(), written.log()
    one.bind(account="johnson")
    two.event("connection.opened")
    assert "account" not in written.lines()[0]


def test_eventThatIsNotInTheCatalogueIsAMistake(written: Written) -> None:
    with pytest.raises(KeyError):
        written.log().event("connection.invented")
    assert written.lines() == []


def test_brokenSinkDoesNotStopTheOthers(written: Written) -> None:
    @provider(ILogObserver)
    def broken(event: LogEvent) -> None:
        raise OSError("no space")

    ConnectionLog(LogPublisher(broken, written.sink), dict(BOUND)).event("connection.opened")
    assert names(written.lines()) == ["connection.opened"]


# JSON lines


@pytest.mark.parametrize("sink", [JSONLines(Path(os.devnull)), OperatorLog()])
def test_sinkIsAnObserver(sink: Any) -> None:
    assert verifyObject(ILogObserver, sink)


def test_timeIsUtcWithMilliseconds(written: Written) -> None:
    written.sink({"log_time": 1700000000.1239, "event": "x", "fields": {}})
    assert written.lines() == [{"time": "2023-11-14T22:13:20.123+00:00", "event": "x"}]


@pytest.mark.parametrize("value", ["ä\n\r\0\x1b[2J\x7f\u2028\u202e\U0001f600", '"}', "\\n", 1.5, 0])
def test_eventIsOneLineOfAsciiWhateverIsInIt(written: Written, value: object) -> None:
    written.log().event("connection.refused", reason=value)
    data = written.path.read_bytes()
    assert data.endswith(b"}\n") and data.count(b"\n") == 1
    assert data.isascii() and not any(code < 32 for code in data[:-1])
    assert written.lines()[0]["reason"] == value


def test_listsAreWrittenAsLists(written: Written) -> None:
    written.log().event("connection.opened", tried=["a", "b"])
    assert written.lines()[0]["tried"] == ["a", "b"]


def test_eventIsInTheFileBeforeTheNextOneFollows(written: Written) -> None:
    log = written.log()
    for count in range(1, 4):
        log.event("connection.opened")
        assert len(written.lines()) == count


def test_startAppendsToWhatIsThere(written: Written) -> None:
    written.log().event("connection.opened")
    again = JSONLines(written.path)
    again({"log_time": 0.0, "event": "second", "fields": {}})
    written.log().event("connection.opened")
    again.close()
    assert names(written.lines()) == ["connection.opened", "second", "connection.opened"]


def test_strangersMayNotReadIt(written: Written) -> None:
    assert written.path.stat().st_mode & 0o137 == 0


@pytest.mark.parametrize("remove", [False, True])
def test_fileThatWasMovedAwayIsBegunAnew(written: Written, remove: bool) -> None:
    rotated = written.path.with_suffix(".1")
    log = written.log()
    log.event("connection.opened")
    if remove:
        written.path.unlink()
    else:
        written.path.rename(rotated)
    log.event("login.refused", reason="")
    log.event("connection.closed", duration=0.0, reason="")
    assert names(written.lines()) == ["login.refused", "connection.closed"]
    if not remove:
        assert json.loads(rotated.read_text())["event"] == "connection.opened"


def test_fileThatSomebodyElseHasBegunIsTaken(written: Written) -> None:
    """
    As logrotate does with C{create}.
    """
    log = written.log()
    log.event("connection.opened")
    written.path.rename(written.path.with_suffix(".1"))
    written.path.touch()
    log.event("login.refused", reason="")
    assert names(written.lines()) == ["login.refused"]


def test_fileThatCannotBeOpenedIsNamed(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "audit.jsonl"
    with pytest.raises(AuditLogUnusable) as caught:
        JSONLines(path)
    assert str(caught.value) == f"{path}: No such file or directory"


def test_folderThatWasAwayForAWhileCostsTheEventsOfThatWhileOnly(written: Written) -> None:
    log, folder = written.log(), written.path.parent
    away = folder.with_name("away")
    folder.rename(away)
    log.event("connection.opened")
    away.rename(folder)
    log.event("login.refused", reason="")
    log.event("connection.closed", duration=0.0, reason="")
    assert names(written.lines())[-2:] == ["login.refused", "connection.closed"]


# The operator's log


def operatorLine(name: str, bound: dict[str, str], **fields: object) -> str:
    """
    How the operator reads an event.
    """
    with capturedLogs() as events:
        ConnectionLog(LogPublisher(OperatorLog()), bound).event(name, **fields)
    (event,) = events
    assert (event["log_namespace"], event["log_level"]) == ("bastion.audit", LogLevel.info)
    return formatEvent(event)


def test_operatorReadsASentence() -> None:
    bound = {**BOUND, "account": "johnson", "host": "nice1.example.org"}
    line = operatorLine("login.accepted", bound, method="password")
    assert line == ("johnson from 192.0.2.7 logged in to nice1.example.org by password [K7QX2M]")


def test_operatorReadsASentenceBeforeTheAccountIsKnown() -> None:
    line = operatorLine("login.refused", BOUND, reason="No host can be reached.")
    assert line.strip() == "from 192.0.2.7 was refused: No host can be reached. [K7QX2M]"


def test_bracesInAFieldAreText() -> None:
    line = operatorLine("connection.refused", BOUND, reason="{account} {0} {")
    assert line == "192.0.2.7 was turned away from esrf: {account} {0} { [K7QX2M]"


def test_operatorIsToldWhyTheAuditLogCannotBeWritten(written: Written) -> None:
    publisher = LogPublisher(OperatorLog(), written.sink)
    written.path.unlink()
    written.path.mkdir()
    with capturedLogs() as events:
        ConnectionLog(publisher, dict(BOUND)).event("connection.opened")
    said = [formatEvent(event) for event in events]
    assert "192.0.2.7 connected to esrf [K7QX2M]" in said
    assert any("Is a directory" in line for line in said), said


# The catalogue

#: What L{ConnectionLog.event} has without being told.
ALWAYS = {"reference", "gateway", "source", "account", "host"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """
    Each call of a method named C{event} in the source.
    """
    for path in sorted(Path(bastion.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="event")):
                    yield f"{path.name}:{node.lineno}", node


CALLS = list(calls())
eachCall = pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[at for at, _ in CALLS])


def said(call: ast.Call) -> str:
    """
    The name of the event that a call publishes.
    """
    (name,) = call.args
    assert isinstance(name, ast.Constant), "the name of an event is written out"
    return str(name.value)


def test_catalogueIsWhatIsPublished() -> None:
    assert {said(call) for _, call in CALLS} == set(CATALOGUE)


def test_catalogueIsInTheManual() -> None:
    manual = (Path(bastion.__file__).parents[1] / "README.md").read_text()
    things = "|".join({name.partition(".")[0] for name in CATALOGUE})
    named = set(re.findall(rf"`((?:{things})\.[a-z]+)`", manual))
    # There are documents of such names.
    assert {name for name in named if not name.endswith(".md")} == set(CATALOGUE)


@eachCall
def test_eventBringsWhatItsSentenceNeeds(call: ast.Call) -> None:
    needed = {name for _, name, _, _ in string.Formatter().parse(CATALOGUE[said(call)]) if name}
    assert needed <= ALWAYS | {str(keyword.arg) for keyword in call.keywords}


@pytest.mark.parametrize("name", CATALOGUE)
def test_nameIsAThingAndWhatBecameOfIt(name: str) -> None:
    thing, _, became = name.partition(".")
    assert thing.isidentifier() and became.isidentifier() and name.islower()


#: What is of no connection has no reference.
OF_NO_CONNECTION = {"host.changed", "penalty.lifted"}


@pytest.mark.parametrize("name", CATALOGUE)
def test_sentenceEndsWithTheReference(name: str) -> None:
    assert CATALOGUE[name].endswith(" [{reference}]") == (name not in OF_NO_CONNECTION)
