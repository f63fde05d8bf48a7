"""
Tests of L{bastion.config.accountsfile}.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from bastion.config.accounts import AccountTable
from bastion.config.accountsfile import accountsOf
from bastion.config.problems import ConfigurationError

GATEWAYS = ("esrf", "ill")


def problems(text: str) -> list[str]:
    """
    What an operator is told about a file.
    """
    with pytest.raises(ConfigurationError) as refused:
        accountsOf(text, GATEWAYS)
    return str(refused.value).split("\n")


def test_tablesAreThoseOfTheConfiguration() -> None:
    text = '[account.in1000]\nfrom = 2026-11-20\n[account."*"]\ngateways = ["ill"]\n'
    assert accountsOf(text, GATEWAYS) == (
        AccountTable(pattern="in1000", from_=datetime(2026, 11, 20)),
        AccountTable(pattern="*", gateways=("ill",)),
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[account]\n"])
def test_fileMayHaveNoTables(text: str) -> None:
    assert accountsOf(text, GATEWAYS) == ()


def test_everyMistakeIsToldInTheOrderOfTheFile() -> None:
    text = """
hours = []
colour = 1
[in1000]
until = 2026-11-20
[gateway.esrf]
listen = "tcp:5022"
[account."in*"]
gateways = ["isis"]
hours = ["always"]
untl = 2026-11-20
"""
    assert [line.partition(";")[0] for line in problems(text)] == [
        "hours: this key belongs in [account.NAME], not here",
        "colour: unknown key",
        "in1000: write the table of an account as [account.in1000]",
        "gateway: this belongs in the configuration, not here",
        'account."in*".gateways: no gateway named "isis"',
        'account."in*".hours: "always" are no hours',
        'account."in*".untl: unknown key',
    ]


def test_whatIsNoTomlHasItsLine() -> None:
    assert problems("[account.a]\nuntil = 2026-11-31\n") == [
        "line 2, column 9: not TOML: Invalid date or datetime"
    ]


def test_nestingWithoutEndIsNoToml() -> None:
    (problem,) = problems("a = " + "[" * 100_000)
    assert "not TOML" in problem
    assert problem.endswith("there are too many brackets inside each other; take some out")
