"""
The hosts of a cluster: the key C{hosts}.

In the file that is a list of names, of ranges of names, and of tables for hosts
that are not like the others::

    hosts = ["nice[1-4].example.org", { host = "big.example.org", weight = 4 }]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from bastion.config.addresses import hostAddress
from bastion.config.problems import quoted
from bastion.config.ranges import writtenOut
from bastion.config.readers import UNREAD, Place, key, listOf, one, readTable
from bastion.config.values import wholeNumber
from bastion.interfaces import HostAddress

#: That a cluster has at most, once its ranges are written out.
MOST_HOSTS = 1000
#: That a limit of sessions can be; 0 is none.
MOST_SESSIONS = 1_000_000
EXAMPLE = '["login.example.org"]'


@frozen
class HostTable:
    """
    One host of a cluster; all that a range stands for have one each.

    @ivar weight: how much of the work it gets beside the others.
    @ivar max_sessions: the most sessions that it gets, 0 for any number; L{None} for
        as many as the cluster says.
    """

    address: HostAddress
    weight: int = 1
    max_sessions: int | None = None


def hostAddresses(value: object) -> tuple[HostAddress, ...]:
    """
    A target of a cluster, or several, in the form of a range.
    """
    if not isinstance(value, str):
        return (hostAddress(value),)
    names = writtenOut(value, MOST_HOSTS)
    if names == (value,):
        return (hostAddress(value),)
    try:
        return tuple(map(hostAddress, names))
    except ValueError as error:
        raise ValueError(f"{quoted(value)}: {error}") from None


@frozen(kw_only=True)
class _Item:
    """
    A table of the list, as the file has it.
    """

    host: tuple[HostAddress, ...] = field(
        metadata=key(one(hostAddresses), example='"login.example.org"')
    )
    weight: int = field(default=1, metadata=key(one(wholeNumber(1, 1000))))
    max_sessions: int | None = field(default=None, metadata=key(one(wholeNumber(0, MOST_SESSIONS))))


@frozen
class _Read:
    """
    An item of the list that could be read.

    @ivar written: what the file calls the host.
    """

    written: str
    hosts: tuple[HostTable, ...]


def hostList(value: object, place: Place) -> Any:
    """
    Read the hosts of a cluster, at least one.

    @return: a tuple of L{HostTable}.
    """
    items = listOf(value, EXAMPLE, 1, place)
    if items is UNREAD:
        return UNREAD
    read = [each for each in (_item(item, place) for item in items) if each is not None]
    _noteTwice(read, place)
    hosts = tuple(host for each in read for host in each.hosts)
    if len(hosts) > MOST_HOSTS:
        return place.note(
            f"the list stands for {len(hosts)} hosts; a cluster has at most {MOST_HOSTS}: "
            "write fewer, or make two clusters"
        )
    return hosts


def _item(item: object, place: Place) -> _Read | None:
    """
    Read one item; in a path, the name of the host stands between the list's key and
    the table's.
    """
    if not isinstance(item, dict):
        addresses = one(hostAddresses)(item, place)
        if addresses is UNREAD:
            return None
        return _Read(str(item), tuple(map(HostTable, addresses)))
    written = item.get("host")
    here = place.below(written) if isinstance(written, str) else place
    before = len(place.noted)
    draft = readTable(_Item, item, here)
    if len(place.noted) > before:
        return None
    table = _Item(**draft.values)
    hosts = (HostTable(each, table.weight, table.max_sessions) for each in table.host)
    return _Read(str(written), tuple(hosts))


def _noteTwice(items: Sequence[_Read], place: Place) -> None:
    """
    Note the hosts that are there more than once, and in which two items; for each two
    one problem, however many hosts they share.
    """
    owners: dict[HostAddress, int] = {}
    shared: dict[tuple[int, int], list[HostAddress]] = {}
    for number, item in enumerate(items):
        for host in item.hosts:
            if host.address in owners:
                shared.setdefault((owners[host.address], number), []).append(host.address)
            else:
                owners[host.address] = number
    for (first, second), addresses in shared.items():
        place.note(_twice(items[first], items[second], addresses))


def _twice(first: _Read, second: _Read, addresses: Sequence[HostAddress]) -> str:
    if first is not second and first.written == second.written:
        return f"{quoted(first.written)} is listed twice; leave one out"
    which = quoted(str(addresses[0]))
    which += f" and {len(addresses) - 1} more are" if len(addresses) > 1 else " is"
    if first is second:
        return f"{which} twice in {quoted(first.written)}; leave one out"
    return f"{which} in {quoted(first.written)} and in {quoted(second.written)}; leave one out"
