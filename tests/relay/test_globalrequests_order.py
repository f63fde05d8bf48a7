"""
L{bastion.relay.globalrequests}: whatever the order of requests and replies, each
reply reaches who has asked for it, and in its turn.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define
from zope.interface import implementer

from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.wire import MSG_GLOBAL_REQUEST, MSG_REQUEST_FAILURE, MSG_REQUEST_SUCCESS

FAILURE = (MSG_REQUEST_FAILURE, b"")


@implementer(ISessionPolicy)
class NotThis:
    """
    Refuses requests of the name C{not-this}.
    """

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        return Verdict("not here") if request.name == b"not-this" else ALLOW


@define
class Slot:
    """
    A reply that one end is owed, or that we are.

    @ivar ours: whether we have asked.
    @ivar reply: what the answerer will say.
    @ivar known: whether the answerer has said it, or is not asked.
    """

    ours: bool
    reply: tuple[int, bytes]
    known: bool


class Lane:
    """
    The requests of one end, ours among them, and a model of their replies.
    """

    def __init__(self, session: Any, fromClient: bool, dice: random.Random) -> None:
        self._dice = dice
        self._asker, self._answerer = session.ends(fromClient)
        self._answerers = session.relay.host if fromClient else session.relay.client
        self._slots: list[Slot] = []
        self._owed: list[Slot] = []

    def ask(self, turn: int) -> None:
        """
        A request: passed on, refused, or ours; with a reply or without.
        """
        kind = self._dice.choice(("passed", "passed", "refused", "silent", "ours"))
        reply = self._dice.choice((FAILURE, (MSG_REQUEST_SUCCESS, b"%d" % turn)))
        if kind == "ours":
            self._answerers.globals.askForLife()
        else:
            name = b"not-this" if kind == "refused" else b"%d" % turn
            self._asker.asks(name, kind != "silent")
        if kind == "refused":
            self._slots.append(Slot(False, FAILURE, True))
        elif kind != "silent":
            slot = Slot(kind == "ours", reply, False)
            self._slots.append(slot)
            self._owed.append(slot)

    def answer(self) -> None:
        """
        The answerer replies to the oldest request that it has heard.
        """
        if self._owed:
            slot = self._owed.pop(0)
            slot.known = True
            self._answerer.says(*slot.reply)

    @property
    def expected(self) -> list[tuple[int, bytes]]:
        """
        What the asker must have been told: the replies before the first that is
        not known, without ours.
        """
        known = [slot.known for slot in self._slots]
        end = known.index(False) if False in known else None
        return [slot.reply for slot in self._slots[:end] if not slot.ours]


@pytest.mark.parametrize("seed", range(100))
def test_repliesComeInTheOrderOfTheRequestsWhoeverAsks(
    sessionOf: Callable[..., Any], seed: int
) -> None:
    dice = random.Random(seed)
    session = sessionOf(NotThis())
    lanes = [Lane(session, True, dice), Lane(session, False, dice)]
    heard: list[list[tuple[int, bytes]]] = [[], []]
    for turn in range(200):
        lane = dice.choice(lanes)
        lane.answer() if dice.random() < 0.5 else lane.ask(turn)
        for index, end in enumerate((session.client, session.host)):
            replies = [message for message in end.hears() if message[0] != MSG_GLOBAL_REQUEST]
            heard[index] += replies
            assert heard[index] == lanes[index].expected
