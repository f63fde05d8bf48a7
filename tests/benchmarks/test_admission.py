"""
Tests of L{benchmarks.admission}, without what needs root.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import admission
from benchmarks.admission import Figures, login, logins, main, table
from benchmarks.client import Failed


class Clients:
    """
    A client program that is turned away a few times.
    """

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.runs = 0

    def ssh(self, command: str) -> list[str]:
        """
        See L{benchmarks.client.Client}.
        """
        return ["ssh", command]

    def run(self, command: list[str]) -> None:
        """
        See L{benchmarks.client.Client}.
        """
        self.runs += 1
        if self.runs <= self.refusals:
            raise Failed("turned away")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nobody waits between two attempts.
    """
    monkeypatch.setattr(admission, "_AGAIN", 0)


def test_whoIsRefusedTriesAgain() -> None:
    client: Any = Clients(3)
    done = login(client)
    assert (done.refused, done.isIn, client.runs) == (3, True, 4)


def test_patienceHasAnEnd(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1000))
    clock = SimpleNamespace(monotonic=lambda: next(now), sleep=lambda seconds: None)
    monkeypatch.setattr(admission, "time", clock)
    client: Any = Clients(1000)
    done = login(client)
    assert not done.isIn
    assert done.refused == client.runs > 10


def test_rowCountsWhatWasRefused() -> None:
    client: Any = Clients(2)
    row = logins(client, "so", 5, None)
    assert (row.title, row.logins, row.refused, row.failed, row.present) == ("so", 5, 2, 0, 0)
    assert row.median <= row.worst


def test_tableIsInMilliseconds() -> None:
    shown = table([Figures("the defaults, alone", 200, 0.0604, 0.0749, 3, 1, 250)])
    assert "| the defaults, alone |" in shown
    assert [cell.strip() for cell in shown.splitlines()[-1].split("|")[2:-1]] == [
        *("60", "75", "200", "1", "3", "250")
    ]


def test_whatIsNotUnderstoodIsSaid(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--crowd"])
    assert "unrecognized arguments" in capsys.readouterr().err
