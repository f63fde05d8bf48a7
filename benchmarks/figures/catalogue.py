"""
Every figure, in the order of a round.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from benchmarks.figures.keys import echo
from benchmarks.figures.logins import login, logins
from benchmarks.figures.memory import memory
from benchmarks.figures.transfers import download, files, get, put, upload
from benchmarks.way import Scale, Way


@frozen
class Figure:
    """
    Something to do through a peer.

    @ivar work: returns a number for each measure.
    @ivar once: in the first round only.
    """

    name: str
    work: Callable[[Way, Scale], dict[str, float]]
    once: bool = False


FIGURES = (
    # First, and once: later, sessions find memory that others have given back.
    Figure("memory", memory, once=True),
    Figure("login", login),
    Figure("logins", logins),
    Figure("echo", echo),
    Figure("download", download),
    Figure("upload", upload),
    Figure("get", get),
    Figure("put", put),
    Figure("files", files),
)
