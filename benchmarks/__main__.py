"""
C{python -m benchmarks}: measure, and show the table.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType

from attrs import asdict

from benchmarks import machine, site, table
from benchmarks.options import Options, parse
from benchmarks.programs import Missing
from benchmarks.results import NotResults, Results, fromJSON
from benchmarks.rounds import Rounds
from benchmarks.servers import DidNotStart
from benchmarks.waiting import Late

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What a shell makes of SIGINT.
_INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """
    Do what the command line says.

    @return: the exit status.
    @raise SystemExit: with the reason, when nothing can be measured or shown.
    """
    options = parse(arguments)
    status = 0
    try:
        if options.table:
            results = fromJSON(options.table.read_text())
        else:
            results = Results({**machine.about(), "sizes": _sizes(options)})
            status = measure(options, results)
    except (Missing, DidNotStart, Late, NotResults, OSError) as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write(table.text(results))
    return status


def measure(options: Options, results: Results) -> int:
    """
    Measure, until the end or until somebody wants it to end.

    @param results: where everything is noted.
    @return: the exit status.
    """
    for name in options.leftOut:
        results.omit(name, "not asked for")

    def save() -> None:
        if options.json:
            new = options.json.with_name(f"{options.json.name}.new")
            new.write_text(results.toJSON())
            os.replace(new, options.json)

    for number in _ENDS:
        signal.signal(number, _interrupt)
    status = 0
    try:
        with site.opened(options.ciphers) as opened:
            rounds = Rounds(opened, options.scale, results, _say)
            rounds.run(options.peers, options.figures, save)
    except KeyboardInterrupt:
        results.omit("the rest", "interrupted")
        status = _INTERRUPTED
    save()
    return status


def _sizes(options: Options) -> str:
    return ", ".join(f"{name} {number}" for name, number in asdict(options.scale).items())


def _interrupt(number: int, frame: FrameType | None) -> None:
    """
    Let everything be ended and deleted, once and to the end.
    """
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
