"""
A bastion of the tests' own, with a gateway for each limit of C{[admission]}.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from attrs import frozen

from harness.gateway import Gateway, Plan
from harness.routes import Route
from harness.site import Site


@frozen
class Limited:
    """
    The bastion.
    """

    gateway: Gateway
    site: Site

    def route(self, key: str) -> Route:
        """
        The way through the gateway that has this limit.
        """
        return self.gateway.route(key, self.site.direct("second"))

    def refused(self, name: str, who: str, offset: int) -> list[tuple[str, str]]:
        """
        What was refused, by the audit log.

        @param name: the events, such as C{channel.refused}.
        @param who: the field that is wanted beside the reason.
        @param offset: leave out so many bytes of the log.
        """
        events = self.gateway.audit(offset=offset)
        return [(event[who], event["reason"]) for event in events if event["event"] == name]


Kind = TypeVar("Kind", bound=Limited)


@contextmanager
def started(
    kind: Callable[[Gateway, Site], Kind], site: Site, keys: Sequence[str], limit: int
) -> Iterator[Kind]:
    """
    The bastion, during a C{with} statement.

    @param keys: of the limits; each is the name of its gateway.
    """
    directory = Path(tempfile.mkdtemp(prefix="limited-", dir=site.directory))
    host = site.hosts["second"]
    plans = {
        key: Plan([host.target], host.knownHosts(), clientLeg=[f"admission.{key} = {limit}"])
        for key in keys
    }
    gateway = Gateway(directory, plans).start()
    try:
        yield kind(gateway, site)
    finally:
        gateway.stop()
        shutil.rmtree(directory)
