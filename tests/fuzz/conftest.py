"""
How much is fuzzed, and from where.

Without options the fuzzer says what it has said the last time: what fails, fails again.
C{--fuzz-times} and C{--fuzz-from} have it say more, and something else.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# For the peers that do as they like.
sys.path.insert(0, str(Path(__file__).parents[1] / "attacks"))
# For the books that are kept of them.
sys.path.insert(0, str(Path(__file__).parents[1] / "interop"))

import pytest
from fuzzing.amount import Amount, Spent
from fuzzing.recording import Recording
from fuzzing.rounds import recordings
from hypothesis import settings

#: Conversations in each test of their order, as usual.
CONVERSATIONS = 70

settings.register_profile(
    "quick",
    max_examples=CONVERSATIONS,
    stateful_step_count=40,
)
settings.register_profile("long", settings.get_profile("quick"), derandomize=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Declare the options of the fuzzer.
    """
    group = parser.getgroup("fuzz", "altered messages")
    group.addoption(
        "--fuzz-times", type=int, default=1, help="how many times as much is said as usual"
    )
    group.addoption("--fuzz-from", type=int, default=0, help="the first round")
    group.addoption("--fuzz-seeds", help="one case, or FIRST-LAST: these alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Have each time as much as usual be a test of its own.
    """
    if "part" in metafunc.fixturenames:
        metafunc.parametrize("part", range(metafunc.config.getoption("--fuzz-times", 1)))


@pytest.fixture(scope="session")
def amount(request: pytest.FixtureRequest) -> Amount:
    """
    What the options say.
    """
    option = request.config.getoption
    return Amount.of(
        option("--fuzz-times", 1), option("--fuzz-from", 0), option("--fuzz-seeds", None)
    )


_SPENT = pytest.StashKey[list[Spent]]()


@pytest.fixture(scope="session")
def spent(request: pytest.FixtureRequest) -> list[Spent]:
    """
    What was said, for the summary.
    """
    return request.config.stash.setdefault(_SPENT, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Say how much was said.
    """
    for each in terminalreporter.config.stash.get(_SPENT, []):
        terminalreporter.write_line(f"fuzzed: {each}")


@pytest.fixture(scope="session")
def orders(amount: Amount) -> settings:
    """
    Which conversations at random there are: the same, or others.
    """
    return settings.get_profile("quick" if amount.times == 1 else "long")


@pytest.fixture(scope="session")
def conversations() -> list[Recording]:
    """
    Every sheet, as it was played.
    """
    return recordings()
