"""
Tests of L{bastion.admin.api}: requests as they are written, over a connection in memory.
"""

from __future__ import annotations

from typing import Any

import pytest
from operating.answers import CONNECTION, EXPLANATION, OFFERED, PENALTY, STATUS
from operating.http import OPERATOR, Caller
from operating.operations import FakeOperations
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure

from bastion.admin.api import ControlSite
from bastion.interfaces import BastionError


@pytest.fixture
def caller(operations: FakeOperations) -> Caller:
    """
    A connection.
    """
    return Caller(operations)


# Questions


def test_statusIsAnswered(caller: Caller) -> None:
    answer = caller.ask("/status")
    assert answer.status == 200
    assert answer.json == STATUS
    assert answer.body.endswith(b"}\n")


def test_hostsAreAnsweredAllOrOfOneCluster(caller: Caller) -> None:
    assert len(caller.ask("/hosts").json) == 4
    (host,) = caller.ask("/hosts?cluster=ill").json
    assert host["host"] == "login.example.org:2222"


def test_hostIsFoundByItsNames(caller: Caller) -> None:
    assert caller.ask("/host?host=nice3").json["offered_key"] == OFFERED
    assert caller.ask("/host?host=login.example.org%3A2222").json["cluster"] == "ill"
    answer = caller.ask("/host?host=login&cluster=nice")
    assert answer.status == 404
    assert answer.json["error"].startswith('there is no host "login"; there are: nice1.example.org')


def test_connectionsAreAnswered(caller: Caller) -> None:
    assert caller.ask("/connections").json == [CONNECTION]


def test_loginIsExplained(caller: Caller, operations: FakeOperations) -> None:
    assert caller.ask("/explain?user=johnson&gateway=esrf").json == EXPLANATION
    caller.ask("/explain?user=j%25nice1&gateway=esrf&from=2001:DB8:0::1")
    assert operations.explained == [
        ("johnson", "esrf", None),
        ("j%nice1", "esrf", "2001:db8::1"),
    ]


def test_addressThatIsNoneIsRefused(caller: Caller) -> None:
    answer = caller.ask("/explain?user=johnson&gateway=esrf&from=firewall")
    assert answer.status == 400
    assert answer.json == {"error": '"firewall" is not an IP address'}


# Changes


@pytest.mark.parametrize(
    ("change", "state"), [("drain", "drain"), ("enable", "up"), ("disable", "disabled")]
)
def test_hostIsChangedUnderItsFullName(
    caller: Caller, operations: FakeOperations, change: str, state: str
) -> None:
    operations.rows[1]["state"] = "suspect"
    answer = caller.change(f"/hosts/{change}", {"host": "nice2", "reason": "new kernel"})
    assert answer.status == 200
    assert (answer.json["host"], answer.json["state"]) == ("nice2.example.org", state)
    assert operations.changes == [(change, "nice2.example.org", "new kernel", "nice")]
    assert operations.operators == [OPERATOR]


def test_keyIsAcceptedByItsFingerprint(caller: Caller, operations: FakeOperations) -> None:
    answer = caller.change("/hosts/accept-key", {"host": "nice3"})
    assert (answer.status, answer.json) == (400, {"error": '"fingerprint" is missing'})
    answer = caller.change("/hosts/accept-key", {"host": "nice3", "fingerprint": "SHA256:x"})
    assert answer.status == 409
    assert operations.changes == []

    answer = caller.change(
        "/hosts/accept-key", {"host": "nice3", "fingerprint": OFFERED, "cluster": "nice"}
    )

    assert answer.json["state"] == "suspect"
    assert operations.changes == [("acceptKey", "nice3.example.org", OFFERED, "nice")]
    assert operations.operators == [OPERATOR]


def test_connectionIsClosed(caller: Caller, operations: FakeOperations) -> None:
    answer = caller.change("/connections/close", {"reference": "K7QX2M", "reason": "stuck"})
    assert answer.json == {"reference": "K7QX2M", "closed": True}
    assert operations.changes == [("close", "K7QX2M", "stuck")]
    assert operations.operators == [OPERATOR]


def test_penaltyIsLifted(caller: Caller, operations: FakeOperations) -> None:
    assert caller.ask("/penalties").json == [PENALTY]
    answer = caller.change("/penalties/lift", {"source": "192.0.2.17", "account": "johnson"})

    assert answer.json == [PENALTY]
    assert operations.changes == [("lift", "192.0.2.17", "johnson")]
    assert operations.operators == [OPERATOR]


