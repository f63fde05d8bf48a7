"""
What can be wrong with a configuration, and where.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from attrs import frozen

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@frozen
class Problem:
    """
    One mistake.

    @ivar path: where it is: a dotted path such as C{gateway.esrf.cluster}, or a
        line and column, or the name of a file.
    @ivar problem: what is wrong and what to write instead, in one sentence.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class ConfigurationError(Exception):
    """
    The configuration cannot be used.  Its text has one line for each problem.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def dotted(path: Sequence[str]) -> str:
    """
    A path as TOML writes it, with quotes around a key that needs them.
    """
    return ".".join(key if _BARE_KEY.fullmatch(key) else quoted(key) for key in path)


def quoted(text: str, limit: int = 80) -> str:
    """
    Text from the file in double quotes, safe for a terminal and not too long.
    """
    text = text if len(text) <= limit else text[:limit] + "..."
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f'"{text}"'


def nearest(name: str, known: Sequence[str]) -> str | None:
    """
    The known name that C{name} is probably a misspelling of.
    """
    near = get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=0.7)
    return near[0] if near else None


def thereAre(names: Sequence[str]) -> str:
    """
    The end of a sentence about a name that does not exist.
    """
    return f"there are: {', '.join(sorted(names))}" if names else "there are none"
