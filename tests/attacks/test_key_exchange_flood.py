"""
Attack A11: many clients that let the bastion compute, and do not go on
(CVE-2002-20001, CVE-2022-40735, CVE-2024-41996).
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client
from attacking.exchange import Lists
from attacking.process import SECONDS, started, surviving
from attacking.stages import Stage
from harness.waiting import until

running = pytest.fixture(scope="module")(started)
bastion = pytest.fixture(surviving)

CONNECTIONS, SOURCES = 300, 50
BEGIN = 100


def test_noKeyExchangeInAFiniteFieldIsOffered(bastion: Any) -> None:
    """
    It is what costs the bastion more than the client.
    """
    attacker = bastion.connects("127.0.11.1", Client(until=Stage.ASKED))
    while attacker.peer.exchange is None or not attacker.peer.exchange.theirs:
        assert attacker.reads()

    offered = Lists.parse(attacker.peer.exchange.theirs).keyExchanges
    assert offered
    assert [name for name in offered if name.startswith(b"diffie-hellman")] == []


def test_unfinishedKeyExchangesKeepNobodyOut(bastion: Any) -> None:
    let = 0
    for number in range(CONNECTIONS):
        source = f"127.0.12.{number % SOURCES + 1}"
        let += bastion.connects(source, Client(until=Stage.AGREED)).goes(Stage.AGREED)
        if number == BEGIN // 2:
            bastion.logsIn()

    assert BEGIN <= let <= CONNECTIONS
    # By chance some newcomers are refused, and not all.
    until(bastion.tries, SECONDS, "an honest login")
    assert len(bastion.events("connection.opened", "127.0.12.")) == let
