"""
Every figure with every peer, round by round.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from attrs import Factory, define, field, frozen

from benchmarks.client import Client, Failed
from benchmarks.figures.catalogue import Figure
from benchmarks.meter import Meter
from benchmarks.peers import Peer, WatchedBastion
from benchmarks.programs import Missing
from benchmarks.results import Results
from benchmarks.servers import DidNotStart
from benchmarks.site import Site
from benchmarks.ticker import Away, longest
from benchmarks.waiting import Late
from benchmarks.way import Scale, Way

_FAILURES = (Failed, Late, Missing, DidNotStart, OSError, ValueError, subprocess.SubprocessError)


@frozen
class Span:
    """
    When a figure was done, in seconds of L{time.monotonic}.
    """

    peer: str
    figure: str
    start: float
    end: float


@define
class Rounds:
    """
    A run.

    @ivar say: shows a line of progress.
    """

    site: Site
    scale: Scale
    results: Results
    say: Callable[[str], None]
    _meter: Meter = field(
        init=False, default=Factory(lambda self: Meter(self.site.groups), takes_self=True)
    )
    _failed: set[tuple[str, str]] = field(init=False, factory=set)
    _spans: list[Span] = field(init=False, factory=list)

    def run(
        self, peers: Sequence[type[Peer]], figures: Sequence[Figure], save: Callable[[], None]
    ) -> None:
        """
        Start the peers, do the rounds, end the peers.

        @param save: is called after each figure.
        """
        with self._started(peers) as ways:
            for number in range(self.scale.rounds):
                # Nobody is always the one who follows the same other.
                turn = number % max(len(ways), 1)
                for figure in figures:
                    if figure.once and number:
                        continue
                    for way in (*ways[turn:], *ways[:turn]):
                        self._do(figure, way)
                    self.results.disturbance = self._meter.disturbance
                    save()
                self.say(f"round {number + 1} of {self.scale.rounds} is done")

    @contextmanager
    def _started(self, peers: Sequence[type[Peer]]) -> Iterator[list[Way]]:
        """
        The ways through the peers that can be had here.
        """
        started: list[Peer] = []
        try:
            yield [way for kind in peers if (way := self._start(kind, started))]
        finally:
            for peer in started:
                peer.stop()
            for peer in started:
                if isinstance(peer, WatchedBastion) and peer.name in self.results.peers:
                    written = peer.gaps.read_text() if peer.gaps.exists() else None
                    noteStalls(self.results, peer.name, written, self._spans)

    def _start(self, kind: type[Peer], started: list[Peer]) -> Way | None:
        """
        Start one peer.

        @param started: where it is noted, to be ended.
        """
        try:
            peer = kind(self.site)
            started.append(peer)
            peer.start()
            account, ciphers = self.site.account, self.site.ciphers
            client = Client(peer.directory, account, peer.port, ciphers)
            cipher = client.check()
        except _FAILURES as error:
            self._omit(kind.name, error)
            return None
        self.results.peers[kind.name] = f"{kind.about}; {cipher}"
        self.say(f"{kind.name} is ready")
        return Way(kind.name, client, peer.group, self._meter, self.site.data, account)

    def _do(self, figure: Figure, way: Way) -> None:
        """
        One figure with one peer; not again when it has failed.
        """
        if (figure.name, way.name) in self._failed:
            return
        start = time.monotonic()
        try:
            self.results.add(way.name, figure.work(way, self.scale))
        except _FAILURES as error:
            self._failed.add((figure.name, way.name))
            self._omit(f"{figure.name} of {way.name}", error)
        span = Span(way.name, figure.name, start, time.monotonic())
        self._spans.append(span)
        self.say(f"{figure.name}, {way.name}: {span.end - start:.1f} s")

    def _omit(self, what: str, error: Exception) -> None:
        reason = " ".join(str(error).split()) or type(error).__name__
        self.results.omit(what, reason)
        self.say(f"{what}: {reason}")


def noteStalls(results: Results, peer: str, written: str | None, spans: Iterable[Span]) -> None:
    """
    Note the longest stall of each figure in all of its rounds, and of all figures.

    @param written: by L{benchmarks.ticker}; L{None} when it could not.
    @param spans: of all peers.
    """
    if written is None:
        results.omit("stall", "the bastion did not end by itself")
        return
    found: dict[str, Away] = {}
    for span in spans:
        if span.peer == peer:
            away = longest(written, span.start, span.end)
            found[span.figure] = max(away, found.get(span.figure, away))
    if found:
        results.add(peer, {"stall": 1e3 * max(found.values()).gap})
        results.about["longest reactor stall (its own work in it), ms"] = ", ".join(
            f"{name} {1e3 * gap:.0f} ({1e3 * work:.0f})" for name, (gap, work) in found.items()
        )