def test_changeThatHasBegunIsNotTakenBackWhenTheCallerLeaves(
    caller: Caller, operations: FakeOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: Deferred[Any] = Deferred(lambda _: cancelled.append(True))
    cancelled: list[bool] = []
    monkeypatch.setattr(FakeOperations, "drain", lambda *_: begun)
    caller.send(
        b"POST /hosts/drain HTTP/1.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 17\r\n\r\n{"host": "nice1"}'
    )
    assert caller.transport.value() == b""

    with capturedLogs() as logs:
        caller.hangUp(Failure(ConnectionDone()))
        begun.callback({})

    assert cancelled == []
    assert logs == []


def test_changeThatFailsWhenTheCallerHasLeftIsNoError(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: Deferred[Any] = Deferred()
    monkeypatch.setattr(FakeOperations, "close", lambda *_: begun)
    caller.send(
        b"POST /connections/close HTTP/1.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 18\r\n\r\n{"reference": "A"}'
    )
    with capturedLogs() as logs:
        caller.hangUp(Failure(ConnectionDone()))
        begun.errback(BastionError("no"))
    assert logs == []


# Refusals


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/hosts/drain", {"host": "nice9"}, 404, 'there is no host "nice9"; there are: '),
        ("/hosts/enable", {"host": "nice1"}, 409, "nice1.example.org is up already"),
        ("/hosts/drain", {"host": "nice1", "cluster": "x"}, 404, "there is no cluster x"),
        ("/hosts/drain", {}, 400, '"host" is missing'),
        ("/hosts/drain", {"host": "nice1", "force": "yes"}, 400, '"force" is not a parameter'),
        ("/hosts/drain", b"host=nice1", 400, "the body is not JSON"),
        ("/connections/close", {"reference": "X"}, 404, "there is no connection X"),
    ],
)
def test_refusalHasAStatusAndASentence(
    caller: Caller, operations: FakeOperations, path: str, body: object, status: int, sentence: str
) -> None:
    with capturedLogs() as logs:
        answer = caller.change(path, body)
    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert answer.json["error"].startswith(sentence)
    assert logs == []
    assert all(change[0] == "enable" for change in operations.changes)


def test_refusalOfAnotherKindIsABadRequest(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise BastionError("not so")

    monkeypatch.setattr(FakeOperations, "status", refuse)
    answer = caller.ask("/status")
    assert (answer.status, answer.json) == (400, {"error": "not so"})


def failing(*_: Any) -> Any:
    """
    What should not happen.
    """
    raise RuntimeError("the inside")


@pytest.mark.parametrize("status", [failing, lambda _: float("nan"), lambda _: object()])
def test_whatFailsIsInTheLogAndNotInTheAnswer(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, status: Any
) -> None:
    monkeypatch.setattr(FakeOperations, "status", status)
    with capturedLogs() as logs:
        answer = caller.ask("/status")
    assert answer.status == 500
    assert answer.json == {"error": "the bastion has failed at this; its log says more"}
    (event,) = logs
    assert event["log_level"] is LogLevel.critical
    assert event["path"] == "/status"


def test_connectionGoesOnAfterARefusal(caller: Caller) -> None:
    assert caller.ask("/nowhere").status == 404
    assert caller.change("/hosts/drain", b"").status == 400
    assert caller.ask("/status").status == 200


# HTTP


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/hosts/", "/hosts//drain", "/HOSTS", "/hosts/nice1"]
)
def test_onlyThePathsThatExistAreThere(caller: Caller, path: str) -> None:
    answer = caller.ask(path)
    assert answer.status == 404
    assert answer.json == {"error": f'there is no path "{path}"'}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/status"),
        ("PUT", "/hosts"),
        ("DELETE", "/connections"),
        ("OPTIONS", "/status"),
        ("GET", "/hosts/drain"),
        ("HEAD", "/hosts/drain"),
        ("PUT", "/hosts/accept-key"),
        ("GET", "/connections/close"),
    ],
)
def test_onlyItsOwnMethodDoesForAPath(
    caller: Caller, operations: FakeOperations, method: str, path: str
) -> None:
    answer = caller.ask(path, method)
    assert answer.status == 405
    assert "allow" in answer.headers
    assert operations.changes == []


def test_headIsAGetWithoutItsBody(caller: Caller) -> None:
    answer = caller.ask("/status", "HEAD")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "json"])
def test_bodyHasToSayThatItIsJSON(caller: Caller, operations: FakeOperations, kind: str) -> None:
    answer = caller.change("/hosts/drain", {"host": "nice1"}, kind)
    assert answer.status == 415
    assert "application/json" in answer.json["error"]
    assert operations.changes == []


def test_bodyMaySayItsEncoding(caller: Caller) -> None:
    kind = "Application/JSON; charset=utf-8"
    assert caller.change("/hosts/drain", {"host": "nice1"}, kind).status == 200


@pytest.mark.parametrize("host", ["Host: evil.example.org", "Host: \\", "Host:", "X: y"])
def test_theHostOfARequestDoesNotMatter(caller: Caller, host: str) -> None:
    assert caller.ask("/status", "GET", host).status == 200


@pytest.mark.parametrize("path", ["/status?x=1", "/hosts?host=a", "/connections?x", "/host"])
def test_parametersHaveToBeKnown(caller: Caller, path: str) -> None:
    assert caller.ask(path).status in (200 if path == "/connections?x" else 400,)


def test_requestsLeaveNothingInTheLog(caller: Caller) -> None:
    with capturedLogs() as logs:
        caller.ask("/status")
        caller.ask("/nowhere")
    assert logs == []


def test_siteSetsNoTimersForALogThatItDoesNotKeep(operations: FakeOperations) -> None:
    site = ControlSite(operations, None)  # type: ignore[arg-type]
    with capturedLogs() as logs:
        site.doStart()
        site.doStop()
    assert logs == []
