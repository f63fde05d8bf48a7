"""
L{bastion.gateway.operations}: what an operator sees, and can do.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from operated import KEY, OPERATOR, OTHER_KEY, Operated
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from bastion import __version__
from bastion.gateway.control import NotFound
from bastion.gateway.operations import KeyHasChanged
from bastion.hosts.cluster import NotPossible
from bastion.interfaces import HostAddress, HostKeyRefused, HostUnavailable
from bastion.ssh.hostkeys import loadHostKeys
from bastion.ssh.publickeys import fingerprint
from bastion.state import PenaltyKind

FILE = """
[gateway.esrf]
listen = "tcp:5022"
cluster = "nice"
host_separator = "%"
[gateway.embl]
listen = "tcp:5024"
notice = "See its own pages."
[cluster.nice]
hosts = ["nice1", "nice2:2222", { host = "nice3", weight = 4, max_sessions = 2 }]
select = "ordered"
[cluster.ill]
hosts = ["nice1"]
"""
NICE1, NICE2, NICE3 = HostAddress("nice1"), HostAddress("nice2", 2222), HostAddress("nice3")
LINE = b"nice1 ssh-ed25519 " + base64.b64encode(KEY) + b"\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A directory with host keys, for they take long to make.
    """
    directory: Path = tmp_path_factory.mktemp("keys")
    loadHostKeys(directory)
    return directory


@pytest.fixture
def started(tmp_path: Path, keys: Path) -> Iterator[Callable[[], Operated]]:
    """
    Starts a bastion; the second time, after the first.
    """
    shutil.copytree(keys, tmp_path / "state")
    (tmp_path / "known_hosts").write_bytes(LINE)
    running: list[Operated] = []

    def start() -> Operated:
        for before in running:
            before.close()
        running[:] = [Operated(FILE, tmp_path)]
        return running[0]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def bastion(started: Callable[[], Operated]) -> Operated:
    """
    A bastion that runs.
    """
    return started()


def host(bastion: Operated, address: HostAddress = NICE1) -> Any:
    """
    What is said of a host of the first cluster.
    """
    answers = bastion.asked("hosts", "nice")
    return next(each for each in answers if each["host"] == str(address))


def quarantined(bastion: Operated) -> None:
    """
    A user's connection has found another key on nice1.
    """
    problem = HostKeyRefused(
        "nice1 offered another key", NICE1, fingerprint(OTHER_KEY), ("SHA256:known",), OTHER_KEY
    )
    bastion.cluster().failed(NICE1, problem)


def test_statusIsThatOfTheWholeProcess(bastion: Operated) -> None:
    bastion.clock.advance(90)
    status = bastion.asked("status")

    assert (status["version"], status["uptime"]) == (__version__, 90.0)
    assert status["started"] == "2027-01-15T08:00:00+00:00"
    assert [gateway["name"] for gateway in status["gateways"]] == ["esrf", "embl"]
    assert status["gateways"][1]["cluster"] is None
    (nice, ill) = status["clusters"]
    assert (nice["hosts"], nice["up"], nice["sessions"], nice["strategy"]) == (3, 3, 0, "ordered")
    assert ill["strategy"] == "least-sessions"


def test_hostsHaveTheirSettings(bastion: Operated) -> None:
    every = bastion.asked("hosts", None)
    assert [(each["cluster"], each["host"]) for each in every] == [
        ("nice", "nice1"),
        ("nice", "nice2:2222"),
        ("nice", "nice3"),
        ("ill", "nice1"),
    ]
    third = every[2]
    assert (third["configured_weight"], third["max_sessions"]) == (4.0, 2)
    assert every[0]["known_keys"] == [fingerprint(KEY)]
    assert every[1]["known_keys"] == []
    assert every[0]["offered_key"] is None
    assert every[0]["last_check"] is None


