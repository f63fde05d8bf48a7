"""
What a bastion might answer.
"""

from __future__ import annotations

from typing import Any

from bastion.gateway.control import (
    ClusterStatus,
    ConnectionStatus,
    Explanation,
    GatewayStatus,
    HostStatus,
    PenaltyStatus,
    Status,
)

KNOWN, OFFERED = "SHA256:" + "a" * 43, "SHA256:" + "b" * 43
#: 2026-11-25T21:00:00Z
NOW = 1_795_640_400.0


def host(name: str, cluster: str = "nice", **fields: Any) -> HostStatus:
    """
    A host that is well.
    """
    made: Any = {
        "cluster": cluster,
        "host": name,
        "state": "up",
        "since": "2026-11-25T20:00:00+00:00",
        "reason": "",
        "sessions": 3,
        "weight": 1.0,
        "configured_weight": 1.0,
        "max_sessions": 0,
        "latency_ms": 35.2,
        "bandwidth": 123456.0,
        "last_check": "2026-11-25T20:59:56+00:00",
        "last_problem": "",
        "known_keys": [KNOWN],
        "offered_key": None,
    }
    return made | fields


def quarantined(name: str, **fields: Any) -> HostStatus:
    """
    A host that has offered another key.
    """
    reason = "its key is not the known one"
    return host(name, state="quarantined", reason=reason, offered_key=OFFERED, **fields)


ESRF = GatewayStatus(name="esrf", listen=["tcp:5022"], cluster="nice", connections=12, startups=1)
EMBL = GatewayStatus(name="embl", listen=["tcp:5024"], cluster=None, connections=0, startups=0)
NICE = ClusterStatus(name="nice", hosts=3, up=2, sessions=9, strategy="least-sessions")
STATUS = Status(
    version="0.1.0",
    started="2026-11-25T20:00:00+00:00",
    uptime=3600.5,
    pid=4711,
    gateways=[ESRF, EMBL],
    clusters=[NICE],
)
CONNECTION = ConnectionStatus(
    reference="K7QX2M",
    gateway="esrf",
    source="192.0.2.17",
    account="johnson",
    host="nice1.example.org",
    client="SSH-2.0-OpenSSH_9.9",
    phase="session",
    since="2026-11-25T20:00:00+00:00",
    duration=3600.5,
    bytes_to_host=1024,
    bytes_to_client=3 << 20,
    channels=2,
)
PENALTY = PenaltyStatus(
    source="192.0.2.17",
    account="johnson",
    kinds=["noauth", "authfail"],
    until="2026-11-25T21:00:20+00:00",
    seconds=20,
    active=True,
)
EXPLANATION = Explanation(
    cluster="nice",
    account="johnson",
    gateway="esrf",
    source="192.0.2.17",
    chosen="nice1.example.org",
    why="the account comes back to it",
    sticky={"host": "nice1.example.org", "why": "the account was there last"},
    candidates=[
        {
            "host": "nice1.example.org",
            "rank": 1,
            "state": "up",
            "sessions": 3,
            "weight": 1.0,
            "bandwidth": 123456.0,
            "latency_ms": 35.2,
            "why": "has room",
        }
    ],
    passed_over=[
        {"host": "nice3.example.org", "state": "drain", "why": "an operator has drained it"}
    ],
)
