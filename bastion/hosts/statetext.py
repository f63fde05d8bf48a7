"""
What the embedded store keeps across a restart, as text (pure).

The text is JSON, a line for each entry::

    {"version": 1, "written": 1795600000.5,
    "admin": [
    ["nice", "nice1.example.org", 22, "drain", 1795599000.0, "new disks", ""]],
    "hosts": [
    ["nice2.example.org", 22]],
    "sticky": [
    ["nice", "johnson", 0, 1795628801]]}

An administrative state is cluster, host, port, state, since, reason and the base64 of
the key that was offered.  A sticky entry is cluster, key, the number of the host among
the C{hosts}, and when it is over.  Keys are bytes: each is written as the character of
its number.  Times are seconds since 1970.

That clocks are set must not make entries live for ever: what was left of an entry when
the text was written is the most that it has when the text is read.  A clock that was
set back meanwhile adds nothing; one that was set forward takes that much away.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, TypeVar

from attrs import field, frozen

from bastion.hosts.sticktable import Stays
from bastion.interfaces import BastionError, HostAddress
from bastion.state import LATEST, AdminState

T = TypeVar("T")

VERSION = 1
#: In bytes; a hundred thousand accounts take a quarter of it.
LARGEST_TEXT = 16 * 1024 * 1024

_LARGEST_PORT = 65535


class Damaged(BastionError):
    """
    This is not a text that L{written} has made.  The error says where it is wrong,
    without quoting it.
    """


@frozen
class Kept:
    """
    What is kept across a restart.

    @ivar admin: administrative states, by cluster and host.
    @ivar sticky: what the stick tables of the clusters hold, by cluster.
    """

    admin: Mapping[tuple[str, HostAddress], AdminState] = field(factory=dict)
    sticky: Mapping[str, Stays] = field(factory=dict, repr=False)


# Writing


def written(kept: Kept, now: float) -> bytes:
    """
    The text.  Sticky entries that would make it too large are left out.

    @param now: seconds since 1970.
    """
    admin = [_adminLine(*place, state) for place, state in kept.admin.items()]
    every = dict.fromkeys(host for stays in kept.sticky.values() for host in stays.hosts)
    numbers = {host: number for number, host in enumerate(every)}
    hosts = [f"[{_quoted(host.name)}, {host.port}]" for host in numbers]
    head = (
        f'{{"version": {VERSION}, "written": {now!r},\n"admin": [{_lines(admin)}],\n'
        f'"hosts": [{_lines(hosts)}],\n"sticky": ['
    )
    room = LARGEST_TEXT - len(head)
    return f"{head}{_lines(_fitting(_stickyLines(kept, numbers, now), room))}]}}\n".encode("ascii")


def _lines(lines: Iterable[str]) -> str:
    text = ",\n".join(lines)
    return f"\n{text}" if text else ""


def _adminLine(cluster: str, host: HostAddress, state: AdminState) -> str:
    key = base64.b64encode(state.key).decode()
    line = [cluster, host.name, host.port, state.state, state.since, state.reason, key]
    return json.dumps(line)


def _stickyLines(kept: Kept, numbers: Mapping[HostAddress, int], now: float) -> Iterator[str]:
    for cluster, stays in kept.sticky.items():
        start = f"[{_quoted(cluster)}, "
        for key, host, left in zip(*stays, strict=True):
            if left > 0:
                # Rounded up: an entry lasts as long as was promised.
                until = math.ceil(min(now + left, LATEST))
                yield f"{start}{_quoted(key.decode('latin-1'))}, {numbers[host]}, {until}]"


def _fitting(lines: Iterable[str], room: int) -> Iterator[str]:
    for line in lines:
        room -= len(line) + 2
        if room < len("]}\n"):
            return
        yield line


# Reading


def read(text: bytes, now: float) -> Kept:
    """
    What a text keeps, without what is over.

    @param now: seconds since 1970.
    @raise Damaged: when it is not one.
    """
    whole = _parsed(text)
    _checkShape(whole)
    try:
        since = max(_time(whole["written"]), now)
    except ValueError:
        raise Damaged("'written' is not a time") from None
    admin = _each(whole["admin"], "admin", _admin)
    if len(dict(admin)) < len(admin):
        raise Damaged("it has two administrative states of one host")
    hosts = _each(whole["hosts"], "hosts", _host)
    sticky: dict[str, Stays] = {}
    for cluster, key, host, left in _each(whole["sticky"], "sticky", _sticky(hosts, since)):
        if left > 0:
            stays = sticky.setdefault(cluster, Stays([], [], []))
            stays.keys.append(key)
            stays.hosts.append(host)
            stays.left.append(left)
    return Kept(dict(admin), sticky)


def _parsed(text: bytes) -> Any:
    if len(text) > LARGEST_TEXT:
        raise Damaged(f"it is larger than {LARGEST_TEXT} bytes")
    try:
        return json.loads(
            text.decode("ascii"), parse_constant=_noNumber, object_pairs_hook=_withoutDuplicates
        )
    except UnicodeDecodeError:
        raise Damaged("it holds bytes that are not ASCII") from None
    except json.JSONDecodeError as error:
        raise Damaged(f"it is not JSON (line {error.lineno}: {error.msg})") from None
    except ValueError:
        raise Damaged("it holds a number that is too long") from None
    except RecursionError:
        raise Damaged("it is nested too deeply") from None


def _noNumber(name: str) -> Any:
    raise Damaged("it holds something that is not a number")


def _withoutDuplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Damaged("it holds the same name twice")
    return found


def _checkShape(whole: Any) -> None:
    if not isinstance(whole, dict) or "version" not in whole:
        raise Damaged("it is not the state of a bastion")
    if type(whole["version"]) is not int or whole["version"] != VERSION:
        raise Damaged("it was written by another version of the bastion")
    if whole.keys() != {"version", "written", "admin", "hosts", "sticky"}:
        raise Damaged("something is missing in it, or added to it")


def _each(entries: Any, where: str, parse: Callable[[Any], T]) -> list[T]:
    if not isinstance(entries, list):
        raise Damaged(f"{where!r} is not a list")
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(parse(entry))
        except (TypeError, ValueError):
            raise Damaged(f"entry {number} of {where!r} is wrong") from None
    return found


def _admin(entry: Any) -> tuple[tuple[str, HostAddress], AdminState]:
    cluster, name, port, state, since, reason, key = entry
    offered = base64.b64decode(_text(key), validate=True)
    known = AdminState(_text(state), _time(since), _text(reason), offered)
    return (_text(cluster), _host([name, port])), known


def _sticky(
    hosts: Sequence[HostAddress], since: float
) -> Callable[[Any], tuple[str, bytes, HostAddress, float]]:
    def parse(entry: Any) -> tuple[str, bytes, HostAddress, float]:
        cluster, key, number, until = entry
        host = hosts[_whole(number, 0, len(hosts) - 1)]
        left = _whole(until, 0, LATEST) - since
        return _text(cluster), _text(key).encode("latin-1"), host, left

    return parse


def _host(entry: Any) -> HostAddress:
    name, port = entry
    return HostAddress(_text(name), _whole(port, 1, _LARGEST_PORT))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= LATEST:
        raise ValueError
    return float(value)
