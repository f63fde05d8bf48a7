"""
A host that comes and goes once a second costs nobody a login.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise

import pytest
from harness.sshd import Host

pytestmark = pytest.mark.interop

LOGINS = 120
#: For so long it is there, and for so long it is not, in seconds.
HALF = 0.5
#: Its state changes no more often, in seconds, but for what lies between the change and its
#: time in the log.
HOLD = 5.0 - 0.5


@contextlib.contextmanager
def flapping(host: Host) -> Iterator[Counter[str]]:
    """
    Let a host come and go during a C{with} statement.

    @return: how often it did so far.
    """
    over = threading.Event()
    turns: Counter[str] = Counter()

    def flap() -> None:
        while not over.wait(HALF):
            host.server.kill()
            turns["gone"] += 1
            over.wait(HALF)
            host.start()
            turns["come"] += 1
        # It would end with its thread.
        host.server.kill()

    thread = threading.Thread(target=flap, daemon=True)
    thread.start()
    try:
        yield turns
    finally:
        over.set()
        thread.join(30)
        host.start()


def row(cluster, number):
    """
    One user's logins, one after the other.
    """
    return [cluster.where("flapping", number) for _ in range(LOGINS // 2)]


def test_flappingHostCostsNoLoginAndKeepsItsStateForAWhile(cluster):
    host = cluster.hosts["flapping"]
    before = cluster.gateway.auditSize()
    with flapping(host) as turns, ThreadPoolExecutor(2) as users:
        rows = [users.submit(row, cluster, number) for number in range(2)]
        places = Counter(place for each in rows for place in each.result())
        assert min(turns["gone"], turns["come"]) >= 5
    assert places.total() == LOGINS
    assert places.keys() <= {"flapping", "nice1", "nice2"}

    events = cluster.gateway.audit("flapping", before)
    assert sum(event["event"] == "login.accepted" for event in events) == LOGINS
    changes = cluster.changes("flapping", host.target, before)
    times = [datetime.fromisoformat(event["time"]).timestamp() for event in changes]
    assert changes
    assert all(later - earlier >= HOLD for earlier, later in pairwise(times))
