"""
What must be so after every test, whatever it was about.

The names, for a test that has to break one (C{@pytest.mark.breaks(NAME, reason=...)}):

C{ended}
    No socket is open but those that listen, and those that are kept ready for a login;
    and the bastion knows of no connection.
C{accounted}
    Each TCP connection that a port has accepted is recorded, as opened or as refused.
C{closed}
    Each connection that is recorded as opened is recorded as closed, once.
C{process}
    The process is the one that was there before; one that the test has started has
    ended as it was told to.
C{identity}
    Whoever has logged in by the audit log was let in by that host under that name, as
    far as the hosts say it.
C{secret}
    No password is in the log, in the audit log or in any other file of the bastion's.
C{log}
    No traceback is in the log, and nothing that nobody has handled.

What was sent is compared with what arrives by the tests that move data.
"""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from attrs import define, field

from harness.control import Control
from harness.gateway import Gateway, started
from harness.waiting import until

_TROUBLE = re.compile(r"^.*(?:Traceback|Unhandled|CRITICAL).*$", re.MULTILINE)
#: Longer than any password.
_OVERLAP = 1024
#: How much is shown of a log.
_SHOWN = 4000
_GOOD_ENDS = (0, -signal.SIGTERM, None)

_Looks = dict[str, Callable[[], Iterable[str]]]


@define(eq=False)
class _Watched:
    """
    A bastion at one moment, to be compared with a later one.

    @ivar new: whether it was not there yet.
    """

    gateway: Gateway
    new: bool
    _ran: bool = field(init=False)
    _starts: int = field(init=False)
    _ends: int = field(init=False)
    _sizes: dict[Path, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        gateway = self.gateway
        self._ran = gateway.server.running and not self.new
        self._starts, self._ends = (0, 0) if self.new else (len(gateway.pids), len(gateway.ends))
        grow = (gateway.server.log, gateway.books.accepted, gateway.books.audit)
        self._sizes = {path: 0 if self.new else self._size(path) for path in grow}

    @staticmethod
    def _size(path: Path) -> int:
        return path.stat().st_size if path.exists() else 0

    @property
    def touched(self) -> bool:
        """
        Whether anything has happened to it.
        """
        gateway, sizes = self.gateway, self._sizes.items()
        return (
            len(gateway.pids) != self._starts
            or gateway.server.running != self._ran
            or not gateway.books.quiet
            or any(self._size(path) != size for path, size in sizes)
        )

    # The invariants; each gives the sentences of what is wrong

    def ended(self) -> Iterator[str]:
        gateway = self.gateway
        if gateway.server.running:
            # What a bastion has toward hosts that it checks comes and goes.
            yield from gateway.clients() if gateway.checksHosts else gateway.left()
        if gateway.server.running and (gateway.state / "control.sock").exists():
            yield from map(str, Control(gateway).get("/connections"))

    def accounted(self) -> Iterator[str]:
        return self.gateway.books.read().unaccounted()

    def closed(self) -> Iterator[str]:
        return self.gateway.books.read().unended()

    def process(self) -> Iterator[str]:
        gateway = self.gateway
        starts, ends = gateway.pids[self._starts :], gateway.ends[self._ends :]
        if len(starts) > self.new:
            yield f"it was started as {starts}"
        if any(each not in _GOOD_ENDS for each in ends):
            yield f"it ended with {ends}"
        if not gateway.server.running and (self._ran or not ends):
            yield f"it does not run: {gateway.log()[-_SHOWN:]}"

    def identity(self) -> Iterator[str]:
        self.gateway.books.read()
        return self.gateway.books.misnamed()

    def secret(self, secrets: Iterable[bytes]) -> Iterator[str]:
        for path in self.gateway.directory.rglob("*"):
            # What is replaced by another file may be gone again.
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    written = self._written(path)
                    if any(each in written for each in secrets):
                        yield f"{path.name} holds a password"

    def _written(self, path: Path) -> bytes:
        """
        What a file holds; of those that grow, what is new.
        """
        with path.open("rb") as file:
            file.seek(max(0, self._sizes.get(path, 0) - _OVERLAP))
            return file.read()

    def log(self) -> Iterator[str]:
        text = self.gateway.server.text(self._sizes[self.gateway.server.log])
        if trouble := _TROUBLE.search(text):
            yield text[trouble.start() :][:_SHOWN]


class Invariants:
    """
    All bastions that run, or some, before a test.
    """

    def __init__(self, *gateways: Gateway) -> None:
        """
        @param gateways: to look at these and no others; at all, when none is given.
        """
        self._gateways = gateways or started
        self._before = {each: _Watched(each, new=False) for each in self._present()}

    def _present(self) -> Sequence[Gateway]:
        return [each for each in self._gateways if each.directory.exists()]

    def check(
        self,
        secrets: Iterable[bytes],
        broken: Mapping[str, str] | None = None,
        seconds: float = 10,
    ) -> None:
        """
        See that everything is as it must be.

        @param secrets: what nobody may write down.
        @param broken: the names of the invariants that the test has to break, and why;
            each of them has to be broken.
        @param seconds: for what takes its time.
        """
        secrets, broken, seen = [*secrets], broken or {}, set()
        for gateway in self._present():
            watched = self._before.get(gateway) or _Watched(gateway, new=True)
            if watched.touched:
                seen |= self._look(watched, secrets, broken, seconds)
        unbroken = broken.keys() - seen
        assert not unbroken, f"the test says that it breaks these, and does not: {unbroken}"

    def _look(
        self,
        watched: _Watched,
        secrets: Sequence[bytes],
        broken: Mapping[str, str],
        seconds: float,
    ) -> set[str]:
        slow: _Looks = {
            "ended": watched.ended,
            "accounted": watched.accounted,
            "closed": watched.closed,
            # sshd tells its client first, and its log then.
            "identity": watched.identity,
        }
        waited = {name: look for name, look in slow.items() if name not in broken}
        looks: _Looks = {
            "process": watched.process,
            "secret": lambda: watched.secret(secrets),
            "log": watched.log,
        }
        found: dict[str, list[str]] = {}

        def isWell() -> bool:
            found.clear()
            found.update(_found(waited))
            return not found

        with contextlib.suppress(AssertionError):
            until(isWell, seconds)
        looks |= {name: look for name, look in slow.items() if name in broken}
        found |= _found(looks)
        if found:
            watched.gateway.books.ledger.forgive()
        unexpected = {name: found[name] for name in found.keys() - broken.keys()}
        assert not unexpected, f"{watched.gateway.directory.name}: {unexpected}"
        return set(found)


def _found(looks: _Looks) -> dict[str, list[str]]:
    """
    What is wrong, by the names of what was looked at.
    """
    return {name: problems for name, look in looks.items() if (problems := [*look()])}


def brokenBy(request: pytest.FixtureRequest) -> dict[str, str]:
    """
    The invariants that a test says it breaks, with its reasons.
    """
    marks = request.node.iter_markers("breaks")
    return {name: mark.kwargs["reason"] for mark in marks for name in mark.args}
