"""
A bastion that does nothing but to answer.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field

from bastion.gateway.control import HostStatus, NotFound
from bastion.hosts.cluster import NotPossible
from operating.answers import (
    CONNECTION,
    EXPLANATION,
    OFFERED,
    PENALTY,
    STATUS,
    host,
    quarantined,
)


@define
class FakeOperations:
    """
    Answers, and writes down what it was asked to change, and by whom.
    """

    rows: list[HostStatus] = field(
        factory=lambda: [
            host("nice1.example.org"),
            host("nice2.example.org"),
            quarantined("nice3.example.org"),
            host("login.example.org:2222", "ill"),
        ]
    )
    changes: list[tuple[str, ...]] = field(factory=list)
    operators: list[int] = field(factory=list)
    explained: list[Any] = field(factory=list)

    def status(self) -> Any:
        """
        See L{bastion.gateway.control.Operations}, as for all of them.
        """
        return STATUS

    def hosts(self, cluster: str | None) -> Any:
        """
        The rows.
        """
        found = [row for row in self.rows if cluster in (None, row["cluster"])]
        if not found:
            raise NotFound(f"there is no cluster {cluster}; there are: nice, ill")
        return found

    def _change(self, what: str, host: str, detail: str, cluster: str, state: str) -> Any:
        self.changes.append((what, host, detail, cluster))
        (row,) = [row for row in self.rows if (row["host"], row["cluster"]) == (host, cluster)]
        if row["state"] == state:
            raise NotPossible(f"{host} is {state} already")
        row["state"] = state
        return row

    def drain(self, host: str, reason: str, cluster: str, operator: int) -> Any:
        """
        A change.
        """
        self.operators.append(operator)
        return self._change("drain", host, reason, cluster, "drain")

    def enable(self, host: str, reason: str, cluster: str, operator: int) -> Any:
        """
        A change.
        """
        self.operators.append(operator)
        return self._change("enable", host, reason, cluster, "up")

    def disable(self, host: str, reason: str, cluster: str, operator: int) -> Any:
        """
        A change.
        """
        self.operators.append(operator)
        return self._change("disable", host, reason, cluster, "disabled")

    def acceptKey(self, host: str, fingerprint: str, cluster: str, operator: int) -> Any:
        """
        A change.
        """
        if fingerprint != OFFERED:
            raise NotPossible(f"{host} has offered {OFFERED}, not {fingerprint}")
        self.operators.append(operator)
        return self._change("acceptKey", host, fingerprint, cluster, "suspect")

    def connections(self) -> Any:
        """
        The only one.
        """
        return [CONNECTION]

    def close(self, reference: str, reason: str, operator: int) -> Any:
        """
        A change.
        """
        if reference != CONNECTION["reference"]:
            raise NotFound(f"there is no connection {reference}")
        self.operators.append(operator)
        self.changes.append(("close", reference, reason))
        return {"reference": reference, "closed": True}

    def penalties(self) -> Any:
        """
        The only one.
        """
        return [PENALTY]

    def lift(self, source: str, account: str, operator: int) -> Any:
        """
        A change.
        """
        self.operators.append(operator)
        self.changes.append(("lift", source, account))
        return [PENALTY] if source == PENALTY["source"] else []

    def explain(self, user: str, gateway: str, source: str | None) -> Any:
        """
        Always the same.
        """
        self.explained.append((user, gateway, source))
        return EXPLANATION
