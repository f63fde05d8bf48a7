"""
L{bastion.gateway.control}: what an operator may ask, and who answers.
"""

from __future__ import annotations

import inspect

import pytest

from bastion.gateway.control import NotFound, Operations
from bastion.gateway.operations import RunningBastion
from bastion.interfaces import BastionError

METHODS = [name for name in vars(Operations) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_theRunningBastionDoesWhatAnOperatorMayAsk(name: str) -> None:
    asked = inspect.signature(getattr(Operations, name)).parameters
    done = inspect.signature(getattr(RunningBastion, name)).parameters
    assert list(done) == list(asked)


def test_whatIsNotFoundIsAnErrorWithASentence() -> None:
    error = NotFound("there is no host x")
    assert isinstance(error, BastionError)
    assert str(error) == "there is no host x"
