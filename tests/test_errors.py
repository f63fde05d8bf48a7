"""
Tests of L{bastion.errors}: the exceptions that roles may raise.
"""

from __future__ import annotations

import pytest

from bastion.errors import (
    AdmissionRefused,
    BastionError,
    HostKeyRefused,
    HostUnavailable,
    HostUnhealthy,
    NoHostAvailable,
)
from bastion.interfaces import HostAddress


@pytest.mark.parametrize(
    "error",
    [AdmissionRefused, HostKeyRefused, HostUnavailable, HostUnhealthy, NoHostAvailable],
)
def test_errorsOfTheRolesHaveOneParent(error: type[Exception]) -> None:
    assert issubclass(error, BastionError)


@pytest.mark.parametrize("error", [HostKeyRefused, HostUnhealthy])
def test_hostThatIsNotWellIsUnavailable(error: type[Exception]) -> None:
    assert issubclass(error, HostUnavailable)


def test_refusalLastsUnlessItIsSaid() -> None:
    assert AdmissionRefused("No.").lasting
    assert not AdmissionRefused("Not now.", lasting=False).lasting


def test_refusedKeyHasWhatAnOperatorNeeds() -> None:
    host = HostAddress("nice1")
    problem = HostKeyRefused("nice1 offered ...", host, "SHA256:x", ("SHA256:y",), b"key")

    assert str(problem) == "nice1 offered ..."
    assert (problem.host, problem.offered, problem.known) == (host, "SHA256:x", ("SHA256:y",))
    assert problem.key == b"key"
