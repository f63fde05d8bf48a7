"""
What is measured, by name, and how samples become one number (pure).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from attrs import frozen

#: The peer without a gateway: what the others add is counted from there.
DIRECT = "direct"


@frozen
class Measure:
    """
    One number about a peer.

    @ivar key: its name in the results.
    @ivar title: its name and unit for a reader.
    @ivar digits: how many are shown behind the point.
    """

    key: str
    title: str
    digits: int


#: The bulk workloads.
BULK = {
    "download": "exec download",
    "upload": "exec upload",
    "get": "sftp get",
    "put": "sftp put",
}

#: In the order in which they are shown.
MEASURES = (
    *(Measure(f"{key}.cpu", f"gateway CPU, s/GiB, {title}", 2) for key, title in BULK.items()),
    *(Measure(f"{key}.rate", f"MiB/s, {title}", 0) for key, title in BULK.items()),
    Measure("login.wall", "login, ms", 0),
    Measure("logins.8", "logins/s, 8 at once", 1),
    Measure("logins.32", "logins/s, 32 at once", 1),
    Measure("login.cpu", "gateway CPU, ms per login", 1),
    Measure("echo.median", "key echo, ms (median)", 3),
    Measure("echo.added", "key echo added, ms (median)", 3),
    Measure("echo.busy", "key echo beside a bulk transfer, ms (p99)", 2),
    Measure("memory.session", "memory, PSS KiB per idle session", 0),
    Measure("memory.processes", "processes per session", 0),
    Measure("files.put", "1000 files of 4 KiB, sftp put, s", 2),
    Measure("files.get", "1000 files of 4 KiB, sftp get, s", 2),
    Measure("stall", "reactor stall, ms", 0),
)
BY_KEY = {measure.key: measure for measure in MEASURES}

Samples = Mapping[str, Mapping[str, Sequence[float]]]
Medians = Mapping[str, Mapping[str, float]]


def percentile(values: Sequence[float], share: float) -> float:
    """
    The least value that so great a share of all values does not exceed
    (nearest rank).

    @param share: above 0 and up to 1.
    @raise ValueError: when there are no values.
    """
    if not values:
        raise ValueError("a percentile of nothing")
    return sorted(values)[math.ceil(share * len(values)) - 1]


def medians(samples: Samples) -> dict[str, dict[str, float]]:
    """
    The median of each measure over the rounds, and what follows from several:
    the echo that a gateway adds.

    A stall is not averaged away: the longest of all rounds counts.

    @param samples: by peer and measure, one number a round.
    """
    found = {
        peer: {
            key: (max if key == "stall" else statistics.median)(values)
            for key, values in measures.items()
            if values
        }
        for peer, measures in samples.items()
    }
    floor = found.get(DIRECT, {}).get("echo.median")
    for peer, values in found.items():
        if floor is not None and "echo.median" in values and peer != DIRECT:
            values["echo.added"] = values["echo.median"] - floor
    return found
