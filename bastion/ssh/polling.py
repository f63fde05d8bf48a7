"""
Between the kernel's events and who reads or writes: a shorter way than Twisted's.

Twisted makes a log context for each event, which names the connection in the messages
of its old log.  Ours name it themselves, and for what is typed the context was a tenth of
the time that a message spends in the process.  What is nothing but something to read, as
nearly everything is, is told without the questions that other events need.
"""

from __future__ import annotations

from functools import partial
from select import EPOLLIN
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.python import log

#: What L{shorten} needs to know of Twisted's reactor: who is asked for events, who is told
#: of them, by file descriptor, how, and how they are told of the end.
_TWISTED = ("_poller", "_selectables", "_doReadOrWrite", "_disconnectSelectable")


def suits(reactor: Any) -> bool:
    """
    Whether a reactor is one whose insides we know.
    """
    return type(reactor) is EPollReactor and all(hasattr(reactor, name) for name in _TWISTED)


def shorten(reactor: Any) -> None:
    """
    Let a reactor take the shorter way; another one than the L{EPollReactor} stays as it is.
    """
    if suits(reactor):
        reactor.doIteration = partial(_iterate, reactor)


def _iterate(reactor: Any, timeout: float | None) -> None:
    """
    See L{twisted.internet.interfaces.IReactorCore.iterate}: wait for events, and tell of them.

    @param timeout: in seconds; L{None} to wait for as long as it takes.
    """
    selectables = reactor._selectables
    for number, event in reactor._poller.poll(timeout, len(selectables)):
        selectable = selectables.get(number)
        # One may have ended another one that had an event too.
        if selectable is None:
            continue
        try:
            if event != EPOLLIN:
                reactor._doReadOrWrite(selectable, number, event)
                continue
            # Nothing else is to be told: what Twisted does then, and no more.
            try:
                why = selectable.doRead()
            except BaseException as problem:
                log.err()
                reactor._disconnectSelectable(selectable, problem, False)
            else:
                if why:
                    reactor._disconnectSelectable(selectable, why, True)
        except Exception:
            log.err()
