"""
L{bastion.gateway.clusters}: from a table to a cluster that is ready to work.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from operated import KEY
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogPublisher, capturedLogs

from bastion.config.installed import installed
from bastion.config.load import load
from bastion.gateway.clusters import clusterService, endpoint
from bastion.gateway.clusterservice import ClusterService
from bastion.hosts.checks import Handshake, Tcp
from bastion.hosts.selector import Stickiness
from bastion.hosts.strategies import LeastSessions, RoundRobin
from bastion.interfaces import HostAddress
from bastion.ssh.acceptedkeys import AcceptedKeys
from bastion.ssh.knownhosts import KnownHostsError
from bastion.state import IStateStore

GATEWAY = """
[gateway.esrf]
listen = "tcp:5022"
cluster = "nice"
[cluster.nice]
"""
LINE = b"nice1 ssh-ed25519 " + base64.b64encode(KEY) + b"\n"


def built(directory: Path, keys: str) -> ClusterService:
    """
    The cluster of these keys.
    """
    configuration = load(GATEWAY + keys, directory, installed)
    store: IStateStore = configuration.bastion.store.build()
    accepted = AcceptedKeys(directory / "accepted_hosts")
    table = configuration.clusters["nice"]
    return clusterService(table, store, accepted, LogPublisher(), MemoryReactorClock())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """
    A directory with a known_hosts.
    """
    (tmp_path / "known_hosts").write_bytes(LINE)
    return tmp_path


def test_defaultsAreThoseOfTheManual(directory: Path) -> None:
    service = built(directory, 'hosts = ["nice1"]')
    rules, schedule = service.cluster.rules, service.health.rules

    assert isinstance(service.selector.strategy, LeastSessions)
    assert isinstance(service.health.check, Handshake)
    assert service.selector.stickiness == Stickiness(8 * 3600.0, withSource=False)
    assert (rules.rise, rules.fall, rules.slowStart, rules.outlier) == (2, 3, 60.0, 4.0)
    assert (schedule.interval, schedule.jitter, schedule.timeout) == (10.0, 2.0, 5.0)
    assert service.site.moved == ""
    assert not service.site.announces


def test_everyKeyHasItsPlace(directory: Path) -> None:
    service = built(
        directory,
        """
hosts = [{ host = "nice1", weight = 3, max_sessions = 9 }, "nice[2-3]:2222"]
select = "round-robin"
sticky = "2h"
sticky_by = "account+source"
max_sessions = 50
slow_start = "30s"
moved = "You are somewhere else."
check = "tcp"
check_interval = "20s"
check_jitter = "1s"
check_rise = 4
check_fall = 5
outlier = 0
ready = 2
""",
    )
    rules, schedule = service.cluster.rules, service.health.rules
    settings = [host.settings for host in service.cluster.values()]

    assert isinstance(service.selector.strategy, RoundRobin)
    assert isinstance(service.health.check, Tcp)
    assert service.selector.stickiness == Stickiness(7200.0, withSource=True)
    assert [(str(s.address), s.weight, s.maxSessions) for s in settings] == [
        ("nice1", 3.0, 9),
        ("nice2:2222", 1.0, 50),
        ("nice3:2222", 1.0, 50),
    ]
    assert (rules.rise, rules.fall, rules.slowStart, rules.outlier) == (4, 5, 30.0, 0.0)
    assert (schedule.interval, schedule.jitter) == (20.0, 1.0)
    assert (service.site.moved, service.site.ready) == ("You are somewhere else.", 2)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_hostsAreToldOfTheClientWhereTheFileSaysSo(directory: Path, version: str) -> None:
    service = built(directory, f'hosts = ["nice1"]\nproxy_protocol = "{version}"\n')

    assert service.site.announces
    assert service.site.proxyProtocol == version


def test_hostsThatNobodyKnowsAreSaid(directory: Path) -> None:
    with capturedLogs() as events:
        built(directory, 'hosts = ["nice1", "nice2"]')

    assert [event["host"] for event in events if "host" in event] == ["nice2"]


def test_missingKnownHostsIsAnError(tmp_path: Path) -> None:
    with pytest.raises(KnownHostsError):
        built(tmp_path, 'hosts = ["nice1"]')


def test_keysOfAHostAreLookedUpInTheFileAsItIsNow(directory: Path) -> None:
    keys: Any = built(directory, 'hosts = ["nice1"]').site.hostKeys(HostAddress("nice1"))
    assert keys.formats() == {b"ssh-ed25519"}

    (directory / "known_hosts").write_bytes(b"# nobody is known any more\n")
    assert keys.formats() == set()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("192.0.2.1", TCP4ClientEndpoint),
        ("2001:db8::1", TCP6ClientEndpoint),
        ("nice1.example.org", HostnameEndpoint),
    ],
)
def test_namesAreResolvedAtEachConnection(name: str, kind: type) -> None:
    assert type(endpoint(HostAddress(name), MemoryReactorClock())) is kind