@pytest.mark.parametrize(
    ("order", "state"), [("drain", "drain"), ("disable", "disabled"), ("enable", "suspect")]
)
def test_orderIsDoneAndRecorded(bastion: Operated, order: str, state: str) -> None:
    if order == "enable":
        bastion.ordered("drain", "nice1", "", "nice")
    answer = bastion.ordered(order, "nice1", "new memory", "nice")

    assert (answer["host"], answer["state"], answer["reason"]) == ("nice1", state, "new memory")
    assert bastion.changes()[-1] == ("nice1", state, "operator")
    assert bastion.events[-1][1]["uid"] == OPERATOR
    assert host(bastion)["state"] == state


def test_orderThatIsNotPossibleChangesNothing(bastion: Operated) -> None:
    problem = bastion.ordered("enable", "nice1", "", "nice")

    assert isinstance(problem, NotPossible)
    assert bastion.changes() == []


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (("drain", "nice9", "", "nice", 0), "there is no host nice9 in cluster nice"),
        (("drain", "nice1", "", "nise", 0), "there is no cluster nise; there are: nice, ill"),
        (("hosts", "nise"), "there is no cluster nise; there are: nice, ill"),
        (("close", "ABC234", "", 0), "there is no connection ABC234"),
        (("explain", "johnson", "nowhere", None), "there is no gateway nowhere; there are: esrf"),
        (("explain", "johnson", "embl", None), "gateway embl leads to no cluster"),
    ],
)
def test_whatIsNotThereIsSaid(bastion: Operated, call: tuple[Any, ...], sentence: str) -> None:
    problem = bastion.asked(*call)

    assert isinstance(problem, NotFound)
    assert sentence in str(problem)


def test_ordersOutliveTheProcess(started: Callable[[], Operated]) -> None:
    bastion = started()
    bastion.ordered("drain", "nice1", "new memory", "nice")
    bastion.ordered("disable", "nice2:2222", "broken", "nice")
    quarantined(bastion)

    bastion = started()
    assert [each["state"] for each in bastion.asked("hosts", "nice")] == ["drain", "disabled", "up"]
    assert host(bastion)["reason"] == "new memory"

    bastion.ordered("enable", "nice1", "", "nice")
    bastion = started()
    assert host(bastion)["state"] == "up"


# Keys


def test_changedKeyQuarantinesAndSaysBothFingerprints(bastion: Operated) -> None:
    quarantined(bastion)
    told = host(bastion)

    assert told["state"] == "quarantined"
    assert told["known_keys"] == [fingerprint(KEY)]
    assert told["offered_key"] == fingerprint(OTHER_KEY)
    assert bastion.changes() == [("nice1", "quarantined", "health")]


def test_hostThatNobodyKnowsIsNotQuarantined(bastion: Operated) -> None:
    problem = HostKeyRefused("no key is known", NICE2, fingerprint(KEY), (), KEY)
    bastion.cluster().failed(NICE2, problem)

    assert host(bastion, NICE2)["state"] == "suspect"


def test_quarantineOutlivesTheProcess(started: Callable[[], Operated]) -> None:
    quarantined(started())
    bastion = started()

    assert host(bastion)["state"] == "quarantined"
    assert host(bastion)["offered_key"] == fingerprint(OTHER_KEY)


def test_acceptedKeyIsTheHostsOwn(started: Callable[[], Operated]) -> None:
    bastion = started()
    quarantined(bastion)
    answer = bastion.ordered("acceptKey", "nice1", fingerprint(OTHER_KEY), "nice")

    assert (answer["state"], answer["offered_key"]) == ("suspect", None)
    assert answer["known_keys"] == [fingerprint(OTHER_KEY)]
    assert bastion.changes()[-1] == ("nice1", "suspect", "operator")
    for running in (bastion, started()):
        site = running.cluster().site
        site.hostKeys(NICE1).verify(OTHER_KEY)
        with pytest.raises(HostUnavailable):
            site.hostKeys(NICE1).verify(KEY)


def test_keyThatNobodyHasSeenIsNotAccepted(bastion: Operated) -> None:
    quarantined(bastion)
    problem = bastion.ordered("acceptKey", "nice1", fingerprint(KEY), "nice")

    assert isinstance(problem, KeyHasChanged)
    assert fingerprint(OTHER_KEY) in str(problem)
    assert host(bastion)["state"] == "quarantined"


