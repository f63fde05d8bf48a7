"""
Tests of L{benchmarks.options}.
"""

from __future__ import annotations

import pytest

from benchmarks.figures.catalogue import FIGURES
from benchmarks.options import parse
from benchmarks.peers import PEERS, WatchedBastion
from benchmarks.way import QUICK, Scale


def test_everythingIsTheDefault() -> None:
    options = parse([])
    assert (options.peers, options.figures) == ([*PEERS], [*FIGURES])
    assert (options.scale, options.leftOut) == (Scale(), [])


def test_choiceKeepsTheOrderAndNamesTheRest() -> None:
    options = parse(["--peers", "bastion,direct", "--figures", "echo,login"])
    assert [peer.name for peer in options.peers] == ["direct", "bastion"]
    assert [figure.name for figure in options.figures] == ["login", "echo"]
    assert options.leftOut[:3] == ["haproxy", "forcecommand", "asyncssh"]
    assert {"memory", "files"} < set(options.leftOut)


def test_numbersChangeTheScale() -> None:
    scale = parse(["--quick", "--sessions", "1000", "--rounds", "3"]).scale
    assert (scale.sessions, scale.rounds, scale.logins) == (1000, 3, QUICK.logins)


def test_stallWatchesTheBastion() -> None:
    assert parse(["--stall"]).peers == [*PEERS[:-1], WatchedBastion]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--peers", "direct,nobody"], "no nobody; there are: direct, haproxy"),
        (["--figures", ""], "there are: memory, login"),
        (["--rounds", "0"], "0 is not a number of things"),
        (["--sessions", "many"], "many is not a number of things"),
    ],
)
def test_mistakeIsExplained(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert words in " ".join(capsys.readouterr().err.split())
