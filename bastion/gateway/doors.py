"""
From the table of who may come in to what stands in front of a gateway.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from bastion.admission.accounts import AccountRules
from bastion.admission.counts import Connections, Sessions
from bastion.admission.dnsrule import SENTENCE, DnsRule, Mode, OnTimeout
from bastion.admission.gate import Gate
from bastion.admission.limits import Startups
from bastion.admission.memory import MemoryPenalties
from bastion.admission.penalties import Rules as PenaltyRules
from bastion.admission.reversedns import ReverseDns, reverseDns
from bastion.admission.rules import Rules
from bastion.config.addresses import DnsServer
from bastion.config.admission import AdmissionTable
from bastion.gateway.entrance import Doors
from bastion.state import IPenaltyStore


class DoorsOf:
    """
    Makes what stands in front of the gateways of one process: those that ask the same DNS
    servers share what these have said, and those with the same exemptions the penalties.
    """

    def __init__(self, reactor: Any, accounts: Callable[[], AccountRules] = AccountRules) -> None:
        """
        @param accounts: tells which accounts may log in when; all may, unless it is said.
        """
        self._reactor = reactor
        self._accounts = accounts
        self._resolvers: dict[tuple[DnsServer, ...], ReverseDns] = {}
        self._penalties: dict[Any, MemoryPenalties] = {}

    def of(self, table: AdmissionTable) -> Doors:
        """
        For one gateway.
        """
        limits = table.max_startups
        return Doors(
            Gate(table.allow_from, table.deny_from),
            Startups(
                limits.start, limits.rate, limits.full, table.per_source_startups, random.random
            ),
            Connections(table.max_connections, table.per_source_connections),
            Sessions(
                table.max_sessions,
                table.per_source_sessions,
                table.per_account_sessions,
                table.per_account_source_sessions,
            ),
            Rules([*self._dns(table), *(chosen.build() for chosen in table.rules)]),
            self._accounts,
            self._store(table),
            self._reactor,
        )

    def close(self) -> Deferred[None]:
        """
        Everybody has left: look nobody up any more, and end with the penalties.

        @return: fires when that is done.
        """
        return Deferred.fromCoroutine(self._closed())

    async def _closed(self) -> None:
        for resolver in self._resolvers.values():
            resolver.close()
        for store in self._penalties.values():
            await store.close()

    def _dns(self, table: AdmissionTable) -> list[Any]:
        if table.dns == "off":
            return []
        resolver = self._resolvers.get(table.dns_servers)
        if resolver is None:
            servers = [(server.address, server.port) for server in table.dns_servers]
            self._resolvers[table.dns_servers] = resolver = reverseDns(servers, self._reactor)
        rule = DnsRule(
            resolver,
            Mode(table.dns),
            table.dns_exempt,
            table.dns_suffixes,
            OnTimeout(table.dns_timeout),
            table.dns_sentence or SENTENCE,
        )
        return [rule]

    def _store(self, table: AdmissionTable) -> IPenaltyStore | None:
        if table.penalties == "off":
            return None
        exempt = table.penalty_exempt
        if exempt not in self._penalties:
            store = MemoryPenalties(PenaltyRules(exempt=exempt))
            store.open(self._reactor)
            self._penalties[exempt] = store
        return self._penalties[exempt]
