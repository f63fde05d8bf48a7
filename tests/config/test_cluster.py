"""
Tests of L{bastion.config.cluster}.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from bastion.algorithms import TO_HOSTS
from bastion.config.cluster import ClusterTable
from bastion.config.load import load
from bastion.config.readers import Installed
from bastion.interfaces import HostAddress

DIRECTORY = Path("/etc/bastion")


def cluster(keys: str, installed: Installed) -> ClusterTable:
    """
    The cluster of a file with these keys in its table.
    """
    text = f'[gateway.a]\nlisten = "tcp:5022"\ncluster = "b"\n[cluster.b]\n{keys}\n'
    return load(text, DIRECTORY, installed).clusters["b"]


def test_defaultsAreSafeAndKnown(installed: Installed) -> None:
    table = cluster('hosts = ["h"]', installed)
    known = attrs.asdict(table, recurse=False)
    chosen = {name: known.pop(name).extension.name for name in ("select", "check")}
    legs = ("rekey_bytes", "rekey_packets", "rekey_time", "keepalive", "keepalive_tries")
    for name in ("name", "hosts", *legs):
        known.pop(name)
    assert chosen == {"select": "least-sessions", "check": "handshake"}
    assert known == {
        "sticky": 28800.0,
        "sticky_by": "account",
        "moved": None,
        "max_sessions": 0,
        "slow_start": 60.0,
        "check_interval": 10.0,
        "check_jitter": 2.0,
        "check_rise": 2,
        "check_fall": 3,
        "outlier": 4,
        "known_hosts": DIRECTORY / "known_hosts",
        "algorithms": TO_HOSTS,
        "ready": 0,
        "proxy_protocol": "off",
    }


def test_addressesAreThoseOfTheHosts(installed: Installed) -> None:
    table = cluster('hosts = [{ host = "b[1-2]", weight = 2 }, "a:2222"]', installed)
    assert table.addresses == (HostAddress("b1"), HostAddress("b2"), HostAddress("a", 2222))
    assert [host.weight for host in table.hosts] == [2, 2, 1]


def test_noWordsForWhoIsMovedAreNone(installed: Installed) -> None:
    assert cluster('hosts = ["h"]\nmoved = ""', installed).moved is None
