"""
What an operator may ask of a running bastion, and what the answers are.

The answers are plain values: they cross a socket as JSON, under these names.  Times
are RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypedDict

from bastion.interfaces import BastionError


class NotFound(BastionError):
    """
    There is no host, cluster, gateway or connection of that name.  The text says so to
    the operator, and what there is.
    """


class GatewayStatus(TypedDict):
    """
    A gateway.  C{cluster} is L{None} for one that gives a notice.
    """

    name: str
    listen: Sequence[str]
    cluster: str | None
    connections: int
    startups: int


class ClusterStatus(TypedDict):
    """
    A cluster: how many hosts it has, and how many of them are up.
    """

    name: str
    hosts: int
    up: int
    sessions: int
    strategy: str


class Status(TypedDict):
    """
    The process; C{uptime} in seconds.
    """

    version: str
    started: str
    uptime: float
    pid: int
    gateways: Sequence[GatewayStatus]
    clusters: Sequence[ClusterStatus]


class HostStatus(TypedDict):
    """
    A host of a cluster: C{weight} is the effective one, C{bandwidth} in bytes per
    second; C{max_sessions} is 0 for no limit.
    """

    cluster: str
    host: str
    state: str
    since: str
    reason: str
    sessions: int
    weight: float
    configured_weight: float
    max_sessions: int
    latency_ms: float | None
    bandwidth: float
    last_check: str | None
    last_problem: str
    known_keys: Sequence[str]
    offered_key: str | None


class ConnectionStatus(TypedDict):
    """
    A client's connection; C{phase} is C{"login"} or C{"session"}, C{duration} in
    seconds.
    """

    reference: str
    gateway: str
    source: str
    account: str
    host: str
    client: str
    phase: str
    since: str
    duration: float
    bytes_to_host: int
    bytes_to_client: int
    channels: int


class Closed(TypedDict):
    """
    A connection that was closed.
    """

    reference: str
    closed: bool


class PenaltyStatus(TypedDict):
    """
    A waiting time.  C{account} is L{None} for that of everybody from C{source};
    C{seconds} are left.
    """

    source: str
    account: str | None
    kinds: Sequence[str]
    until: str
    seconds: int
    active: bool


class Sticky(TypedDict):
    """
    The host that the account comes back to.
    """

    host: str
    why: str


class CandidateStatus(TypedDict):
    """
    A host that the login could go to.
    """

    host: str
    rank: int
    state: str
    sessions: int
    weight: float
    bandwidth: float
    latency_ms: float | None
    why: str


class PassedOver(TypedDict):
    """
    A host that the login cannot go to.
    """

    host: str
    state: str
    why: str


class Explanation(TypedDict):
    """
    Which host a login would go to now.
    """

    cluster: str
    account: str
    gateway: str
    source: str | None
    chosen: str | None
    why: str
    sticky: Sticky | None
    candidates: Sequence[CandidateStatus]
    passed_over: Sequence[PassedOver]


class Operations(Protocol):
    """
    The running bastion, as an operator sees it.

    Each method returns its answer or a Deferred of it, and raises, or fails with,
    L{NotFound}, L{bastion.hosts.cluster.NotPossible} or another L{BastionError}, whose
    text is for the operator.  A change is done, and recorded in the audit log with the
    user id of its operator, when its answer is there.  Hosts and clusters are named as the
    answers name them.
    """

    def status(self) -> Any:
        """
        @return: L{Status}.
        """

    def hosts(self, cluster: str | None) -> Any:
        """
        @param cluster: L{None} for all of them.
        @return: a list of L{HostStatus}.
        """

    def drain(self, host: str, reason: str, cluster: str, operator: int) -> Any:
        """
        Let a host keep its sessions and get no new ones.

        @return: its L{HostStatus}.
        """

    def enable(self, host: str, reason: str, cluster: str, operator: int) -> Any:
        """
        Take a drain, or a disable, back.

        @return: its L{HostStatus}.
        """

    def disable(self, host: str, reason: str, cluster: str, operator: int) -> Any:
        """
        Take a host out of service for longer; its sessions stay.

        @return: its L{HostStatus}.
        """

    def acceptKey(self, host: str, fingerprint: str, cluster: str, operator: int) -> Any:
        """
        Take the key that a quarantined host has offered for its own.

        @param fingerprint: of the key that the operator has seen; another one is not
            taken.
        @return: its L{HostStatus}.
        """

    def connections(self) -> Any:
        """
        @return: a list of L{ConnectionStatus}.
        """

    def close(self, reference: str, reason: str, operator: int) -> Any:
        """
        Close a connection.

        @return: L{Closed}.
        """

    def penalties(self) -> Any:
        """
        @return: a list of L{PenaltyStatus}; those are among them that keep nobody out yet.
        """

    def lift(self, source: str, account: str, operator: int) -> Any:
        """
        Take waiting times back.

        @param source: an address or a network.
        @param account: of this account only; empty for everything from there.
        @return: a list of L{PenaltyStatus}: what was taken back.
        """

    def explain(self, user: str, gateway: str, source: str | None) -> Any:
        """
        Which host a login would go to now, and why.  Nothing changes by it.

        @param user: the login, as a client would send it.
        @param source: the client's address; L{None} if that does not matter.
        @return: L{Explanation}.
        """
