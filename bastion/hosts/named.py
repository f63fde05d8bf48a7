"""
A host that a user names beside the account: C{johnson%rnice8-1902} (pure).
"""

from __future__ import annotations

from collections.abc import Sequence

from bastion.interfaces import BastionError, HostAddress
from bastion.wire import shown

#: Of a name in a sentence, in characters.
_SHOWN = 64


class NoSuchHost(BastionError):
    """
    The user has named a host that is none of the cluster's.  The text is for the user.
    """


def split(login: bytes, separator: str) -> tuple[bytes, bytes | None]:
    """
    Take a login apart.

    @param login: as the client sends it.
    @param separator: one character; empty where users name no hosts.
    @return: the account, and what the host is called, if it is.
    """
    if not separator:
        return login, None
    account, found, name = login.rpartition(separator.encode())
    return (account, name) if found else (login, None)


def hostNamed(name: bytes, hosts: Sequence[HostAddress]) -> HostAddress:
    """
    The host of that name: as the configuration writes it, or its first label if only
    one host has it.

    @raise NoSuchHost: when there is none, or more than one.
    """
    wanted = shown(name, _SHOWN).lower()
    exact = [host for host in hosts if wanted in (str(host).lower(), host.name.lower())]
    short = [host for host in hosts if wanted == host.name.lower().partition(".")[0]]
    fitting = exact or short
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NoSuchHost(f"More than one host is called {wanted}; write its full name.")
    raise NoSuchHost(f"There is no host {wanted} here.")
