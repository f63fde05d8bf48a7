"""
What a bastion writes down, as it does in a process of its own: the audit log and the
operator's log, which has everything at level C{debug} in it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.logger import globalLogPublisher, textFileLogObserver

from bastion.admin import screens
from bastion.admin.tables import Screen
from bastion.audit.events import JSONLines, OperatorLog
from bastion.gateway.operations import RunningBastion

#: A line of either log is not longer than that, and a field of an event not than that, in
#: characters.
LONGEST_LINE, LONGEST_FIELD = 4096, 1024

_SEEN = re.compile(r"[ -~]*")


class Records:
    """
    What a site in memory writes down.

    @ivar site: the site.
    @ivar directory: where its files are.
    """

    def __init__(self, site: Any, directory: Path) -> None:
        self.site = site
        self.directory = directory
        self._audit = directory / "audit.jsonl"
        self._sink = JSONLines(self._audit)
        self._text = io.StringIO()
        self._observer = textFileLogObserver(self._text)
        self._publisher, self._operator = site.factory.gateway.publisher, OperatorLog()
        self._publisher.addObserver(self._sink)
        self._publisher.addObserver(self._operator)
        globalLogPublisher.addObserver(self._observer)

    def close(self) -> None:
        """
        Write nothing down any more.
        """
        globalLogPublisher.removeObserver(self._observer)
        self._publisher.removeObserver(self._operator)
        self._publisher.removeObserver(self._sink)
        self._sink.close()

    @property
    def text(self) -> str:
        """
        The operator's log.
        """
        return self._text.getvalue()

    @property
    def audit(self) -> bytes:
        """
        The audit log.
        """
        return self._audit.read_bytes()

    def lines(self) -> int:
        """
        How many lines the larger log has.
        """
        return max(self.text.count("\n"), self.audit.count(b"\n"))

    def events(self) -> list[dict[str, Any]]:
        """
        The lines of the audit log.
        """
        return [json.loads(line) for line in self.audit.split(b"\n")[:-1]]

    def screen(self, width: int | None = None) -> list[str]:
        """
        What C{bastionctl} shows of connections and waiting times.
        """
        factory, seen = self.site.factory, Screen(width)
        running = RunningBastion({"esrf": factory}, {}, self.site.clock)
        waiting: list[Any] = []
        running.penalties().addCallback(waiting.extend)
        lines = screens.connectionsLines(running.connections(), seen)
        return lines + screens.penaltiesLines(waiting, seen, lifted=False)

    def check(self) -> None:
        """
        See that every event is one line of either log, and that whatever shows a line or a
        field of it does nothing but print.
        """
        events, lines = self.events(), self.text.split("\n")
        assert lines.pop() == ""
        assert len(lines) == len(events) == len(self.site.events)
        for line in (*lines, *self.audit.decode("ascii").split("\n"), *self.screen()):
            assert _SEEN.fullmatch(line), line
            assert len(line) <= LONGEST_LINE
        for event in events:
            for text in _texts(event):
                assert _SEEN.fullmatch(text), text
                assert len(text) <= LONGEST_FIELD


def _texts(value: Any) -> Iterator[str]:
    """
    The texts in the fields of an event.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
