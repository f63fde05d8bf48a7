"""
The command line.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from attrs import evolve, frozen

from benchmarks.figures.catalogue import FIGURES, Figure
from benchmarks.peers import PEERS, Bastion, Peer, WatchedBastion
from benchmarks.way import QUICK, Scale

T = TypeVar("T")


@frozen
class Options:
    """
    What to do.

    @ivar table: results to show instead of measuring.
    @ivar json: where to write the results.
    @ivar leftOut: the names of the peers and figures that were not asked for.
    """

    peers: Sequence[type[Peer]]
    figures: Sequence[Figure]
    scale: Scale
    ciphers: str
    json: Path | None
    table: Path | None
    leftOut: Sequence[str]


def parse(arguments: Sequence[str]) -> Options:
    """
    Read the command line.

    @raise SystemExit: when it cannot be understood, or asks for help.
    """
    parser = _parser()
    found = parser.parse_args(arguments)
    allPeers = {peer.name: peer for peer in PEERS}
    allFigures = {figure.name: figure for figure in FIGURES}
    peers = _chosen(parser, found.peers, allPeers)
    figures = _chosen(parser, found.figures, allFigures)
    if found.stall:
        peers = {name: WatchedBastion if each is Bastion else each for name, each in peers.items()}
    scale = QUICK if found.quick else Scale()
    given = {"rounds": found.rounds, "sessions": found.sessions, "mebibytes": found.mebibytes}
    left = [name for name in (*allPeers, *allFigures) if name not in {*peers, *figures}]
    return Options(
        list(peers.values()),
        list(figures.values()),
        evolve(scale, **{name: value for name, value in given.items() if value is not None}),
        found.ciphers,
        found.json,
        found.table,
        left,
    )


def _chosen(
    parser: argparse.ArgumentParser, names: str | None, known: dict[str, T]
) -> dict[str, T]:
    """
    Those that were asked for, in their own order; all when nobody asked.
    """
    if names is None:
        return known
    wanted = names.split(",")
    if unknown := [name for name in wanted if name not in known]:
        parser.error(f"there is no {', '.join(unknown)}; there are: {', '.join(known)}")
    return {name: each for name, each in known.items() if name in wanted}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the bastion beside its peers. Needs root, for a throw-away account "
        "and sshd; everything is on loopback, and is ended and deleted at the end. "
        "OPENSSH_PREFIX names another OpenSSH than the system's.",
    )
    add = parser.add_argument
    peers, figures = ([each.name for each in kind] for kind in (PEERS, FIGURES))
    add("--peers", metavar="LIST", help=f"some of {','.join(peers)}")
    add("--figures", metavar="LIST", help=f"some of {','.join(figures)}")
    add(
        "--rounds",
        type=_positive,
        metavar="N",
        help=f"default {Scale().rounds}; the medians are shown",
    )
    add("--quick", action="store_true", help="one small round, for a first impression")
    add("--sessions", type=_positive, metavar="N", help=f"idle ones, default {Scale().sessions}")
    add(
        "--mebibytes",
        type=_positive,
        metavar="N",
        help=f"of a transfer, default {Scale().mebibytes}",
    )
    add("--stall", action="store_true", help="watch the bastion's reactor, which costs a little")
    add("--ciphers", metavar="LIST", default="", help="let clients and sshd offer only these")
    add("--json", type=Path, metavar="FILE", help="write all numbers there")
    add("--table", type=Path, metavar="FILE", help="measure nothing, show such a file")
    return parser


def _positive(text: str) -> int:
    """
    A number of things.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of things")
    return int(text)
