"""
What each command of C{bastionctl} does.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from attrs import frozen

from bastion.admin import screens
from bastion.admin.client import ControlClient, Refused, Unreachable
from bastion.admin.tables import Screen, visible, wrapped

DONE, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3


class Misused(Exception):
    """
    The command line is not enough.  The text says what to write.
    """


@frozen
class Desk:
    """
    What a command works with.

    @ivar options: the command line.
    @ivar control: what leads to the bastion; raises L{Unreachable}.
    @ivar now: seconds since 1970.
    """

    options: Namespace
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    screen: Screen
    control: Callable[[], ControlClient]
    now: float

    def show(self, answer: Any, lines: Callable[[], Sequence[str]]) -> None:
        """
        Show an answer.

        @param lines: makes it readable.
        @raise Unreachable: when it is not such an answer.
        """
        if self.options.json:
            self.stdout.write(json.dumps(answer, indent=2) + "\n")
            return
        with _asExpected():
            text = "".join(f"{line}\n" for line in lines())
        self.stdout.write(text)


@contextmanager
def _asExpected() -> Iterator[None]:
    """
    Look into an answer.

    @raise Unreachable: when it is not like that of this version.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Unreachable(
            "the bastion's answer is not as expected: is it of another version than this "
            "bastionctl? (--json shows it as it is)"
        ) from None


Command = Callable[[Desk], int]


def status(desk: Desk) -> int:
    """
    Show the process, its gateways and clusters.
    """
    answer = desk.control().ask("/status")
    desk.show(answer, lambda: screens.statusLines(answer, desk.screen))
    return DONE


def hosts(desk: Desk) -> int:
    """
    Show the hosts and how they are.
    """
    answer = desk.control().ask("/hosts", cluster=desk.options.cluster)
    desk.show(answer, lambda: screens.hostsLines(answer, desk.screen, desk.now))
    return DONE


def drain(desk: Desk) -> int:
    """
    Let a host keep its sessions and get no new ones.
    """
    return _changed(desk, "/hosts/drain", reason=desk.options.reason)


def enable(desk: Desk) -> int:
    """
    Take a drain or a disable back: the host is checked first.
    """
    return _changed(desk, "/hosts/enable", reason=desk.options.reason)


def disable(desk: Desk) -> int:
    """
    Take a host out of service; its sessions stay.
    """
    return _changed(desk, "/hosts/disable", reason=desk.options.reason)


def acceptKey(desk: Desk) -> int:
    """
    Accept the key that a quarantined host has offered.
    """
    if desk.options.fingerprint:
        return _changed(desk, "/hosts/accept-key", fingerprint=desk.options.fingerprint)
    if not desk.stdin.isatty():
        raise Misused("there is no terminal to ask on; say which key with --fingerprint SHA256:...")
    host = desk.control().ask("/host", host=desk.options.host, cluster=desk.options.cluster)
    with _asExpected():
        name, cluster, offered = host["host"], host["cluster"], host["offered_key"]
        shown = [f"{visible(name)} of {visible(cluster)}", *screens.keyLines(host)]
    if offered is None:
        raise Refused(f"{visible(name)} has offered no other key than the known ones")
    desk.stderr.write("".join(f"{line}\n" for line in shown))
    desk.stderr.write("Compare with the host's own key. Accept the offered one? (yes or no) ")
    desk.stderr.flush()
    said = desk.stdin.readline()
    desk.stderr.write("" if said.endswith("\n") else "\n")
    if said.strip().lower() != "yes":
        raise Refused("nothing is changed")
    # The full name: the short one may be another host's by now.
    desk.options.host, desk.options.cluster = name, cluster
    return _changed(desk, "/hosts/accept-key", fingerprint=offered)


def _changed(desk: Desk, path: str, **more: str) -> int:
    options = desk.options
    answer = desk.control().change(path, host=options.host, cluster=options.cluster, **more)
    desk.show(answer, lambda: screens.hostLines(answer, desk.screen))
    return DONE


def connections(desk: Desk) -> int:
    """
    Show the connections of clients.
    """
    answer = desk.control().ask("/connections")
    desk.show(answer, lambda: screens.connectionsLines(answer, desk.screen))
    return DONE


def close(desk: Desk) -> int:
    """
    Close a connection.
    """
    reference, reason = desk.options.reference, desk.options.reason
    answer = desk.control().change("/connections/close", reference=reference, reason=reason)
    desk.show(answer, lambda: screens.closedLines(answer))
    return DONE


def penalties(desk: Desk) -> int:
    """
    Show who has to wait after failed logins, or lift that.
    """
    source, account = desk.options.lift, desk.options.account
    if account and not source:
        raise Misused("--account needs --lift SOURCE")
    if source:
        answer = desk.control().change("/penalties/lift", source=source, account=account)
    else:
        answer = desk.control().ask("/penalties")
    desk.show(answer, lambda: screens.penaltiesLines(answer, desk.screen, lifted=bool(source)))
    return DONE


def explain(desk: Desk) -> int:
    """
    Show where a login would go now, and why.
    """
    options = desk.options
    asked = {"user": options.user, "gateway": options.gateway, "from": options.source or ""}
    answer = desk.control().ask("/explain", **asked)
    desk.show(answer, lambda: screens.explanationLines(answer, desk.screen))
    return DONE


def checkConfig(desk: Desk) -> int:
    """
    Check a configuration; needs no bastion.
    """
    # Conch and every extension come with it, which other commands need not wait for.
    from bastion.admin.check import Unreadable, problemsOf

    path = Path(desk.options.file)
    try:
        problems = problemsOf(path)
    except Unreadable as error:
        raise Unreachable(visible(str(error))) from None
    answer = {
        "file": str(path),
        "problems": [{"path": each.path, "problem": each.problem} for each in problems],
    }
    lines = [visible(str(each)) for each in problems] or wrapped(f"{path}: no problems", None)
    desk.show(answer, lambda: lines)
    return REFUSED if problems else DONE


COMMANDS: Mapping[str, Command] = {
    "status": status,
    "hosts": hosts,
    "drain": drain,
    "enable": enable,
    "disable": disable,
    "accept-key": acceptKey,
    "connections": connections,
    "close": close,
    "penalties": penalties,
    "check-config": checkConfig,
    "explain": explain,
}
