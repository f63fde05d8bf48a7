"""
The answers of the control API as people read them.

Each function makes the lines of one answer.  Times come out as how long ago they were:
C{now} is in seconds since 1970.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime

from bastion.admin.figures import duration, latency, number, size
from bastion.admin.tables import Cell, Column, Screen, table, visible, wrapped
from bastion.gateway.control import (
    Closed,
    ConnectionStatus,
    Explanation,
    HostStatus,
    PenaltyStatus,
    Status,
)

_COLOURS = {
    "up": "green",
    "suspect": "yellow",
    "down": "red",
    "drain": "blue",
    "disabled": "blue",
    "quarantined": "red",
}

_GATEWAYS = (
    Column("GATEWAY"),
    Column("CLUSTER"),
    Column("CONNECTIONS", isNumber=True),
    Column("STARTUPS", isNumber=True),
    Column("LISTEN"),
)
_CLUSTERS = (
    Column("CLUSTER"),
    Column("HOSTS", isNumber=True),
    Column("UP", isNumber=True),
    Column("SESSIONS", isNumber=True),
    Column("STRATEGY"),
)
_HOSTS = (
    Column("HOST", shrinks=True),
    Column("STATE"),
    Column("FOR", isNumber=True),
    Column("SESSIONS", isNumber=True),
    Column("WEIGHT", isNumber=True),
    Column("LATENCY", isNumber=True),
    Column("TRAFFIC", isNumber=True),
)
_CONNECTIONS = (
    Column("REF"),
    Column("GATEWAY", shrinks=True),
    Column("SOURCE", shrinks=True),
    Column("ACCOUNT", shrinks=True),
    Column("HOST", shrinks=True),
    Column("PHASE"),
    Column("FOR", isNumber=True),
    Column("TRAFFIC", isNumber=True),
)
_PENALTIES = (
    Column("SOURCE", shrinks=True),
    Column("ACCOUNT", shrinks=True),
    Column("FOR", isNumber=True),
    Column("KEPT OUT"),
    Column("BECAUSE OF", wraps=True),
)
_CANDIDATES = (
    Column("RANK", isNumber=True),
    Column("CANDIDATE", shrinks=True),
    Column("STATE"),
    Column("SESSIONS", isNumber=True),
    Column("WEIGHT", isNumber=True),
    Column("WHY", wraps=True),
)
_PASSED_OVER = (Column("PASSED OVER", shrinks=True), Column("STATE"), Column("WHY", wraps=True))


def statusLines(status: Status, screen: Screen) -> list[str]:
    """
    The process, its gateways and clusters.
    """
    lines = [
        visible(
            f"bastion {status['version']}, process {status['pid']}, "
            f"running for {duration(status['uptime'])} (since {status['started']})"
        )
    ]
    gateways = [
        (
            each["name"],
            each["cluster"] or "",
            str(each["connections"]),
            str(each["startups"]),
            ", ".join(each["listen"]),
        )
        for each in status["gateways"]
    ]
    clusters = [
        (
            each["name"],
            str(each["hosts"]),
            _upOf(each["up"], each["hosts"]),
            str(each["sessions"]),
            each["strategy"],
        )
        for each in status["clusters"]
    ]
    lines += ["", *table(_GATEWAYS, gateways, screen)]
    return [*lines, "", *table(_CLUSTERS, clusters, screen)] if clusters else lines


def _upOf(up: int, hosts: int) -> Cell:
    return Cell(str(up), "" if up == hosts else "yellow" if up else "red")


def hostsLines(hosts: Sequence[HostStatus], screen: Screen, now: float) -> list[str]:
    """
    A table for each cluster, and below it what is wrong with its hosts.
    """
    lines: list[str] = []
    for cluster, each in itertools.groupby(hosts, lambda host: host["cluster"]):
        rows = list(each)
        lines += ["", screen.paint(visible(cluster), "bold")]
        lines += table(_HOSTS, [_hostRow(host, now) for host in rows], screen)
        notes = [note for host in rows for note in _hostNotes(host, screen, now)]
        lines += ["", *notes] if notes else []
    return lines[1:] or ["there are no hosts"]


def _hostRow(host: HostStatus, now: float) -> tuple[str | Cell, ...]:
    return (
        host["host"],
        _state(host["state"]),
        _ago(host["since"], now),
        _of(str(host["sessions"]), str(host["max_sessions"] or "")),
        _of(number(host["weight"]), number(host["configured_weight"])),
        latency(host["latency_ms"]),
        f"{size(host['bandwidth'])}/s",
    )


def _state(state: str) -> Cell:
    return Cell(state, _COLOURS.get(state, ""))


def _of(value: str, whole: str) -> str:
    return value if whole in ("", value) else f"{value}/{whole}"


def _hostNotes(host: HostStatus, screen: Screen, now: float) -> list[str]:
    """
    What there is to say of a host that is not as it should be.
    """
    notes = []
    if host["state"] != "up" and host["reason"]:
        notes.append(f"{host['host']} is {host['state']}: {host['reason']}")
    if host["state"] != "up" and host["last_problem"] not in host["reason"]:
        checked = host["last_check"]
        when = f" (last check {_ago(checked, now)} ago)" if checked else ""
        notes.append(f"{host['host']}, last problem: {host['last_problem']}{when}")
    lines = [line for note in notes for line in wrapped(note, screen.width, "  ")]
    if host["offered_key"] is not None:
        lines += keyLines(host)
        lines.append(f"  to accept it: bastionctl accept-key {visible(host['host'])}")
    return lines


def keyLines(host: HostStatus) -> list[str]:
    """
    The keys that a host is known by, and the one that it has offered.
    """
    known = [f"  known    {visible(key)}" for key in host["known_keys"]] or ["  known    none"]
    return [*known, f"  offered  {visible(host['offered_key'] or 'none')}"]


def hostLines(host: HostStatus, screen: Screen) -> list[str]:
    """
    What has become of a host.
    """
    count = host["sessions"]
    sessions = f"{count} session{'' if count == 1 else 's'}"
    state = screen.paint(visible(host["state"]), _COLOURS.get(host["state"], ""))
    return [f"{visible(host['host'])} of {visible(host['cluster'])}: {state}, {sessions}"]


def connectionsLines(connections: Sequence[ConnectionStatus], screen: Screen) -> list[str]:
    """
    A line for each connection: one with a session shows how many channels it has.
    """
    rows = [
        (
            each["reference"],
            each["gateway"],
            each["source"],
            each["account"],
            _short(each["host"]) if screen.width else each["host"],
            f"{each['channels']} ch" if each["phase"] == "session" else each["phase"],
            duration(each["duration"]),
            size(each["bytes_to_host"] + each["bytes_to_client"]),
        )
        for each in connections
    ]
    return table(_CONNECTIONS, rows, screen) if rows else ["there are no connections"]


def _short(host: str) -> str:
    """
    A host without its domain.
    """
    name, colon, port = host.partition(":")
    isName = not name.startswith("[") and not name.rpartition(".")[2].isdigit()
    return f"{name.partition('.')[0]}{colon}{port}" if isName else host


def closedLines(closed: Closed) -> list[str]:
    """
    A connection that was closed.
    """
    return [f"connection {visible(closed['reference'])}: closed"]


def penaltiesLines(penalties: Sequence[PenaltyStatus], screen: Screen, lifted: bool) -> list[str]:
    """
    A line for each waiting time; one without an account is everybody's from there.

    @param lifted: whether these are the ones that were taken back.
    """
    if not penalties:
        return ["there was nothing to lift" if lifted else "nobody has to wait"]
    rows = [
        (
            each["source"],
            "all" if each["account"] is None else each["account"],
            duration(each["seconds"]),
            "yes" if each["active"] else "not yet",
            ", ".join(each["kinds"]),
        )
        for each in penalties
    ]
    lines = table(_PENALTIES, rows, screen)
    return ["lifted:", *lines] if lifted else lines


def explanationLines(explanation: Explanation, screen: Screen) -> list[str]:
    """
    Where a login would go, and why not elsewhere.
    """
    source = f" from {explanation['source']}" if explanation["source"] else ""
    chosen, why = explanation["chosen"], explanation["why"]
    sticky = explanation["sticky"]
    sentences = [
        f"{explanation['account']}{source} by {explanation['gateway']} to "
        f"{explanation['cluster']}: {chosen or 'no host'}",
        f"because {why}" if chosen else why,
        f"sticky: {sticky['host']}: {sticky['why']}" if sticky else "sticky: no",
    ]
    lines = _sentences(sentences, screen)
    candidates = [
        (
            str(each["rank"]),
            Cell(each["host"], "bold" if each["host"] == chosen else ""),
            _state(each["state"]),
            str(each["sessions"]),
            number(each["weight"]),
            each["why"],
        )
        for each in explanation["candidates"]
    ]
    if candidates:
        lines += ["", *table(_CANDIDATES, candidates, screen)]
    over = [
        (each["host"], _state(each["state"]), each["why"]) for each in explanation["passed_over"]
    ]
    if over:
        lines += ["", *table(_PASSED_OVER, over, screen)]
    return lines


def _sentences(sentences: Iterable[str], screen: Screen) -> list[str]:
    return [line for each in sentences for line in wrapped(each, screen.width, "  ")]


def _ago(timestamp: str, now: float) -> str:
    return duration(now - datetime.fromisoformat(timestamp).timestamp())
