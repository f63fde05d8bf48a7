"""
Tests of L{bastion.config.legs}.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bastion.algorithms import COMPATIBLE_TO_HOSTS
from bastion.config.load import load
from bastion.config.readers import Installed
from bastion.config.schema import ClusterTable, GatewayTable, LegTable

SHIPPED = Path(__file__).parents[2] / "etc" / "bastion.toml"
DIRECTORY = Path("/etc/bastion")


@pytest.mark.parametrize("table", [GatewayTable, ClusterTable])
def test_legsHaveTheSameDefaults(table: type[LegTable], installed: Installed) -> None:
    configuration = load(SHIPPED.read_text(), DIRECTORY, installed)
    tables: list[LegTable] = [*configuration.gateways.values(), *configuration.clusters.values()]
    legs = [each for each in tables if type(each) is table]
    assert legs
    for leg in legs:
        assert (leg.rekey_bytes, leg.rekey_packets, leg.rekey_time) == (1 << 30, 1 << 28, 3600.0)
        assert (leg.keepalive, leg.keepalive_tries) == (15.0, 3)


def test_legsAreSetOneByOne(installed: Installed) -> None:
    configuration = load(
        '[gateway.a]\nlisten = "tcp:5022"\ncluster = "b"\nlast_resort = "never"\n'
        'rekey_bytes = "64KiB"\nrekey_packets = 1000\nrekey_time = "10s"\n'
        '[cluster.b]\nhosts = ["h"]\nalgorithms = "compatible"\n'
        'keepalive = "0s"\nkeepalive_tries = 100\n',
        DIRECTORY,
        installed,
    )
    gateway, cluster = configuration.gateways["a"], configuration.clusters["b"]
    assert gateway.last_resort == "never"
    assert (gateway.rekey_bytes, gateway.rekey_packets, gateway.rekey_time) == (65536, 1000, 10.0)
    assert (gateway.keepalive, cluster.rekey_bytes) == (15.0, 1 << 30)
    assert cluster.algorithms == COMPATIBLE_TO_HOSTS
    assert (cluster.keepalive, cluster.keepalive_tries) == (0.0, 100)
