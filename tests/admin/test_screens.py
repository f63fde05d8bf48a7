"""
Tests of L{bastion.admin.screens}.
"""

from __future__ import annotations

from typing import Any

from operating.answers import (
    CONNECTION,
    EXPLANATION,
    KNOWN,
    NOW,
    OFFERED,
    PENALTY,
    STATUS,
    host,
    quarantined,
)

from bastion.admin.screens import (
    closedLines,
    connectionsLines,
    explanationLines,
    hostLines,
    hostsLines,
    penaltiesLines,
    statusLines,
)
from bastion.admin.tables import Screen

PIPE = Screen()
TERMINAL = Screen(80)


def test_statusIsTheProcessItsGatewaysAndItsClusters() -> None:
    assert statusLines(STATUS, PIPE) == [
        "bastion 0.1.0, process 4711, running for 1h (since 2026-11-25T20:00:00+00:00)",
        "",
        "GATEWAY  CLUSTER  CONNECTIONS  STARTUPS  LISTEN",
        "esrf     nice              12         1  tcp:5022",
        "embl     -                  0         0  tcp:5024",
        "",
        "CLUSTER  HOSTS  UP  SESSIONS  STRATEGY",
        "nice         3   2         9  least-sessions",
    ]


def test_statusWithoutClustersHasNoTableOfThem() -> None:
    status: Any = {**STATUS, "clusters": []}
    assert statusLines(status, PIPE)[-1].startswith("embl")


def test_clusterWhereHostsAreMissingStandsOut() -> None:
    def painted(up: int) -> str:
        status: Any = {**STATUS, "clusters": [{**STATUS["clusters"][0], "up": up}]}
        return statusLines(status, Screen(80, True))[-1]

    assert "\x1b[31m0\x1b[0m" in painted(0)
    assert "\x1b[33m2\x1b[0m" in painted(2)
    assert "\x1b" not in painted(3)


def test_hostsThatAreWellAreOneTableForEachCluster() -> None:
    hosts = [
        host("nice1.example.org", max_sessions=200, weight=0.4, configured_weight=4.0),
        host("nice2.example.org", latency_ms=None),
        host("login.example.org", "ill", since="2026-11-20T20:00:00Z"),
    ]
    assert hostsLines(hosts, PIPE, NOW) == [
        "nice",
        "HOST               STATE  FOR  SESSIONS  WEIGHT  LATENCY    TRAFFIC",
        "nice1.example.org  up      1h     3/200   0.4/4    35 ms  121 KiB/s",
        "nice2.example.org  up      1h         3       1        -  121 KiB/s",
        "",
        "ill",
        "HOST               STATE   FOR  SESSIONS  WEIGHT  LATENCY    TRAFFIC",
        "login.example.org  up     5d1h         3       1    35 ms  121 KiB/s",
    ]


def test_hostsThatAreNotWellSayWhy() -> None:
    hosts = [
        host(
            "nice1", state="suspect", reason="a check failed: no answer", last_problem="no answer"
        ),
        host("nice2", state="drain", reason="kernel", last_problem="refused", last_check=None),
        host("nice3", state="down", reason="3 checks failed", last_problem="refused"),
        quarantined("nice4"),
        host("nice5", reason="it is well", last_problem="refused"),
    ]
    lines = hostsLines(hosts, PIPE, NOW)
    assert lines[7:] == [
        "",
        "nice1 is suspect: a check failed: no answer",
        "nice2 is drain: kernel",
        "nice2, last problem: refused",
        "nice3 is down: 3 checks failed",
        "nice3, last problem: refused (last check 4s ago)",
        "nice4 is quarantined: its key is not the known one",
        f"  known    {KNOWN}",
        f"  offered  {OFFERED}",
        "  to accept it: bastionctl accept-key nice4",
    ]


def test_hostThatWasNotKnownHasNoKnownKey() -> None:
    assert "  known    none" in hostsLines([quarantined("nice1", known_keys=[])], PIPE, NOW)


def test_whatHostsSayDoesNotReachTheTerminalAsItIs() -> None:
    evil = quarantined("nice1", last_problem="\x1b[3J", known_keys=["\x1b[2J"]) | {
        "reason": "\x1b[2J",
        "offered_key": "\x1b[2J",
    }
    text = "\n".join(hostsLines([evil], TERMINAL, NOW))
    assert "\x1b" not in text
    assert text.count("\\x1b[2J") == 3
    assert "\\x1b[3J" in text


