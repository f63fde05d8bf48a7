"""
Clusters and gateways in memory, as an operator has them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogPublisher

from bastion.config.installed import installed
from bastion.config.load import load
from bastion.gateway.assembly import Assembly, assemble
from bastion.gateway.operations import RunningBastion
from bastion.wire import string

#: A public key, and the fingerprint that ssh-keygen shows of it.
KEY = string(b"ssh-ed25519") + string(bytes(range(32)))
OTHER_KEY = string(b"ssh-ed25519") + string(bytes(32))
#: The user id of the operator.
OPERATOR = 1042


class Operated:
    """
    A bastion that an operator looks at.

    @ivar operations: what can be done.
    @ivar events: what was recorded.
    """

    def __init__(self, file: str, directory: Path) -> None:
        self.directory = directory
        self.clock = MemoryReactorClock()
        # A time of day: what is kept outlives the process.
        self.clock.advance(1_800_000_000)
        self.events: list[tuple[str, dict[str, Any]]] = []
        publisher = LogPublisher(lambda e: self.events.append((e["event"], e["fields"])))
        configuration = load(file, directory, installed)
        self.assembly: Assembly = assemble(configuration, self.clock, publisher)
        self.came(self.assembly.store.open(self.clock, directory / "state"))
        for service in self.assembly.clusters.values():
            self.came(service.restore())
        self.operations = RunningBastion(self.assembly.gateways, self.assembly.clusters, self.clock)

    def came(self, answer: Any) -> Any:
        """
        What is the answer, or what is raised.
        """
        found: list[Any] = []
        done: Deferred[Any] = maybeDeferred(lambda: answer)
        done.addCallbacks(found.append, lambda failure: found.append(failure.value))
        (result,) = found
        return result

    def asked(self, name: str, *arguments: Any) -> Any:
        """
        What an operation answers, or what it raises.
        """
        found: list[Any] = []
        done: Deferred[Any] = maybeDeferred(getattr(self.operations, name), *arguments)
        done.addCallbacks(found.append, lambda failure: found.append(failure.value))
        (result,) = found
        return result

    def ordered(self, name: str, *arguments: Any) -> Any:
        """
        The same of what the operator wants changed.
        """
        return self.asked(name, *arguments, OPERATOR)

    def cluster(self, name: str = "nice") -> Any:
        """
        A cluster at work.
        """
        return self.assembly.clusters[name]

    def changes(self) -> list[tuple[str, str, str]]:
        """
        The hosts whose state has changed: host, state, who did it.
        """
        return [
            (fields["host"], fields["state"], fields.get("by", ""))
            for name, fields in self.events
            if name == "host.changed"
        ]

    def close(self) -> None:
        """
        End, as at the end of the process.
        """
        for service in self.assembly.clusters.values():
            service.selector.traffic.stop()
        self.came(self.assembly.store.close())
