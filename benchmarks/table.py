"""
Results as tables in Markdown (pure).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.measures import BY_KEY, MEASURES, Medians, medians
from benchmarks.results import Results
from benchmarks.targets import Distance, Target, Verdict, verdicts

_NOTHING = "-"


def text(results: Results) -> str:
    """
    Everything that a reader wants to know of a run.
    """
    found = medians(results.samples)
    parts = [
        _about(results),
        _peers(found, list(results.peers)),
        _targets(found),
        _leftOut(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def rows(cells: Sequence[Sequence[str]]) -> str:
    """
    A table, its columns aligned for a reader without a renderer; the first row
    is the heading.
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        first, *others = zip(row, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    heading, *rest = cells
    return "\n".join([line(heading), line(rule), *map(line, rest)])


def _about(results: Results) -> str:
    lines = [f"{key}: {value}" for key, value in results.about.items()]
    lines += [f"{name}: {what}" for name, what in results.peers.items()]
    if results.disturbance:
        middle, worst = statistics.median(results.disturbance), max(results.disturbance)
        lines.append(f"cores busy with other things: {middle:.2f} (median), {worst:.2f} (most)")
    return "\n".join(lines)


def _peers(found: Medians, order: Sequence[str]) -> str:
    """
    Each measure of each peer.
    """
    names = [name for name in order if name in found]
    cells = [["", *names]]
    for measure in MEASURES:
        numbers = [found[name].get(measure.key) for name in names]
        if any(number is not None for number in numbers):
            cells.append([measure.title, *(_shown(each, measure.digits) for each in numbers)])
    return rows(cells) if len(cells) > 1 else ""


def _targets(found: Medians) -> str:
    """
    Each target, how near the bastion came, and what is reached.
    """
    cells = [["target", "bastion", "must", "is", "aim", "is", "reached"]]
    cells += [list(_verdict(each)) for each in verdicts(found)]
    return rows(cells) if len(cells) > 1 else ""


def _verdict(verdict: Verdict) -> Iterator[str]:
    measure = BY_KEY[verdict.target.measure]
    yield measure.title
    yield _shown(verdict.value, measure.digits)
    for distance in (verdict.must, verdict.aim):
        yield _limit(distance, verdict.target)
        yield _distance(distance, measure.digits)
    yield verdict.reached.value


def _limit(distance: Distance, target: Target) -> str:
    sign = ">=" if target.atLeast else "<="
    limit = distance.limit
    return (
        f"{sign} {limit.value:g}"
        if limit.peer is None
        else f"{sign} {limit.value:.2f} x {limit.peer}"
    )


def _distance(distance: Distance, digits: int) -> str:
    if distance.limit.peer is None:
        return ""
    if distance.ratio is None:
        return "unknown"
    return f"{distance.ratio:.2f} x {_shown(distance.compared, digits)}"


def _shown(number: float | None, digits: int) -> str:
    return _NOTHING if number is None else f"{number:.{digits}f}"


def _leftOut(results: Results) -> str:
    """
    What was not measured, by the reason.
    """
    reasons: dict[str, list[str]] = {}
    for each in results.leftOut:
        reasons.setdefault(each.reason, []).append(each.what)
    if not reasons:
        return ""
    lines = (f"- {', '.join(names)}: {reason}" for reason, names in reasons.items())
    return "\n".join(["Left out:", *lines])
