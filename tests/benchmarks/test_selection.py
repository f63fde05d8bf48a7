"""
Tests of L{benchmarks.selection}.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from bastion.config.installed import installed
from bastion.interfaces import IStrategy
from benchmarks import selection
from benchmarks.selection import CASES, STRATEGIES, Case, Figures, figures, main, table


@pytest.fixture(scope="module")
def found() -> dict[str, Figures]:
    """
    Every strategy, for a day or two.
    """
    return {name: figures(name, Case(8), 8000) for name in STRATEGIES}


def test_everyStrategyThatComesWithTheBastionIsSimulated() -> None:
    ours = {
        name
        for name, each in installed(IStrategy).items()
        if each.factory.startswith("bastion.hosts.")  # type: ignore[attr-defined]
    }
    assert set(STRATEGIES) == ours
    for make in STRATEGIES.values():
        assert verifyObject(IStrategy, make())


def test_casesAreNamed() -> None:
    assert [case.title for case in CASES[-3:]] == [
        "400 hosts",
        "16 hosts, of weights 1, 1, 2, 4",
        "16 hosts, sticky for 8 hours",
    ]


def test_fewestSessionsAreTheMostEven(found: dict[str, Figures]) -> None:
    most = min(found, key=lambda name: found[name].imbalance)
    assert most == "least-sessions"
    assert found[most].imbalance < 1.2 < found["random"].imbalance


def test_oneHostForAllIsAsUnevenAsCanBe(found: dict[str, Figures]) -> None:
    assert found["ordered"].imbalance > 6


def test_accountsStayWhereTheirHashPutsThem(found: dict[str, Figures]) -> None:
    assert found["user-hash"].moved < 0.05
    assert all(found[name].moved > 0.5 for name in ("random", "round-robin", "least-sessions"))


def test_hostThatIsBackGetsAtMostTwiceItsShare() -> None:
    assert figures("least-sessions", Case(16), 40_000).rush < 2.2


def test_stickinessKeepsAccountsToo() -> None:
    assert figures("least-sessions", Case(8, sticky=8 * 3600.0), 8000).moved < 0.1


def test_fullestHostIsCountedForItsWeight() -> None:
    assert figures("least-sessions", Case(8, (1.0, 4.0)), 8000).imbalance < 1.3


def test_figuresAreShown() -> None:
    shown = table({"least-sessions": Figures(1.0525, 1.3, 2.45, 2.0, 0.785, 3.26, 17.1)})
    cells = [[cell.strip() for cell in line.split("|")][1:-1] for line in shown.splitlines()]
    assert cells[0] == ["", "max/mean", "p99", "bytes", "rush", "moved, %", "us", "us, stored"]
    assert cells[2] == ["least-sessions", "1.05", "1.30", "2.45", "2.00", "78.5", "3.3", "17.1"]


def test_everythingIsWritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selection, "CASES", (Case(2), Case(2, sticky=3600.0)))
    main(["--logins", "300", "--json", str(tmp_path / "results.json")])
    assert "2 hosts, sticky for 1 hours\n" in capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["about"]["logins"] == "300"
    assert [case["sticky"] for case in results["cases"]] == [0.0, 3600.0]
    assert set(results["cases"][0]["found"]) == set(STRATEGIES)
    assert results["cases"][0]["found"]["ordered"]["imbalance"] > 1


@pytest.mark.parametrize("arguments", [["--logins", "5"], ["--logins", "many"], ["--slow"]])
def test_mistakeIsExplained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert arguments[-1] in capsys.readouterr().err
