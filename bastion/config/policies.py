"""
The tables of session policies: C{[policy.NAME]}; see L{bastion.config.schema}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from bastion.config.accounts import pattern
from bastion.config.destinations import Destination, destination
from bastion.config.named import gatewayName
from bastion.config.problems import quoted
from bastion.config.readers import Draft, Place, Reader, each, key, one
from bastion.config.values import (
    Parser,
    durationBetween,
    found,
    rateBetween,
    sentence,
    text,
    wholeNumber,
)

T = TypeVar("T")

#: That a bandwidth can be, of a gateway or of an account.
BANDWIDTH = rateBetween("1MiB/s", "100GiB/s", off=True)
_LIMIT = durationBetween("1m", "30d", off=True)
#: Of a pattern, in characters.
_LONGEST = 1024


@frozen
class Permitted(Generic[T]):
    """
    What a key lets pass that is C{true}, C{false} or a list.

    @ivar all: whether everything may.
    @ivar patterns: what may where not everything does.
    """

    all: bool
    patterns: tuple[T, ...] = ()


ALL: Permitted[Any] = Permitted(True)


def permitted(parse: Parser[T], example: str) -> Reader:
    """
    A reader of C{true}, C{false} or a list of what may pass.
    """
    readEach = each(parse, example)

    def read(value: object, place: Place) -> Any:
        if isinstance(value, bool):
            return Permitted(value)
        if not isinstance(value, list):
            needed = f"true, false, or a list such as {example}"
            return place.note(f"found {found(value)}; write {needed}")
        return Permitted(False, readEach(value, place))

    return read


def boolean(value: object) -> bool:
    """
    C{true} or C{false}.
    """
    if not isinstance(value, bool):
        raise ValueError(f"found {found(value)}; write true or false, without quotes")
    return value


def _bounded(value: object, needed: str) -> str:
    given = text(value, needed)
    if len(given) > _LONGEST:
        raise ValueError(f"{quoted(given)} has more than {_LONGEST} characters; write fewer")
    return given


def command(value: object) -> str:
    """
    A pattern of commands.
    """
    return _bounded(value, 'a command, or a pattern with "*" and "?" such as "scp -t *"')


def subsystem(value: object) -> str:
    """
    The name of a subsystem.
    """
    needed = 'the name of a subsystem, such as "sftp"'
    given = _bounded(value, needed)
    if "*" in given or "?" in given:
        raise ValueError(f"{quoted(given)} is a pattern; write {needed}, or true for all")
    return given


def socketPath(value: object) -> str:
    """
    A pattern of paths.
    """
    needed = 'a path from "/", or a pattern with "*" and "?" such as "/run/user/*"'
    given = _bounded(value, needed)
    if given[0] not in "/*" or ".." in given.split("/"):
        raise ValueError(f"{quoted(given)} fits no path that is allowed; write {needed}")
    return given


def variable(value: object) -> str:
    """
    A pattern of the names of environment variables.
    """
    needed = 'the name of a variable, or a pattern with "*" and "?" such as "LC_*"'
    given = _bounded(value, needed)
    if "=" in given or " " in given:
        raise ValueError(f"{quoted(given)} is no name; write {needed}")
    return given


def _words(value: object) -> str:
    return "" if value == "" else sentence(value)


_FLAG = key(one(boolean))


@frozen(kw_only=True)
class PolicyTable:
    """
    C{[policy.NAME]}: what the sessions of some accounts may do.  The first table that
    fits a login decides; where none fits, everything may be done.

    @ivar gateways: the names of those that it is about; L{None} for all.
    @ivar accounts: patterns of those that it is about, with C{*} and C{?}.
    @ivar pty: whether a session may have a terminal.
    @ivar shell: whether a session may be a shell.
    @ivar exec: the commands that may run.
    @ivar subsystems: those that may be used, by name.
    @ivar agent: whether the client's agent may be forwarded.
    @ivar x11: whether the client's display may be forwarded.
    @ivar local_forwarding: what the client may be connected to by the host.
    @ivar remote_forwarding: where the host may listen for the client.
    @ivar streamlocal_forwarding: the sockets of the host, both ways, by path.
    @ivar tunnel: whether there may be a network device.
    @ivar env: the variables of the environment that a client may set, by name.
    @ivar other: whether what none of these is about may pass.
    @ivar max_channels: how many channels a connection may have at a time: sessions,
        forwarded connections, and what else there is.
    @ivar idle_limit: after how long without data a connection ends, in seconds; 0 for
        never.
    @ivar duration_limit: after how long a connection ends, in seconds; 0 for never.
    @ivar bandwidth: of all sessions of one account at a gateway, each way, in bytes per
        second; 0 for any.
    @ivar sentence: added to each refusal; empty for nothing.
    """

    name: str
    gateways: tuple[str, ...] | None = field(
        default=None, metadata=key(each(gatewayName, '["esrf"]', least=1))
    )
    accounts: tuple[str, ...] = field(
        default=("*",), metadata=key(each(pattern, '["in*"]', least=1))
    )
    pty: bool = field(default=True, metadata=_FLAG)
    shell: bool = field(default=True, metadata=_FLAG)
    exec: Permitted[str] = field(default=ALL, metadata=key(permitted(command, '["scp -t *"]')))
    subsystems: Permitted[str] = field(default=ALL, metadata=key(permitted(subsystem, '["sftp"]')))
    agent: bool = field(default=True, metadata=_FLAG)
    x11: bool = field(default=True, metadata=_FLAG)
    local_forwarding: Permitted[Destination] = field(
        default=ALL, metadata=key(permitted(destination, '["db.example.org:5432"]'))
    )
    remote_forwarding: Permitted[Destination] = field(
        default=ALL, metadata=key(permitted(destination, '["localhost:*"]'))
    )
    streamlocal_forwarding: Permitted[str] = field(
        default=ALL, metadata=key(permitted(socketPath, '["/run/user/*"]'))
    )
    tunnel: bool = field(default=True, metadata=_FLAG)
    env: Permitted[str] = field(default=ALL, metadata=key(permitted(variable, '["LANG", "LC_*"]')))
    other: bool = field(default=True, metadata=_FLAG)
    max_channels: int = field(default=256, metadata=key(one(wholeNumber(1, 256))))
    idle_limit: float = field(default=0.0, metadata=key(one(_LIMIT)))
    duration_limit: float = field(default=0.0, metadata=key(one(_LIMIT)))
    bandwidth: int = field(default=0, metadata=key(one(BANDWIDTH)))
    sentence: str = field(default="", metadata=key(one(_words)))

    def fits(self, gateway: str, account: str) -> bool:
        """
        Whether the table is about a login.
        """
        if self.gateways is not None and gateway not in self.gateways:
            return False
        return any(fnmatchcase(account, each) for each in self.accounts)


def policyFor(tables: Sequence[PolicyTable], gateway: str, account: bytes) -> PolicyTable | None:
    """
    The table that decides about a login; L{None} when none is about it.

    @param account: as the client sent it.
    """
    name = account.decode("utf-8", "surrogateescape")
    return next((table for table in tables if table.fits(gateway, name)), None)


def policyTables(drafts: Mapping[str, Draft]) -> tuple[PolicyTable, ...]:
    """
    Make the tables of what could be read without a problem.
    """
    return tuple(PolicyTable(name=name, **draft.values) for name, draft in drafts.items())
