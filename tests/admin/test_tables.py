"""
Tests of L{bastion.admin.tables}.
"""

from __future__ import annotations

import pytest

from bastion.admin.tables import Cell, Column, Screen, table, visible, widthOf, wrapped

PIPE = Screen()
COLUMNS = (Column("HOST", shrinks=True), Column("STATE"), Column("SESSIONS", isNumber=True))
ROWS = (("nice1.example.org", "up", "12"), ("nice2.example.org", "suspect", "3"))


# What a stranger has made


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nice1", "nice1"),
        ("a b", "a b"),
        ("Isère", "Isère"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egro.elpmaxe", "\\u202egro.elpmaxe"),
        ("\udcff", "\\udcff"),
        ("\x7f", "\\x7f"),
    ],
)
def test_whatATerminalWouldObeyIsShownEscaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_everyCellIsVisible() -> None:
    rows = [("\x1b[2J", Cell("\x07", "red"), "\n")]
    text = "\n".join(table(COLUMNS, rows, Screen(80, True)))
    assert "\\x1b[2J" in text
    assert "\\x07" in text
    assert "\\n" in text
    assert text.count("\x1b[31m") == 1


def test_sentenceIsVisible() -> None:
    assert wrapped("a\x1b[2J b", None) == ["a\\x1b[2J b"]


# Alignment


def test_textIsOnTheLeftAndNumbersAreOnTheRight() -> None:
    assert table(COLUMNS, ROWS, PIPE) == [
        "HOST               STATE    SESSIONS",
        "nice1.example.org  up             12",
        "nice2.example.org  suspect         3",
    ]


def test_emptyCellIsADash() -> None:
    assert table(COLUMNS, [("", "", "")], PIPE)[1] == "-     -             -"


def test_tableWithoutRowsHasItsTitles() -> None:
    assert table(COLUMNS, [], PIPE) == ["HOST  STATE  SESSIONS"]


def test_widthIsThatOnATerminal() -> None:
    assert [widthOf(text) for text in ("abc", "é", "e\u0301", "名前")] == [3, 1, 1, 4]
    rows = [("名前", "up", "1"), ("e\u0301", "up", "1")]
    assert table(COLUMNS, rows, PIPE) == [
        "HOST  STATE  SESSIONS",
        "名前  up            1",
        "e\u0301     up            1",
    ]


# Colour


def test_colourChangesNoWidth() -> None:
    rows = [(host, Cell(state, "green"), count) for host, state, count in ROWS]
    plain = table(COLUMNS, rows, Screen(80))
    coloured = table(COLUMNS, rows, Screen(80, True))
    assert "\x1b[32mup\x1b[0m      " in coloured[1]
    for text in ("\x1b[1m", "\x1b[32m", "\x1b[0m"):
        assert text in "".join(coloured)
        coloured = [line.replace(text, "") for line in coloured]
    assert coloured == plain


def test_screenWithoutColoursPaintsNothing() -> None:
    assert Screen(80).paint("up", "green") == "up"
    assert Screen(80, True).paint("up", "") == "up"


# Width


def test_whatMayShrinkIsCutToFit() -> None:
    assert table(COLUMNS, ROWS, Screen(33)) == [
        "HOST            STATE    SESSIONS",
        "nice1.exampl..  up             12",
        "nice2.exampl..  suspect         3",
    ]


def test_nothingIsCutToNothing() -> None:
    lines = table(COLUMNS, ROWS, Screen(1))
    assert lines[1] == "nice1...  up             12"


def test_theWidestColumnIsCutFirst() -> None:
    columns = (Column("A", shrinks=True), Column("B", shrinks=True), Column("C"))
    lines = table(columns, [("a" * 12, "b" * 20, "c" * 10)], Screen(38))
    assert lines[1] == f"{'a' * 12}  {'b' * 10}..  {'c' * 10}"
    assert len(lines[1]) == 38


def test_wideCharactersAreCutBetweenThem() -> None:
    columns = (Column("A", shrinks=True), Column("B"))
    lines = table(columns, [("名" * 6, "b")], Screen(12))
    assert lines[1] == "名名名..   b"


def test_inAPipeNothingIsCut() -> None:
    long = "x" * 500
    assert long in table(COLUMNS, [(long, "up", "1")], PIPE)[1]


WHY = (Column("HOST"), Column("WHY", wraps=True))


def test_sentencesAreWrappedBesideTheirRow() -> None:
    rows = [("nice1", "it has the fewest sessions for its weight"), ("nice2", "")]
    assert table(WHY, rows, Screen(36)) == [
        "HOST   WHY",
        "nice1  it has the fewest sessions",
        "       for its weight",
        "nice2  -",
    ]
    assert table(WHY, rows, PIPE)[1] == "nice1  it has the fewest sessions for its weight"


def test_sentencesAreNotWrappedIntoAColumnOfWords() -> None:
    rows = [("nice1", "it has the fewest sessions for its weight")]
    assert table(WHY, rows, Screen(10))[1] == "nice1  it has the fewest"


def test_sentenceIsWrappedWithAnIndent() -> None:
    assert wrapped("one two three four", 10, "  ") == ["one two", "  three", "  four"]
    assert wrapped("", 10) == [""]