def test_thereIsNothingToAcceptOfAHostThatIsWell(bastion: Operated) -> None:
    assert isinstance(bastion.ordered("acceptKey", "nice1", "SHA256:x", "nice"), NotPossible)
    assert not (bastion.directory / "state" / "accepted_hosts").exists()


# Connections


def arrived(bastion: Operated, gateway: str = "esrf") -> Any:
    """
    A client has connected.
    """
    factory = bastion.assembly.gateways[gateway]
    factory.doStart()
    transport: Any = factory.buildProtocol(IPv4Address("TCP", "192.0.2.7", 4711))
    transport.makeConnection(StringTransport())
    return transport


def test_connectionIsShownWithWhatIsKnownOfIt(bastion: Operated) -> None:
    assert bastion.asked("connections") == []
    transport = arrived(bastion)
    bastion.clock.advance(3)
    (shown,) = bastion.asked("connections")

    assert (shown["gateway"], shown["source"], shown["phase"]) == ("esrf", "192.0.2.7", "login")
    assert (shown["account"], shown["host"], shown["duration"]) == ("", "", 3.0)
    assert len(shown["reference"]) == 6
    transport.connectionLost()
    assert bastion.asked("connections") == []


def test_connectionCanBeClosed(bastion: Operated) -> None:
    transport = arrived(bastion)
    (shown,) = bastion.asked("connections")
    answer = bastion.ordered("close", shown["reference"].lower(), "it is stuck")

    assert answer == {"reference": shown["reference"], "closed": True}
    transport.connectionLost()
    (closed,) = [fields for name, fields in bastion.events if name == "connection.closed"]
    assert (closed["reason"], closed["uid"]) == ("an operator closed it: it is stuck", OPERATOR)


# Penalties


def test_whoHasToWaitIsShownAndLifted(bastion: Operated) -> None:
    store: Any = bastion.assembly.gateways["esrf"].doors.penalties
    source = ip_address("192.0.2.7")
    assert bastion.asked("penalties") == []
    for number in range(4):
        store.noted(PenaltyKind.AUTHFAIL, source, b"john\x1bson", b"%d" % number)
    store.noted(PenaltyKind.GRACE_EXCEEDED, ip_address("192.0.2.8"))
    shown = {(each["source"], each["account"]): each for each in bastion.asked("penalties")}

    pair = shown["192.0.2.7", r"john\x1bson"]
    assert (pair["kinds"], pair["seconds"], pair["active"]) == (["authfail"], 20, True)
    assert pair["until"] == "2027-01-15T08:00:20+00:00"
    assert shown["192.0.2.8", None]["active"] is False

    (lifted,) = bastion.ordered("lift", "192.0.2.8", "")
    assert (lifted["source"], lifted["kinds"]) == ("192.0.2.8", ["grace-exceeded"])
    (name, fields) = bastion.events[-1]
    assert (name, fields["source"], fields["whom"]) == ("penalty.lifted", "192.0.2.8", "192.0.2.8")
    assert (fields["kinds"], fields["uid"]) == (["grace-exceeded"], OPERATOR)
    assert ("192.0.2.8", None) not in {
        (each["source"], each["account"]) for each in bastion.asked("penalties")
    }


def test_penaltyOfAnAccountIsLiftedByItsName(bastion: Operated) -> None:
    store: Any = bastion.assembly.gateways["esrf"].doors.penalties
    store.noted(PenaltyKind.AUTHFAIL, ip_address("192.0.2.7"), b"john\x1bson", b"x")
    bastion.ordered("lift", "192.0.2.7", "")
    lifted = [fields["whom"] for name, fields in bastion.events if name == "penalty.lifted"]
    assert lifted == ["192.0.2.7", r"john\x1bson"]


def test_whatNobodyHasIsNotRecordedAsLifted(bastion: Operated) -> None:
    assert bastion.ordered("lift", "192.0.2.7", "") == bastion.events == []


def test_sourceThatCannotBeReadIsSaid(bastion: Operated) -> None:
    assert isinstance(bastion.ordered("lift", "nowhere", ""), NotFound)
