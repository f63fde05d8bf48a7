"""
Which host an operator means (pure).
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from bastion.config.addresses import hostAddress
from bastion.config.problems import quoted
from bastion.gateway.control import HostStatus, NotFound
from bastion.interfaces import BastionError, HostAddress

#: How many hosts a sentence lists.
_LISTED = 20


class Ambiguous(BastionError):
    """
    More than one host has that name.  The text lists them.
    """


def hostCalled(name: str, hosts: Sequence[HostStatus]) -> HostStatus:
    """
    The one host of that name.

    @param name: a host as the configuration has it, the same without its port, or its
        first label; the most exact of these counts.
    @raise NotFound: when there is none.
    @raise Ambiguous: when there are more.
    """
    wanted = _address(name)
    named = [(_address(host["host"]), host) for host in hosts]
    fitting = (
        [host for address, host in named if address == wanted]
        or [host for address, host in named if address.name == name.lower().strip("[]")]
        or [host for address, host in named if _firstLabel(address) == name.lower()]
    )
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise NotFound(f"there is no host {quoted(name)}; {_choices(name, hosts)}")
    clusters = {host["cluster"] for host in fitting}
    remedy = "say which with --cluster" if len(clusters) > 1 else "write the full name"
    raise Ambiguous(f"{quoted(name)} can be {_listed(_full(fitting))}; {remedy}")


def _address(text: str) -> HostAddress:
    try:
        return hostAddress(text)
    except ValueError:
        # What is no address is not that of a host either.
        return HostAddress(text.lower(), 0)


def _firstLabel(address: HostAddress) -> str:
    name = address.name
    # An address literal has no labels.
    isLiteral = ":" in name or name.rpartition(".")[2].isdigit()
    return "" if isLiteral else name.partition(".")[0]


def _choices(name: str, hosts: Sequence[HostStatus]) -> str:
    known = list(dict.fromkeys(host["host"] for host in hosts))
    if len(known) > _LISTED:
        known.sort(key=lambda each: -SequenceMatcher(None, name.lower(), each).ratio())
    return f"there are: {_listed(known)}" if known else "there are none"


def _full(hosts: Sequence[HostStatus]) -> list[str]:
    return [f"{host['host']} of {host['cluster']}" for host in hosts]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
