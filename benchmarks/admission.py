"""
What admission costs an honest user: C{python -m benchmarks.admission}, as root.

How long a login takes beside connections that never log in (L{benchmarks.crowd}); and what
all rules together add to one (L{benchmarks.entering}).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from attrs import asdict, frozen

from benchmarks import entering, machine, site
from benchmarks.client import Client, Failed
from benchmarks.crowd import Crowd
from benchmarks.measures import percentile
from benchmarks.peers import Bastion, Direct, Peer
from benchmarks.programs import Missing
from benchmarks.servers import DidNotStart
from benchmarks.site import Site
from benchmarks.table import rows
from benchmarks.waiting import Late

FORMAT = 1
LOGINS, QUICK = 200, 20
CROWD, SOURCES = 1000, 50
_TIMES = 20_000
#: Whoever is refused at the door tries again, after so many seconds and for so long.
_AGAIN, _PATIENCE = 0.2, 15.0
#: No row takes much longer, in seconds.
_LONGEST = 60.0


class Roomy(Bastion):
    """
    The bastion with room for the whole crowd.
    """

    name: ClassVar[str] = "roomy"
    about = f"room for {CROWD} that have not logged in"
    more = f"""[admission]
max_startups = "{CROWD + 100}:30:{2 * CROWD}"
penalties = "off"
"""


class Usual(Bastion):
    """
    The bastion with its defaults, which hold for those of the crowd as for strangers.
    """

    name: ClassVar[str] = "usual"
    about = "the defaults"
    more = """[admission]
penalty_exempt = ["127.0.0.1/32"]
"""


@frozen
class Figures:
    """
    @ivar median: the seconds of a login, from the first attempt on.
    @ivar worst: the same, which one in a hundred exceeds.
    @ivar refused: how many attempts were turned away.
    @ivar failed: how many logins were given up.
    @ivar present: how many of the crowd were there at the end.
    """

    title: str
    logins: int
    median: float
    worst: float
    refused: int
    failed: int
    present: int


@frozen
class Login:
    """
    How it was to log in and leave.

    @ivar seconds: from the first attempt to the end.
    @ivar refused: how many attempts were turned away.
    @ivar isIn: whether one was not.
    """

    seconds: float
    refused: int
    isIn: bool


def login(client: Client) -> Login:
    """
    Try until it is possible, or until the user's patience is over.
    """
    start, refused = time.monotonic(), 0
    while (waited := time.monotonic() - start) < _PATIENCE:
        try:
            client.run(client.ssh("true"))
        except Failed:
            refused += 1
            time.sleep(_AGAIN)
        else:
            return Login(time.monotonic() - start, refused, True)
    return Login(waited, refused, False)


def logins(client: Client, title: str, count: int, crowd: Crowd | None) -> Figures:
    """
    So many, one after the other.
    """
    start, found = time.monotonic(), list[Login]()
    while len(found) < count and time.monotonic() - start < _LONGEST:
        found.append(login(client))
    times = [each.seconds for each in found]
    return Figures(
        title,
        len(found),
        percentile(times, 0.5),
        percentile(times, 0.99),
        sum(each.refused for each in found),
        sum(not each.isIn for each in found),
        crowd.present if crowd is not None else 0,
    )


def compared(opened: Site, kind: type[Peer], count: int) -> Iterator[Figures]:
    """
    Through one gateway: alone, and beside the crowd.
    """
    peer = kind(opened)
    peer.start()
    try:
        client = Client(peer.directory, opened.account, peer.port)
        client.check()
        yield logins(client, f"{kind.about}, alone", count, None)
        if kind is not Direct:
            crowd = Crowd(peer.port, CROWD, SOURCES)
            with crowd.standing():
                yield logins(client, f"{kind.about}, beside {CROWD}", count, crowd)
    finally:
        peer.stop()


def table(found: Sequence[Figures]) -> str:
    """
    The figures, in milliseconds.
    """
    heading = ["median, ms", "p99, ms", "logins", "given up", "refusals", "half-open"]
    cells = [["", *heading]]
    for each in found:
        times = [f"{1e3 * each.median:.0f}", f"{1e3 * each.worst:.0f}"]
        counts = [each.logins, each.failed, each.refused, each.present]
        cells.append([each.title, *times, *map(str, counts)])
    return rows(cells)


def main(arguments: Sequence[str]) -> None:
    """
    Measure everything, and show it.

    @raise SystemExit: with the reason, when nothing can be measured.
    """
    options = _parser().parse_args(arguments)
    count = QUICK if options.quick else options.logins
    cost = entering.measured(_TIMES)
    sys.stdout.write(
        f"All rules, with cached DNS: {1e6 * cost.median:.0f} us a login (median), "
        f"{1e6 * cost.worst:.0f} us (p99)\n\n"
    )
    found: list[Figures] = []
    try:
        with contextlib.ExitStack() as stack:
            opened = stack.enter_context(site.opened(""))
            for kind in (Direct, Roomy, Usual):
                found += compared(opened, kind, count)
    except (Missing, DidNotStart, Late, Failed, OSError) as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write(f"{table(found)}\n")
    if options.json:
        results = {"format": FORMAT, "about": machine.about(), "rules": asdict(cost)}
        logged = [asdict(each) for each in found]
        options.json.write_text(json.dumps({**results, "logins": logged}, indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.admission",
        description="Measure what admission costs an honest user, alone and beside "
        f"{CROWD} connections from {SOURCES} addresses that never log in. Needs root, for a "
        "throw-away account and sshd; everything is on loopback.",
    )
    add = parser.add_argument
    add("--logins", type=int, default=LOGINS, metavar="N", help=f"default {LOGINS}")
    add("--quick", action="store_true", help=f"{QUICK} logins, for a first impression")
    add("--json", type=Path, metavar="FILE", help="write all numbers there")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
