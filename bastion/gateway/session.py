"""
The session that a login becomes, and what it may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime

from bastion.admission.counts import Channels
from bastion.admission.sources import addressOf
from bastion.config.policies import PolicyTable, policyFor
from bastion.config.schema import GatewayTable
from bastion.interfaces import Login
from bastion.relay.allowance import UNLIMITED, Allowance
from bastion.relay.channels import MAX_CHANNELS
from bastion.relay.coupling import Coupling
from bastion.relay.endings import Endings, Limits
from bastion.relay.pair import Observer, Relay
from bastion.relay.permissions import Permissions
from bastion.relay.session import SessionAdapter
from bastion.relay.shaping import Shaping
from bastion.ssh.transport import Transport


class SessionRules:
    """
    What the sessions of one gateway may, and the bandwidth and the channels that they share.
    """

    def __init__(
        self,
        gateway: GatewayTable,
        tables: Sequence[PolicyTable],
        policies: Sequence[Any],
        clock: IReactorTime,
    ) -> None:
        """
        @param tables: all there are; the first one that fits a login decides.
        @param policies: the gateway's extensions, which may refuse more.
        """
        self.clock = clock
        self._gateway = gateway.name
        self._tables = tables
        self._policies = policies
        self._shaping = Shaping(gateway.bandwidth, clock)
        table = gateway.admission
        self._channels = Channels(
            table.max_channels, table.per_source_channels, table.per_account_channels
        )

    def relay(self, login: Login, observer: Observer) -> tuple[Relay, Limits]:
        """
        What is between the two ends of a new session, and how long it may last.
        """
        table = policyFor(self._tables, self._gateway, login.account)
        policies, limits, rate, most = self._policies, Limits(), 0, MAX_CHANNELS
        if table is not None:
            policies = [Permissions(table), *policies]
            limits = Limits(table.idle_limit, table.duration_limit)
            rate, most = table.bandwidth, table.max_channels
        share = self._shaping.join(login.account, rate)
        speaks = bool(policies) or limits != Limits()
        adapter = SessionAdapter(policies, login)
        return Relay(adapter, observer, speaks, share, most, self._allowance(login)), limits

    def _allowance(self, login: Login) -> Allowance:
        return self._channels.allowance(addressOf(login.source), login.account) or UNLIMITED


class Session:
    """
    A relayed session.

    @ivar relay: what is between its two ends.
    """

    def __init__(
        self,
        rules: SessionRules,
        login: Login,
        observer: Observer,
        client: Transport,
        host: Transport,
        end: Callable[[str, str], None],
    ) -> None:
        """
        @param end: ends the connection: a reason for the log, a sentence for the user.
        """
        self.relay, limits = rules.relay(login, observer)
        self._coupling = Coupling(self.relay, client, host, rules.clock)
        self._endings = Endings(limits, self.moved, self.relay.teller.tellAll, end, rules.clock)
        self._endings.start()

    def settle(self) -> None:
        """
        A transport has begun or ended to exchange keys.
        """
        self._coupling.settle()

    def moved(self) -> int:
        """
        How many bytes of data it has moved, both ways.
        """
        return self.relay.client.received + self.relay.host.received

    def stop(self) -> None:
        """
        It is over.
        """
        self._coupling.remove()
        self._endings.stop()
        self.relay.windows.leave()
        self.relay.channels.leave()
