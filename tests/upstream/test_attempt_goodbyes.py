"""
L{bastion.upstream.attempt}: what a host says when it closes before the login is the
reason that an operator is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.protocol import Protocol

from bastion.interfaces import HostAddress, HostUnavailable
from bastion.ssh.server import ServerTransport

A = HostAddress("a")


@pytest.fixture
def cluster(clusterOf: Callable[..., Any]) -> Any:
    """
    A cluster of one host.
    """
    return clusterOf(A)


def reason(cluster: Any) -> str:
    """
    Why the host is not reached.
    """
    came: list[Any] = []
    attempt = cluster.attempt(A)
    attempt.ready.addCallbacks(came.append, lambda failure: came.append(failure.value))
    cluster.network.settle()
    (problem,) = came
    assert isinstance(problem, HostUnavailable)
    assert attempt.over
    assert cluster.clock.getDelayedCalls() == []
    return str(problem)


class Closing(Protocol):
    """
    A host that says something else than its identification string, and closes.
    """

    def __init__(self, says: bytes) -> None:
        self._says = says

    def connectionMade(self) -> None:
        """
        Say it.
        """
        self.transport.write(self._says)
        self.transport.loseConnection()


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        (b"", ""),
        (b"Not allowed at this time\r\n", ": Not allowed at this time"),
        (b"Exceeded MaxStartups\r\n", ": Exceeded MaxStartups"),
        (b"half a li", ": half a li"),
        (b"\r\n", ""),
        (b"one\x1b[2J\r\ntwo\xff\n", r": one\x1b[2J\r\ntwo\xff"),
        (b"x" * 8000, f": {'x' * 256}..."),
    ],
)
def test_whatAHostSaysInsteadOfItsIdentificationIsTheReason(
    cluster: Any, says: bytes, shown: str
) -> None:
    cluster.network.listen(A, lambda: Closing(says))

    assert reason(cluster) == f"a closed the connection before the login{shown}"


def test_hostThatIsNoSshIsOfNoUseAndWhatItSaidIsShown(cluster: Any) -> None:
    cluster.network.listen(A, lambda: Closing(b"Hello\r\nSSH-1.5-old\r\n"))

    said = reason(cluster)

    assert said.startswith("a is of no use: ")
    assert said.endswith(r": Hello\r\nSSH-1.5-old")


@pytest.mark.parametrize(
    ("description", "shown"),
    [(b"", ""), (b"Too many users\n", ": Too many users"), (b"\x07" * 900, r": \x07\x07")],
)
def test_goodbyeOfAHostIsTheReason(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, description: bytes, shown: str
) -> None:
    def leaving(host: Any, payload: bytes) -> None:
        host.disconnect(12, description)

    monkeypatch.setattr(ServerTransport, "ssh_SERVICE_REQUEST", leaving)

    said = reason(cluster)

    assert said.startswith(f"a closed the connection before the login{shown}")
    assert len(said) < 400
