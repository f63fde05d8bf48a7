"""
Each attack ends with the same look at what it has left: the sites in memory and the
bastions in processes of their own have to survive whatever a test has done to them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# For the programs that are started: the bastion as an operator runs it, and others.
sys.path.insert(0, str(Path(__file__).parents[1] / "interop"))

import pytest
from attacking.memory import Site, sites
from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogBeginner


@pytest.fixture(scope="session", autouse=True)
def logging() -> None:
    """
    Until logging begins Twisted keeps every event, with whoever has logged it.
    """
    globalLogBeginner.beginLoggingTo([loud], discardBuffer=True, redirectStandardIO=False)


def loud(event: LogEvent) -> None:
    """
    Show what Twisted would have shown before.
    """
    if event["log_level"] is LogLevel.critical:
        sys.stderr.write(f"{eventAsText(event)}\n")


@pytest.fixture
def siteOf() -> Iterator[Callable[..., Site]]:
    """
    Makes sites in memory; when the test is over they have to have survived.
    """
    yield from sites()


@pytest.fixture
def site(siteOf: Callable[..., Site]) -> Site:
    """
    A gateway with two hosts in memory.
    """
    return siteOf()


@pytest.fixture(params=["client", "host"])
def leg(request: pytest.FixtureRequest) -> str:
    """
    Who the attacker is.
    """
    return str(request.param)
