"""
Logins are spread over the hosts of a cluster, as the strategy says.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest
from harness.clusters import WHERE, failed
from harness.openssh import ssh
from harness.waiting import until

pytestmark = pytest.mark.interop

#: Two for each of six hosts.
MANY = 12


@pytest.mark.parametrize("strategy", ["least-sessions", "round-robin"])
def test_everybodyWhoComesAtOnceIsSpreadEvenly(cluster, strategy):
    routes = [cluster.route(strategy, number % 6) for number in range(MANY)]
    with cluster.held(routes) as places:
        assert Counter(places) == dict.fromkeys((host.name for host in cluster.six), 2)
        assert cluster.sessions(strategy) == Counter(places)


def test_hostsStayWithinOneSessionOfEachOther(cluster):
    with ExitStack() as sessions:
        for number in range(1, 9):
            sessions.enter_context(cluster.held([cluster.route("least-sessions")]))
            counts = sorted(cluster.sessions("least-sessions").values())
            assert sum(counts) == number
            assert len(counts) == min(number, 6)
            assert counts[-1] <= 1 + counts[0] * (len(counts) == 6)


def test_emptiedHostsAreFilledFirst(cluster):
    """
    Those that were first longest ago: nobody gets everyone who comes at once.
    """
    with ExitStack() as sessions:
        begun = [cluster.held([cluster.route("least-sessions")]) for _ in range(6)]
        places = {sessions.enter_context(each)[0]: each for each in begun}
        emptied = list(places)[:2]
        for name in emptied:
            places[name].__exit__(None, None, None)
        until(lambda: len(cluster.sessions("least-sessions")) == 4, 10, "two hosts are empty")
        with cluster.held([cluster.route("least-sessions")] * 2) as again:
            assert sorted(again) == sorted(emptied)


def test_roundRobinTakesOneHostAfterTheOther(cluster):
    places = [cluster.where("round-robin") for _ in range(7)]
    assert len(set(places[:6])) == 6
    assert places[6] == places[0]


def test_hostOfWeightFourGetsFourTimesAsMuch(cluster):
    heavy, light, other = (host.name for host in cluster.six[:3])
    with cluster.held([cluster.route("weighted")] * 6) as places:
        assert Counter(places) == {heavy: 4, light: 1, other: 1}


def test_fullHostIsPassedOverAndFullClusterSaysSo(cluster):
    large, small = (host.name for host in cluster.six[:2])
    with cluster.held([cluster.route("limited")] * 3) as places:
        assert Counter(places) == {large: 2, small: 1}
        told = failed(ssh(cluster.route("limited"), WHERE))
        assert "No host can be reached at the moment; please try again later." in told
        assert cluster.gateway.audit("limited")[-2]["reference"] in told
        refused = [e for e in cluster.gateway.audit("limited") if e["event"] == "host.unavailable"]
        assert refused[-1]["reason"].endswith("every host has as many sessions as it may")
    assert cluster.where("limited") in (large, small)
