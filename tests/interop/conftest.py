"""
The site that the interop tests run against, and the ways to it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from harness import accounts, clusters, matrix, site
from harness.accounts import Account
from harness.clusters import Clusters
from harness.gateway import Gateway
from harness.invariants import Invariants, brokenBy
from harness.matrix import Matrix
from harness.payload import Payload
from harness.routes import Route
from harness.site import Site
from harness.waiting import until

#: No test may take longer, whatever happens to its clients.
SECONDS = 150
SLOW_SECONDS = 1200

T = TypeVar("T")
Way = Callable[[str], Route]


@pytest.fixture(scope="session")
def theSite(request: pytest.FixtureRequest) -> Iterator[Site]:
    """
    All hosts and the bastion.
    """
    opened = site.open_(request.config.getoption("--direct"))
    yield opened
    opened.stop()


@pytest.fixture
def to(theSite: Site) -> Way:
    """
    The way to a host: through the bastion, or directly with C{--direct}.
    """
    return theSite.direct if theSite.gateway is None else theSite.through


@pytest.fixture
def directly(theSite: Site) -> Way:
    """
    The way to a host without the bastion, to compare with.
    """
    return theSite.direct


@pytest.fixture
def bothWays(to: Way, directly: Way) -> Callable[[Callable[[Way], T]], tuple[T, T]]:
    """
    Do the same directly and by L{to}, at the same time.

    @return: a function of the work; it returns the two results in this order.
    """

    def perform(work: Callable[[Way], T]) -> tuple[T, T]:
        with ThreadPoolExecutor(2) as pool:
            direct, through = pool.submit(work, directly), pool.submit(work, to)
            return direct.result(), through.result()

    return perform


@pytest.fixture
def user(theSite: Site) -> Account:
    """
    The ordinary account on this machine, which is every sshd host.
    """
    return theSite.user


@pytest.fixture
def expired(theSite: Site) -> Account:
    """
    An account that must choose a new password at its next login.
    """
    account = theSite.expiring
    account.setPassword(accounts.newPassword())
    account.expirePassword()
    return account


@pytest.fixture(scope="session")
def bastion(theSite: Site) -> Gateway:
    """
    The running bastion, for promises that only a bastion can keep.
    """
    if theSite.gateway is None:
        pytest.skip("--direct: this is about the bastion")
    return theSite.gateway


@pytest.fixture
def bastionEvents(theSite: Site) -> Callable[[str], int | None]:
    """
    How many events of a name this test has caused in the audit log; L{None}
    with C{--direct}.
    """
    gateway = theSite.gateway
    before = gateway.auditSize() if gateway else 0

    def count(name: str) -> int | None:
        if gateway is None:
            return None
        return sum(event["event"] == name for event in gateway.audit(offset=before))

    return count


@pytest.fixture(scope="session")
def payload(theSite: Site) -> Payload:
    """
    64 MiB.
    """
    return Payload(theSite.directory / "payload", 64 << 20)


@pytest.fixture(scope="session")
def mebibyte(theSite: Site) -> Payload:
    """
    1 MiB.
    """
    return Payload(theSite.directory / "mebibyte", 1 << 20)


@pytest.fixture(scope="session")
def theMatrix(theSite: Site, bastion: Gateway) -> Iterator[Matrix]:
    """
    The bastion for algorithms, and its hosts.
    """
    opened = matrix.open_(theSite)
    yield opened
    opened.stop()


@pytest.fixture(scope="session")
def theClusters(theSite: Site, bastion: Gateway) -> Iterator[Clusters]:
    """
    The bastion for the choice of hosts, and its hosts.
    """
    with clusters.opened(theSite) as opened:
        yield opened


@pytest.fixture(autouse=True)
def timeLimit(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Fail a test that hangs.
    """

    def late(number: int, frame: object) -> None:
        raise AssertionError("the test did not end in time")

    previous = signal.signal(signal.SIGALRM, late)
    signal.alarm(SLOW_SECONDS if request.node.get_closest_marker("slow") else SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture(autouse=True)
def invariants(
    request: pytest.FixtureRequest, theSite: Site, timeLimit: None
) -> Iterator[Invariants]:
    """
    After each test, look at every bastion: L{harness.invariants} says for what.
    """
    found = Invariants()
    yield found
    found.check([each.encode() for each in accounts.PASSWORDS], brokenBy(request))


@pytest.fixture
def algorithms(theMatrix: Matrix, invariants: Invariants) -> Matrix:
    """
    The bastion for algorithms.
    """
    return theMatrix


@pytest.fixture
def cluster(theClusters: Clusters, invariants: Invariants) -> Iterator[Clusters]:
    """
    The bastion for the choice of hosts; after the test, all places are free.
    """
    yield theClusters
    until(lambda: not theClusters.sessions(), 10, "every place on a host is free")