def test_tableOfHostsFitsATerminal() -> None:
    hosts = [
        host("rnice8-1901.example.org", sessions=120, max_sessions=200),
        quarantined("rnice8-1902.example.org", since="2025-11-20T18:00:00Z"),
        host("rnice8-1903.example.org", state="suspect", reason="no answer " * 20),
    ]
    lines = hostsLines(hosts, TERMINAL, NOW)
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith("rnice8-1901.")


def test_noHostsAreSaidToBeNone() -> None:
    assert hostsLines([], PIPE, NOW) == ["there are no hosts"]


def test_changedHostIsOneLine() -> None:
    drained = host("nice1", state="drain")
    assert hostLines(drained, PIPE) == ["nice1 of nice: drain, 3 sessions"]
    assert hostLines(host("nice1", sessions=1), PIPE) == ["nice1 of nice: up, 1 session"]
    assert hostLines(drained, Screen(80, True)) == [
        "nice1 of nice: \x1b[34mdrain\x1b[0m, 3 sessions"
    ]


def test_connectionsAreALineEach() -> None:
    login: Any = {**CONNECTION, "reference": "B3T9WD", "phase": "login", "host": "", "account": ""}
    assert connectionsLines([CONNECTION, login], PIPE) == [
        "REF     GATEWAY  SOURCE      ACCOUNT  HOST               PHASE  FOR  TRAFFIC",
        "K7QX2M  esrf     192.0.2.17  johnson  nice1.example.org  2 ch    1h  3.0 MiB",
        "B3T9WD  esrf     192.0.2.17  -        -                  login   1h  3.0 MiB",
    ]


def test_onATerminalConnectionsLeaveTheDomainOut() -> None:
    def shown(name: str) -> str:
        connection: Any = {**CONNECTION, "host": name}
        return connectionsLines([connection], TERMINAL)[1].split()[4]

    assert shown("rnice8-1901.example.org") == "rnice8-1901"
    assert shown("nice1.example.org:2222") == "nice1:2222"
    assert shown("192.0.2.1") == "192.0.2.1"
    assert shown("[2001:db8::1]:2222") == "[2001:db8::1]:2222"


def test_tableOfConnectionsFitsATerminal() -> None:
    long: Any = {**CONNECTION, "source": "2001:db8:1:2:3:4:5:6", "account": "\x1b" * 60}
    lines = connectionsLines([long] * 3, TERMINAL)
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)


def test_noConnectionsAreSaidToBeNone() -> None:
    assert connectionsLines([], PIPE) == ["there are no connections"]


def test_penaltiesSayWhoIsKeptOutAndWhy() -> None:
    everybody: Any = {**PENALTY, "account": None, "active": False, "seconds": 5}
    assert penaltiesLines([PENALTY, everybody], PIPE, lifted=False) == [
        "SOURCE      ACCOUNT  FOR  KEPT OUT  BECAUSE OF",
        "192.0.2.17  johnson  20s  yes       noauth, authfail",
        "192.0.2.17  all       5s  not yet   noauth, authfail",
    ]


def test_noPenaltiesAreSaidToBeNone() -> None:
    assert penaltiesLines([], PIPE, lifted=False) == ["nobody has to wait"]
    assert penaltiesLines([], PIPE, lifted=True) == ["there was nothing to lift"]


def test_closedConnectionIsOneLine() -> None:
    assert closedLines({"reference": "K7QX2M", "closed": True}) == ["connection K7QX2M: closed"]


def test_explanationSaysWhereAndWhyAndWhyNotElsewhere() -> None:
    assert explanationLines(EXPLANATION, PIPE) == [
        "johnson from 192.0.2.17 by esrf to nice: nice1.example.org",
        "because the account comes back to it",
        "sticky: nice1.example.org: the account was there last",
        "",
        "RANK  CANDIDATE          STATE  SESSIONS  WEIGHT  WHY",
        "   1  nice1.example.org  up            3       1  has room",
        "",
        "PASSED OVER        STATE  WHY",
        "nice3.example.org  drain  an operator has drained it",
    ]


def test_explanationOfNoHostSaysWhy() -> None:
    none: Any = {
        **EXPLANATION,
        "source": None,
        "chosen": None,
        "why": "no host takes logins",
        "sticky": None,
        "candidates": [],
        "passed_over": [],
    }
    assert explanationLines(none, PIPE) == [
        "johnson by esrf to nice: no host",
        "no host takes logins",
        "sticky: no",
    ]


def test_explanationFitsATerminal() -> None:
    candidate = {**EXPLANATION["candidates"][0], "why": "it has room " * 20}
    long: Any = {**EXPLANATION, "candidates": [candidate] * 3, "why": "it is so " * 30}
    assert max(map(len, explanationLines(long, TERMINAL))) <= 80
