"""
How evenly each strategy fills the hosts, and how long a choice takes:
C{python -m benchmarks.selection}, by anybody.

Simulated logins (L{benchmarks.visits}) on simulated hosts (L{benchmarks.simulation}):
everything but the times is the same each time.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from bastion.hosts import strategies
from bastion.hosts.strategies import NoOptions
from benchmarks import machine
from benchmarks.findings import Findings
from benchmarks.measures import percentile
from benchmarks.places import StoredPlaces
from benchmarks.simulation import Simulation
from benchmarks.table import rows
from benchmarks.visits import EVERY, Crowd

FORMAT = 1
LOGINS, QUICK, LEAST = 1_000_000, 20_000, 100
#: So many logins are enough to know how long a choice takes.
_TIMED = 20_000
#: In so many parts of the time is looked at the hosts, not counting the first tenth.
_SAMPLES = 5000
_STICKY = 8 * 3600.0

STRATEGIES: dict[str, Callable[[], Any]] = {
    "ordered": lambda: strategies.Ordered(NoOptions()),
    "random": lambda: strategies.Random(NoOptions(), random.Random(3)),
    "round-robin": lambda: strategies.RoundRobin(NoOptions()),
    "least-sessions": lambda: strategies.LeastSessions(NoOptions()),
    "least-bandwidth": lambda: strategies.LeastBandwidth(NoOptions()),
    "user-hash": lambda: strategies.UserHash(NoOptions()),
    "quickest": lambda: strategies.Quickest(NoOptions(), random.Random(3)),
}


@frozen
class Case:
    """
    A cluster.

    @ivar weights: of its hosts, in turn.
    @ivar sticky: for how long an account comes back to its host, in seconds.
    """

    hosts: int
    weights: tuple[float, ...] = (1.0,)
    sticky: float = 0.0

    @property
    def title(self) -> str:
        """
        What it is, for a reader.
        """
        heavier = f", of weights {', '.join(f'{each:g}' for each in self.weights)}"
        sticky = f", sticky for {self.sticky / 3600:g} hours"
        return f"{self.hosts} hosts{heavier * (len(self.weights) > 1)}{sticky * (self.sticky > 0)}"


CASES = (
    *(Case(hosts) for hosts in (4, 16, 64, 400)),
    Case(16, (1.0, 1.0, 2.0, 4.0)),
    Case(16, sticky=_STICKY),
)


@frozen
class Figures:
    """
    What is told of a strategy in a case; times in microseconds.

    @ivar imbalance: the sessions of the fullest host for its weight, divided by those of
        all; on average over the time.
    @ivar worst: the same, which is more in a hundredth of the time.
    @ivar moving: the same as C{imbalance} of the bytes per second.
    @ivar rush: how many times its share of the next logins a host got that came back.
    @ivar moved: the share of the logins of known accounts that came to another host than
        the last time.
    @ivar ranking: the median time of the strategy.
    @ivar choosing: of the strategy and the embedded store.
    """

    imbalance: float
    worst: float
    moving: float
    rush: float
    moved: float
    ranking: float
    choosing: float


def simulated(name: str, case: Case, logins: int, sticky: float) -> Findings:
    """
    Let so many log in.

    @param sticky: for how long the store makes an account come back to its host, in
        seconds; 0 for the strategy alone, without a store.
    """
    span = logins * EVERY / case.hosts
    weights = [case.weights[number % len(case.weights)] for number in range(case.hosts)]
    places = StoredPlaces(sticky) if sticky else None
    simulation = Simulation(STRATEGIES[name](), weights, (span / 10, 0.9 * span / _SAMPLES), places)
    return simulation.run(Crowd(case.hosts, seed=case.hosts).visits(logins))


def figures(name: str, case: Case, logins: int) -> Figures:
    """
    Simulate a strategy in a case.
    """
    found = simulated(name, case, logins, case.sticky)
    stored = found if case.sticky else simulated(name, case, min(logins, _TIMED), _STICKY)
    return Figures(
        statistics.fmean(found.imbalance),
        percentile(found.imbalance, 0.99),
        statistics.fmean(found.moving),
        statistics.fmean(found.rush) if found.rush else 0.0,
        found.moved / max(found.returning, 1),
        1e6 * statistics.median(found.ranking),
        1e6 * statistics.median(stored.choosing),
    )


def table(found: dict[str, Figures]) -> str:
    """
    The figures of a case.
    """
    cells = [["", "max/mean", "p99", "bytes", "rush", "moved, %", "us", "us, stored"]]
    for name, each in found.items():
        numbers = [each.imbalance, each.worst, each.moving, each.rush]
        times = [100 * each.moved, each.ranking, each.choosing]
        cells.append([name, *(f"{n:.2f}" for n in numbers), *(f"{n:.1f}" for n in times)])
    return rows(cells)


def main(arguments: Sequence[str]) -> None:
    """
    Simulate everything, and show a table of each case.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    logins = QUICK if options.quick else options.logins
    if logins < LEAST:
        parser.error(f"{logins} logins are too few to tell anything: at least {LEAST}")
    cases = []
    for case in CASES:
        found = {name: figures(name, case, logins) for name in STRATEGIES}
        sys.stdout.write(f"{case.title}\n\n{table(found)}\n\n")
        sys.stdout.flush()
        cases.append(
            {**asdict(case), "found": {name: asdict(each) for name, each in found.items()}}
        )
    if options.json:
        about = {**machine.about(), "logins": str(logins)}
        results = {"format": FORMAT, "about": about, "cases": cases}
        options.json.write_text(json.dumps(results, indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.selection",
        description="Simulate how each strategy fills the hosts of a cluster.",
    )
    add = parser.add_argument
    add("--logins", type=int, default=LOGINS, metavar="N", help=f"default {LOGINS}")
    add("--quick", action="store_true", help=f"{QUICK} logins, for a first impression")
    add("--json", type=Path, metavar="FILE", help="write all numbers there")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
