"""
Text for a terminal: tables, a little colour, and nothing that a stranger could do to it
(pure).

What a table holds can come from anywhere: the name that a client has tried, the sentence
of a host.  Everything that is not printable is shown escaped (L{visible}).
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

_GAP = 2
#: A column is not made narrower than that, in characters.
_NARROWEST = 8
#: A sentence is not wrapped into less than that.
_NARROWEST_SENTENCE = 24
_CUT = ".."

_COLOURS = {"bold": 1, "red": 31, "green": 32, "yellow": 33, "blue": 34}


@frozen
class Screen:
    """
    What is written on.

    @ivar width: how many characters fit; L{None} for as many as there are.
    @ivar colour: whether it shows colours.
    """

    width: int | None = None
    colour: bool = False

    def paint(self, text: str, colour: str) -> str:
        """
        Text in a colour, where there are colours.

        @param colour: one of C{bold}, C{red}, C{green}, C{yellow}, C{blue}; empty for none.
        """
        if not self.colour or not colour:
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


@frozen
class Column:
    """
    A column of a table.

    @ivar title: at its top.
    @ivar isNumber: its values stand on the right.
    @ivar shrinks: its values may be cut to make the table fit.
    @ivar wraps: its values are sentences; only for the last one.
    """

    title: str
    isNumber: bool = False
    shrinks: bool = False
    wraps: bool = False


@frozen
class Cell:
    """
    A value of a table, in a colour.
    """

    text: str
    colour: str = ""


def visible(text: str) -> str:
    """
    Text without anything that a terminal would not just print.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def widthOf(text: str) -> int:
    """
    How many characters of a terminal a text takes.
    """
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]], screen: Screen
) -> list[str]:
    """
    The lines of a table, the titles first.
    """
    cells = [[_shown(value) for value in row] for row in rows]
    titles = [Cell(column.title, "bold") for column in columns]
    widths = [
        max(widthOf(row[number].text) for row in (titles, *cells)) for number in range(len(columns))
    ]
    _shrink(widths, columns, screen)
    lines: list[str] = []
    for row in (titles, *cells):
        lines += _lines(row, columns, widths, screen)
    return lines


def _shown(value: str | Cell) -> Cell:
    cell = Cell(value) if isinstance(value, str) else value
    return evolve(cell, text=visible(cell.text) or "-")


def _shrink(widths: list[int], columns: Sequence[Column], screen: Screen) -> None:
    """
    Take from the widest columns what is too much.
    """
    if screen.width is None:
        return
    if columns[-1].wraps:
        widths[-1] = min(widths[-1], _NARROWEST_SENTENCE)
    excess = sum(widths) + _GAP * (len(widths) - 1) - screen.width
    flexible = [number for number, column in enumerate(columns) if column.shrinks]
    while excess > 0 and flexible:
        widest = max(flexible, key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
        excess -= 1
    if columns[-1].wraps:
        used = sum(widths[:-1]) + _GAP * (len(widths) - 1)
        widths[-1] = max(screen.width - used, _NARROWEST_SENTENCE)


def _lines(
    row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], screen: Screen
) -> Iterator[str]:
    """
    One row: more than one line where a sentence is wrapped.
    """
    fixed = "".join(map(_padded, row[:-1], columns, widths, [screen] * len(row)))
    last, column = row[-1], columns[-1]
    if not column.wraps:
        yield (fixed + _padded(last, column, widths[-1], screen)).rstrip()
        return
    indent = sum(widths[:-1]) + _GAP * (len(widths) - 1)
    for number, line in enumerate(wrapped(last.text, widths[-1] if screen.width else None)):
        before = fixed if number == 0 else " " * indent
        yield (before + screen.paint(line, last.colour)).rstrip()


def _padded(cell: Cell, column: Column, width: int, screen: Screen) -> str:
    text = _cut(cell.text, width)
    space = " " * (width - widthOf(text))
    painted = screen.paint(text, cell.colour)
    return (space + painted if column.isNumber else painted + space) + " " * _GAP


def _cut(text: str, width: int) -> str:
    if widthOf(text) <= width:
        return text
    kept = ""
    for character in text:
        if widthOf(kept + character) > width - len(_CUT):
            break
        kept += character
    return kept + _CUT


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """
    A sentence in lines of a width.

    @param indent: before each line but the first.
    """
    text = visible(text)
    if width is None:
        return [text]
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [""]
