"""
What there is of connections in memory, by the garbage collector.
"""

from __future__ import annotations

import gc
from collections import Counter

from bastion.auth.client import UserAuthClient
from bastion.auth.exchange import Exchange
from bastion.auth.server import UserAuthServer
from bastion.gateway.lifecycle import Connection
from bastion.relay.connection import Side
from bastion.relay.coupling import Coupling
from bastion.relay.pair import Relay
from bastion.ssh.client import ClientTransport
from bastion.ssh.server import ServerTransport

#: What a connection consists of.
_PARTS = {
    *(Connection, ServerTransport, ClientTransport),
    *(UserAuthServer, UserAuthClient, Exchange),
    *(Relay, Side, Coupling),
}


def parts() -> dict[int, str]:
    """
    What there is of any connection: identities, and names of classes.
    """
    return {id(each): type(each).__name__ for each in gc.get_objects() if type(each) in _PARTS}


def partsBeside(before: dict[int, str]) -> dict[str, int]:
    """
    How many there are of each class, of those that nobody lets go of and that were not
    there before.
    """
    gc.collect()
    return dict(Counter(kind for each, kind in parts().items() if each not in before))
