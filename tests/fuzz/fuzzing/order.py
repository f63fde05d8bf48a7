"""
What may come when: a model of each end's part in a conversation, too simple to be
wrong (RFC 4253 sections 7 and 10, RFC 4252 sections 5 and 6).
"""

from __future__ import annotations

from attacking.stages import Stage
from attrs import define, field

#: What is listened to, and has no consequence.
_HARMLESS = frozenset({2, 3, 4})
_SESSION = frozenset(range(80, 128))
#: Confirmations and refusals of channels; nobody has asked for one.
_UNASKED = {91, 92}
#: How often a login may be refused.
_TRIES = 6


@define
class Order:
    """
    One end of one connection.

    @ivar strict: whether its key exchange is.
    @ivar stage: how far it has come.
    @ivar over: whether the connection is.
    """

    strict: bool
    stage: Stage = Stage.CONNECTED
    over: bool = False
    _spoilt: bool = False

    #: What it may say from its new keys on, beside what each of its messages is about.
    keyed = login = session = _HARMLESS

    def may(self) -> frozenset[int]:
        """
        The numbers of what has no consequence now.
        """
        if self.stage is Stage.CONNECTED:
            return frozenset()
        if self.stage is Stage.KEYED:
            return self.keyed
        if self.stage > Stage.KEYED:
            return self.session if self.stage is Stage.SESSION else self.login
        quiet = self.strict and self.stage is not Stage.IDENTIFIED
        return frozenset() if quiet else _HARMLESS

    def goesOn(self) -> None:
        """
        It goes one stage further in its key exchange.
        """
        self.stage = Stage(self.stage + 1)
        if self.stage is Stage.ASKED and self._spoilt:
            self.over = True

    def says(self, number: int) -> None:
        """
        It says something that does not lead to the next stage.
        """
        if number not in self.may():
            self.over = True
        elif self.strict and self.stage is Stage.IDENTIFIED:
            # Noticed when both know that they are strict.
            self._spoilt = True


@define
class ClientOrder(Order):
    """
    A client, whose host knows one password.

    @ivar isFirst: whether nothing was refused yet.
    @ivar question: whether it was asked something.
    @ivar tries: how often it may still be refused.
    @ivar account: as who it asks.
    @ivar channels: the channels that it wants.
    """

    isFirst: bool = True
    question: bool = False
    tries: int = _TRIES
    account: str = ""
    channels: set[int] = field(factory=set)

    keyed = _HARMLESS | {7}
    # A late request of a login is passed over.
    session = _HARMLESS | (_SESSION - _UNASKED - {90}) | {50, 192}

    def asksForService(self) -> None:
        """
        It says message 5.
        """
        self.stage = Stage.LOGIN

    def asks(self, method: str, account: str) -> None:
        """
        It asks for a login: by C{none}, by the C{right} password or a C{wrong} one, in a
        C{dialogue} or by a C{key}.
        """
        if self.stage is Stage.SESSION:
            return
        self.account = self.account or account
        if self.stage is Stage.KEYED or account != self.account:
            self.over = True
            return
        if self.question:
            self.question = False
            self._refused()
        if self.over:
            return
        if method == "right":
            self.stage = Stage.SESSION
        elif method == "dialogue":
            self.question = True
        elif method == "none" and self.isFirst:
            self.isFirst = False
        else:
            self._refused()

    def answers(self, isRight: bool) -> None:
        """
        It answers a question.
        """
        self.question = False
        if isRight:
            self.stage = Stage.SESSION
        else:
            self._refused()

    def _refused(self) -> None:
        self.isFirst = False
        self.tries -= 1
        self.over = not self.tries

    def opens(self, channel: int) -> None:
        """
        It wants a channel.
        """
        self.over = channel in self.channels
        self.channels.add(channel)


@define
class HostOrder(Order):
    """
    A host, with a client that asks in one way and in the other.

    @ivar patience: how often the client asks when it was refused.
    @ivar asked: what for; empty when nothing is asked.
    @ivar tries: how often it may still refuse.
    """

    patience: int = 0
    asked: str = ""
    tries: int = _TRIES

    keyed = _HARMLESS | {7}
    login = _HARMLESS | {7, 53}
    session = _HARMLESS | (_SESSION - _UNASKED) | {7}

    def acceptsService(self) -> None:
        """
        It says message 6.
        """
        self.stage, self.asked = Stage.LOGIN, "none"

    def refuses(self) -> None:
        """
        It says no.
        """
        if self.asked != "none":
            self.tries -= 1
        self.over = not self.tries
        self.asked = {"password": "dialogue"}.get(self.asked, "password") if self.patience else ""
        self.patience -= bool(self.patience)

    def accepts(self) -> None:
        """
        It says yes.
        """
        self.stage, self.asked = Stage.SESSION, ""

    def inquires(self) -> None:
        """
        It has questions, or wants a new password.
        """
        self.over = self.asked == "none"
