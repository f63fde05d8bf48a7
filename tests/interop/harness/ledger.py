"""
What came to a bastion and what it has recorded, held against each other (no input, no
output): the books of the invariants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

#: What an accepted connection becomes.
_ARRIVALS = ("connection.opened", "connection.refused")


@define
class Ledger:
    """
    All counts are since the beginning, or since L{forgive}.

    @ivar accepted: connections that came to a port, by the name of its gateway.
    @ivar arrived: what is recorded of that.
    @ivar opened: the references of connections that are not over by what is recorded.
    @ivar overdone: those that were closed more often than they were opened.
    @ivar logins: who has logged in where, by what is recorded: account and host.
    @ivar admitted: the same by what the hosts say, of those that say it.
    """

    accepted: Counter[str] = field(factory=Counter)
    arrived: Counter[str] = field(factory=Counter)
    opened: set[str] = field(factory=set)
    overdone: list[str] = field(factory=list)
    logins: Counter[tuple[str, str]] = field(factory=Counter)
    admitted: Counter[tuple[str, str]] = field(factory=Counter)

    def record(self, event: Mapping[str, Any]) -> None:
        """
        An event of the audit log.
        """
        name = event["event"]
        if name in _ARRIVALS:
            self.arrived[event["gateway"]] += 1
        if name == "connection.opened":
            self.opened.add(event["reference"])
        elif name == "connection.closed" and event["reference"] in self.opened:
            self.opened.remove(event["reference"])
        elif name == "connection.closed":
            self.overdone.append(event["reference"])
        elif name == "login.accepted":
            self.logins[event["account"], event["host"]] += 1

    # What must be so when nobody is connected

    def unaccounted(self) -> Iterator[str]:
        """
        Each connection that was accepted is recorded as opened or as refused, and no other.
        """
        for name in sorted({*self.accepted, *self.arrived}):
            came, said = self.accepted[name], self.arrived[name]
            if came != said:
                yield f"{name} has accepted {came} connections and recorded {said}"

    def unended(self) -> Iterator[str]:
        """
        Each connection that was opened is closed, once.
        """
        if self.opened:
            yield f"opened and not closed: {sorted(self.opened)}"
        if self.overdone:
            yield f"closed and not opened, or closed twice: {sorted(self.overdone)}"

    def misnamed(self, speaking: set[str] | None = None) -> Iterator[str]:
        """
        Whoever has logged in by what is recorded was let in by the host, under that name.

        @param speaking: the hosts that say whom they let in; L{None} for all of them.
        """
        for (account, host), count in sorted(self.logins.items()):
            said = self.admitted[account, host]
            if (speaking is None or host in speaking) and count > said:
                yield f"{account} is recorded {count} times at {host}, which says {said} times"

    def forgive(self) -> None:
        """
        What was wrong is told once: the next test begins anew.
        """
        for each in (self.accepted, self.arrived, self.opened, self.overdone):
            each.clear()
        self.logins.clear()
        self.admitted.clear()
