"""
Options of the whole suite.

The interop tests talk to real programs.  Where such a program is missing they
are skipped, with a reason; C{--require-interop} makes a failure of each such
skip, so that a green run means that everything was tried.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

#: The same examples each time, and no limit of time: the machine may be doing other things.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Declare the options of the interop tests.
    """
    group = parser.getgroup("interop", "tests against real SSH programs")
    group.addoption(
        "--direct",
        action="store_true",
        help="let the clients connect to the hosts directly, without the bastion",
    )
    group.addoption(
        "--require-interop",
        action="store_true",
        help="an interop test that is skipped is a failure",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    The attacks come first, before a test has started the reactor, beside which the last
    failures in the log are kept: after each of them the garbage collector looks for what
    is left.
    """
    items.sort(key=lambda item: "attacks" not in item.path.parts)


@pytest.fixture(scope="module", autouse=True)
def frozen() -> None:
    """
    What is there when a module begins is not looked through each time that a test looks
    for what is left of its own.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Iterator[None]:
    """
    With C{--require-interop}, report a skipped interop test as failed.
    """
    report: pytest.TestReport = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and item.get_closest_marker("interop")
        and item.config.getoption("--require-interop")
    ):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"--require-interop: {reason}"
    return report
