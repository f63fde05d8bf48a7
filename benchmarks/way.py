"""
What a figure gets to work with, and how much it shall do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from benchmarks.accounts import Account
from benchmarks.client import Client
from benchmarks.groups import Group
from benchmarks.meter import Cost, Meter


@frozen
class Scale:
    """
    How much is done for one number.

    @ivar mebibytes: the size of a bulk transfer.
    @ivar logins: one after the other.
    @ivar burst: logins, several at once.
    @ivar keys: that are typed and echoed.
    @ivar sessions: that are open and idle.
    @ivar files: small ones.
    """

    rounds: int = 5
    mebibytes: int = 512
    logins: int = 10
    burst: int = 64
    keys: int = 1000
    sessions: int = 200
    files: int = 1000


QUICK = Scale(rounds=1, mebibytes=64, logins=5, burst=32, keys=100, sessions=20, files=100)


@frozen
class Way:
    """
    The way through one peer, which runs.

    @ivar group: the processes of the gateway; L{None} when there is none.
    @ivar data: a directory in memory that client and host share.
    """

    name: str
    client: Client
    group: Group | None
    meter: Meter
    data: Path
    account: Account

    def cost(self, work: Callable[[], object]) -> Cost:
        """
        Do the work and measure it.
        """
        return self.meter.cost(self.group, work)
