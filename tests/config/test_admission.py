"""
Tests of L{bastion.config.admission}.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import attrs

from bastion.config.addresses import DnsServer
from bastion.config.admission import AdmissionTable
from bastion.config.load import load
from bastion.config.readers import Installed
from bastion.config.values import MaxStartups

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def admission(keys: str, installed: Installed) -> AdmissionTable:
    """
    The table with these keys, as the only gateway has it.
    """
    text = f'[gateway.a]\nlisten = "tcp:5022"\nnotice = "No."\n[admission]\n{keys}\n'
    return load(text, Path("/etc/bastion"), installed).gateways["a"].admission


def test_defaultsAreSafeAndKnown(installed: Installed) -> None:
    assert attrs.asdict(admission("", installed), recurse=False) == {
        "dns": "off",
        "dns_servers": (),
        "dns_exempt": LOOPBACK,
        "dns_suffixes": (),
        "dns_timeout": "refuse",
        "dns_sentence": None,
        "rules": (),
        "allow_from": (),
        "deny_from": {},
        "max_startups": MaxStartups(100, 30, 300),
        "per_source_startups": 50,
        "max_connections": 0,
        "per_source_connections": 0,
        "max_sessions": 0,
        "per_source_sessions": 0,
        "per_account_sessions": 0,
        "per_account_source_sessions": 0,
        "max_channels": 0,
        "per_source_channels": 0,
        "per_account_channels": 0,
        "penalties": "on",
        "penalty_exempt": LOOPBACK,
        "login_grace_time": 60.0,
        "max_auth_tries": 6,
    }


def test_everyKeyHasItsMeaning(installed: Installed) -> None:
    table = admission(
        """
dns = "require"
dns_servers = ["192.0.2.53", "127.0.0.1:5353"]
dns_exempt = []
dns_suffixes = [".Example.org", "example.net."]
dns_timeout = "admit"
dns_sentence = "{address} {missing}. Ask us."
max_connections = 500
per_source_connections = 100
max_sessions = 400
per_source_sessions = 90
per_account_sessions = 20
per_account_source_sessions = 10
max_channels = 4000
per_source_channels = 300
per_account_channels = 40
penalties = "off"
penalty_exempt = ["192.0.2.0/24"]
""",
        installed,
    )

    assert table.dns_servers == (DnsServer("192.0.2.53"), DnsServer("127.0.0.1", 5353))
    assert (table.dns, table.dns_exempt, table.dns_timeout) == ("require", (), "admit")
    assert table.dns_suffixes == ("example.org", "example.net")
    assert table.dns_sentence == "{address} {missing}. Ask us."
    assert (table.max_connections, table.per_source_connections) == (500, 100)
    assert (table.max_sessions, table.per_source_sessions) == (400, 90)
    assert (table.per_account_sessions, table.per_account_source_sessions) == (20, 10)
    assert (table.max_channels, table.per_source_channels) == (4000, 300)
    assert table.per_account_channels == 40
    assert (table.penalties, table.penalty_exempt) == ("off", (ip_network("192.0.2.0/24"),))
