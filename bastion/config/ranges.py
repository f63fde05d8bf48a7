"""
Ranges of numbers in the name of a host: one text that stands for many (pure).

C{nice[1-3].example.org} stands for three names; C{node[01-12]} keeps the leading
zeros; C{node[1,3,7-9]} is a list; of several in one text, each goes with each.  The
brackets of an IPv6 address are left as they are: a colon is in no range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from math import prod

from attrs import frozen

from bastion.config.problems import quoted

#: All of the name is in brackets, as an address is.
_LITERAL = re.compile(r"\[[^\[\]]*\](?::[^\[\]]*)?")
_BRACKETS = re.compile(r"\[([^\[\]:]*)\]")
_SPAN = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


@frozen
class _Span:
    """
    The numbers from the first to the last one.

    @ivar width: with zeros in front, they have so many digits.
    """

    first: int
    last: int
    width: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[str]:
        return (f"{number:0{self.width}}" for number in range(self.first, self.last + 1))


def writtenOut(given: str, most: int) -> tuple[str, ...]:
    """
    All texts that a text stands for, in order; itself, if it has no range.

    @raise ValueError: for what is no range, and for more than C{most} texts.
    """
    if _LITERAL.fullmatch(given):
        return (given,)
    pieces = _BRACKETS.split(given)
    try:
        lists = [[_span(item) for item in inside.split(",")] for inside in pieces[1::2]]
    except ValueError as error:
        raise ValueError(f"{quoted(given)}: {error}") from None
    count = prod(sum(len(span) for span in spans) for spans in lists)
    if count > most:
        raise ValueError(
            f"{quoted(given)} stands for {count} hosts; a cluster has at most {most}: "
            "write a smaller range"
        )
    choices: list[list[str]] = [[piece] for piece in pieces]
    choices[1::2] = [[number for span in spans for number in span] for spans in lists]
    return tuple("".join(chosen) for chosen in product(*choices))


def _span(item: str) -> _Span:
    """
    C{7}, or C{7-9}.
    """
    match = _SPAN.fullmatch(item)
    if match is None:
        raise ValueError(
            f"{quoted(item)} in brackets is no range of numbers; "
            "write e.g. [1-9], [01-12] or [1,3,7-9]"
        )
    first, last = match[1], match[2] or match[1]
    if int(first) > int(last):
        raise ValueError(f"the range {item} is reversed; write {last}-{first}")
    longest = max(len(first), len(last))
    padded = any(len(end) > 1 and end.startswith("0") for end in (first, last))
    if padded and len(first) != len(last):
        raise ValueError(
            f"the ends of the range {item} have leading zeros and different lengths; "
            f"write {first.zfill(longest)}-{last.zfill(longest)}"
        )
    return _Span(int(first), int(last), longest if padded else 1)
