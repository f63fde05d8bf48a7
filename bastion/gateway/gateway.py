"""
What all connections of one gateway share.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from attrs import field, frozen
from twisted.conch.ssh.keys import Key
from twisted.cred.portal import Portal
from twisted.internet.interfaces import IReactorTime
from twisted.logger import LogPublisher

from bastion.audit.events import ConnectionLog
from bastion.auth.client import UserAuthClient
from bastion.config.schema import GatewayTable
from bastion.gateway.session import SessionRules
from bastion.ssh.terms import Terms
from bastion.upstream.ready import ReadyConnections
from bastion.upstream.site import Site

# Without those that are taken for one another when read aloud or from a screen.  There are
# 32: each byte names one, and all of them as often.
_ALPHABET = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LETTERS = 8 * _ALPHABET


@frozen
class Gateway:
    """
    What all connections of one gateway share.

    @ivar table: its configuration.
    @ivar site: the way to its cluster's hosts; L{None} for a notice.
    @ivar portal: decides about logins.
    @ivar rules: what its sessions may.
    @ivar hostKeys: its own, by key format.
    @ivar terms: how its leg is spoken.
    @ivar publisher: where events go.
    @ivar clock: where the time limits come from.
    @ivar ready: what is ready of the way to a host before it is needed.
    """

    table: GatewayTable
    site: Site | None
    portal: Portal
    rules: SessionRules
    hostKeys: Mapping[bytes, Key] = field(repr=False)
    terms: Terms
    publisher: LogPublisher
    clock: IReactorTime
    ready: ReadyConnections | None = field(init=False, repr=False)

    @ready.default
    def _ready(self) -> ReadyConnections | None:
        if self.site is None:
            return None
        return ReadyConnections(self.site, self.site.ready, UserAuthClient)

    def newLog(self, source: str) -> ConnectionLog:
        """
        The log of a new connection, with a short reference that a user can
        read to an operator over the telephone.
        """
        reference = os.urandom(6).translate(_LETTERS).decode()
        bound = {"reference": reference, "gateway": self.table.name, "source": source}
        return ConnectionLog(self.publisher, bound)
