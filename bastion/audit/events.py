"""
The catalogue of events, and the log that is bound to one connection.

Sinks are C{twisted.logger.ILogObserver}s on a publisher of our own, so that
nothing of the audit log depends on how the operator's log is set up.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from attrs import define, field
from twisted.logger import (
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogPublisher,
    globalLogPublisher,
)
from zope.interface import implementer

from bastion.interfaces import BastionError

#: The name of each event, and how the operator reads it.
CATALOGUE: Mapping[str, str] = {
    "connection.opened": "{source} connected to {gateway} [{reference}]",
    "connection.refused": "{source} was turned away from {gateway}: {reason} [{reference}]",
    "admission.reported": "{source} would be refused by {gateway}: {reason} [{reference}]",
    "penalty.began": "{whom} has to wait at {gateway} for {kinds} [{reference}]",
    "penalty.lifted": "{whom} need not wait any longer for {kinds}: user {uid} wants it so",
    "host.refused": "{host} of {gateway} is passed over: {reason} [{reference}]",
    "host.unavailable": "{gateway} has no host for {account}: {reason} [{reference}]",
    "host.changed": "{host} of cluster {cluster} is {state}: {reason}",
    "login.accepted": "{account} from {source} logged in to {host} by {method} [{reference}]",
    "login.refused": "{account} from {source} was refused: {reason} [{reference}]",
    "channel.opened": "{account} opened {type} on {host} [{reference}]",
    "channel.refused": "{account} may not have {type} on {host}: {reason} [{reference}]",
    "connection.closed": "{source} left {gateway} after {duration} s: {reason} [{reference}]",
}

_NAMESPACE = "bastion.audit"
_operatorLog = Logger(namespace=_NAMESPACE)


class _Told(dict[str, Any]):
    """
    The fields of an event; one that is not known is empty.
    """

    def __missing__(self, name: str) -> str:
        return ""


@define
class ConnectionLog:
    """
    The events of one connection.

    @ivar publisher: where they go.
    @ivar bound: the fields that each of them has; grows as more is known.
    """

    publisher: LogPublisher
    bound: dict[str, Any] = field(factory=dict)

    def bind(self, **fields: Any) -> None:
        """
        Give all events from now on these fields too.
        """
        self.bound.update(fields)

    def event(self, name: str, **fields: Any) -> None:
        """
        Publish one event.

        @param name: a key of L{CATALOGUE}.
        @param fields: strings, numbers, and lists of them.
        """
        told = {**self.bound, **fields}
        text = CATALOGUE[name].format_map(_Told(told))
        # What a Logger would publish; it takes a tenth of a login's time over its own
        # bookkeeping, and Twisted's formatter another one over fields, which a text that is
        # complete has none of.
        self.publisher(
            {
                **told,
                "event": name,
                "fields": told,
                "log_flattened": {},
                "log_format": text.replace("{", "{{").replace("}", "}}"),
                "log_level": LogLevel.info,
                "log_namespace": _NAMESPACE,
                "log_time": time.time(),
            }
        )


class AuditLogUnusable(BastionError):
    """
    The audit log cannot be written.  The text says which file, and why.
    """


@implementer(ILogObserver)
class JSONLines:
    """
    A sink that appends each event to a file as one line of JSON.

    The file is opened anew when it was moved away, so that it can be rotated
    from outside without telling anybody.
    """

    def __init__(self, path: Path) -> None:
        """
        @raise AuditLogUnusable: when it cannot be opened.
        """
        self._path = os.fspath(path)
        self._file = self._open()

    def _open(self) -> TextIO:
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o640)
        except OSError as error:
            raise AuditLogUnusable(f"{self._path}: {error.strerror}") from None
        self._opened = os.fstat(descriptor)
        # One write for each line: a line is never torn by another process's.
        return io.TextIOWrapper(io.FileIO(descriptor, "a"), encoding="ascii", write_through=True)

    def __call__(self, event: Mapping[str, Any]) -> None:
        """
        Write one event.
        """
        if self._moved():
            moved, self._file = self._file, self._open()
            moved.close()
        line = {"time": _timestamp(event["log_time"]), "event": event["event"], **event["fields"]}
        self._file.write(json.dumps(line, ensure_ascii=True) + "\n")

    def _moved(self) -> bool:
        try:
            there = os.stat(self._path)
        except OSError:
            return True
        return not os.path.samestat(there, self._opened)

    def close(self) -> None:
        """
        Close the file; no event may follow.
        """
        self._file.close()


def _timestamp(seconds: float) -> str:
    """
    RFC 3339 in UTC with milliseconds.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@implementer(ILogObserver)
class OperatorLog:
    """
    A sink that passes each event to the operator's log, readable.
    """

    def __call__(self, event: LogEvent) -> None:
        """
        Write one event, or say which other sink cannot.
        """
        if "event" not in event:
            problem = event["log_failure"].getErrorMessage()
            _operatorLog.critical("an event could not be recorded: {problem}", problem=problem)
            return
        globalLogPublisher(event)
