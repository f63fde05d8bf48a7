"""
Conversations at random, of messages that are well made: what may come now goes on,
anything else ends the connection, and behind its end nothing is listened to.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from attacking.client import RIGHT, WRONG, opening, password, request
from attacking.stages import Stage
from fuzzing.judges import Applicant, Judge
from fuzzing.messages import (
    CLIENT,
    DIALOGUE,
    EXAMPLES,
    EXPIRED,
    HOST,
    LOGIN_SERVICE,
    NONE,
    NUMBERS,
    ONE_QUESTION,
    answers,
)
from fuzzing.order import ClientOrder, HostOrder, Order
from fuzzing.play import Whole
from fuzzing.players import PlayingClient, PlayingHost
from fuzzing.stand import Stand
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans, integers, sampled_from

from bastion.wire import byte, string, uint32

#: What a key exchange consists of, by the stage from which it leads on.
DUE = {
    CLIENT: {Stage.IDENTIFIED: 20, Stage.ASKED: 30, Stage.AGREED: 21, Stage.SESSION: 20},
    HOST: {Stage.IDENTIFIED: 20, Stage.ASKED: 31, Stage.AGREED: 21, Stage.SESSION: 20},
}
REQUESTS = {
    "none": NONE,
    "right": password(),
    "wrong": password(WRONG),
    "dialogue": DIALOGUE,
    "key": request(b"publickey", byte(0) + string(b"ssh-ed25519") + string(b"key")),
}
#: What it depends on the stage whether it may be said, and to whom.
TELLING = (2, 5, 6, 7, 20, 50, 51, 52, 53, 60, 61, 90, 91, 92)
#: Where a conversation begins to be at random.
BEGINNINGS = (*list(Stage)[:5], *[Stage.LOGIN] * 6, *[Stage.SESSION] * 4)
#: How often a client asks for a login.
PATIENCE = sampled_from((0, 0, 1, 2, 3, 9))
DATA = (94, uint32(0) + string(b"data"))


def when(condition: Any) -> Any:
    """
    As long as the connection is not over.
    """
    return precondition(lambda self: not self.order.over and condition(self.order))


#: When it is.
isOver = precondition(lambda self: self.order.over)


class Conversation(RuleBasedStateMachine):
    """
    What either end can do.

    @ivar leg: which one it is.
    @ivar play: its connection.
    @ivar order: what it may do.
    """

    leg: str
    play: Whole
    #: By stage, what would lead on.
    onwards: dict[Stage, tuple[int, bytes]]

    def __init__(self) -> None:
        super().__init__()
        self.order = Order(False)
        self.stand = Stand(count=1)
        self.logins = 0
        self.isLoggedIn = False
        self._opened = ExitStack()
        self._opened.enter_context(self.stand.open())

    def teardown(self) -> None:
        """
        Everybody is gone.
        """
        with self._opened:
            if hasattr(self, "play"):
                self.play.ends()
                # It knows everybody.
                del self.play
            self.stand.clears()

    def begins(self, play: Whole, order: Order, stage: Stage) -> None:
        """
        Come to a stage at once.
        """
        self.play, self.order, self.isLoggedIn = play, order, False
        while self.order.stage < min(stage, Stage.KEYED):
            self.keepsOn()
        if stage >= Stage.LOGIN:
            self.comesToLogin()
        if stage is Stage.SESSION:
            self.comesToSession()

    def comesToLogin(self) -> None:
        """
        From its new keys on, do what leads to the login.
        """
        raise NotImplementedError

    def comesToSession(self) -> None:
        """
        From there on, do what leads to the session.
        """
        raise NotImplementedError

    @when(lambda order: order.stage < Stage.KEYED)
    @rule()
    def keepsOn(self) -> None:
        """
        Go one stage further.
        """
        self.order.goesOn()
        self.play.goes(self.leg, self.order.stage)

    @when(lambda order: order.may())
    @rule(number=integers(0, 255))
    def speaks(self, number: int) -> None:
        """
        Say what it may.
        """
        may = sorted(self.order.may())
        self._says(may[number % len(may)])

    @when(lambda order: order.stage > Stage.CONNECTED)
    @rule(number=integers(0, 255), isTelling=sampled_from([True, True, False]), goesOn=booleans())
    def breaksTheRules(self, number: int, isTelling: bool, goesOn: bool) -> None:
        """
        Say what it may not, and perhaps what would have led on right behind it.
        """
        stage = self.order.stage
        right = self.order.may() | self.withRules() | {DUE[self.leg].get(stage)}
        wrong = [each for each in (TELLING if isTelling else range(256)) if each not in right]
        number = wrong[number % len(wrong)]
        behind = [self.onwards[stage]] if goesOn and stage in self.onwards else []
        self._says(number, *behind)

    def withRules(self) -> set[int]:
        """
        The numbers that have a rule of their own at the moment.
        """
        raise NotImplementedError

    def _says(self, number: int, *behind: tuple[int, bytes]) -> None:
        before = self._passedOn()
        payload = EXAMPLES.get(number, (b"",))[0]
        if number == 20 and self.order.stage >= Stage.KEYED:
            # One that could go on.
            self.play.says(self.leg, number, b"")
        else:
            self.play.sends(self.leg, (number, payload), *behind)
        self.order.says(number)
        assert not behind or self._passedOn() == before

    def _passedOn(self) -> list[int]:
        """
        What the other end has heard of a login or of a session; banners are ours.
        """
        other = self.play.peer(HOST if self.leg == CLIENT else CLIENT)
        heard = other.heard if other is not None else []
        return [number for number, _ in heard if number >= 50 and number != 53]

    @when(lambda order: order.stage is Stage.SESSION)
    @rule()
    def wantsNewKeys(self) -> None:
        """
        Exchange keys again.
        """
        self.play.says(self.leg, 20, b"")
        peer = self.play.peer(self.leg)
        assert peer is not None and peer.exchange is None

    def ends(self, number: int) -> None:
        """
        Speak to somebody who does not listen any more, and leave.
        """
        peer: Any = self.play.peer(self.leg)
        before = self._passedOn(), len(self.stand.site.events)
        transport = self.stand.site.tcp(peer).other.protocol
        transport.dataReceived(peer.packet(number, EXAMPLES.get(number, (b"",))[0]))
        self.stand.site.settle()
        assert (self._passedOn(), len(self.stand.site.events)) == before
        self.play.ends()

    @invariant()
    def isOverWhenItHasToBe(self) -> None:
        """
        The connection is there as long as the rules were kept.
        """
        peer = self.play.peer(self.leg)
        assert peer is not None
        assert peer.gone == self.order.over

    @invariant()
    def isLoggedInWhenItHasToBe(self) -> None:
        """
        Once in each connection, and never otherwise.
        """
        if self.order.stage is Stage.SESSION and not self.isLoggedIn:
            self.isLoggedIn = True
            self.logins += 1
        assert len(self.stand.site.named("login.accepted")) == self.logins


class ClientConversation(Conversation):
    """
    What a client can do.
    """

    leg = CLIENT
    onwards = {
        Stage.KEYED: (5, LOGIN_SERVICE),
        Stage.LOGIN: (50, password()),
        Stage.SESSION: DATA,
    }

    order: ClientOrder

    def comesToLogin(self) -> None:
        """
        See L{Conversation}.
        """
        self.asksForService()

    def comesToSession(self) -> None:
        """
        See L{Conversation}.
        """
        self.asks("right", "johnson")

    def withRules(self) -> set[int]:
        """
        See L{Conversation}.
        """
        mayAnswer = {61} if self.order.question else set()
        numbers = {Stage.KEYED: {5, 50}, Stage.LOGIN: {50} | mayAnswer, Stage.SESSION: {90}}
        return numbers.get(self.order.stage, set())

    @isOver
    @rule(number=sampled_from(NUMBERS), strict=booleans(), stage=sampled_from(BEGINNINGS))
    def comesAgain(self, number: int, strict: bool, stage: Stage) -> None:
        """
        Leave, and connect again.
        """
        self.ends(number)
        self.arrives(strict, stage)

    @initialize(strict=booleans(), stage=sampled_from(BEGINNINGS))
    def arrives(self, strict: bool, stage: Stage) -> None:
        """
        Connect.
        """
        client = PlayingClient(until=Stage.CONNECTED, strict=strict)
        self.begins(Whole(self.stand, client, Judge), ClientOrder(strict), stage)

    @when(lambda order: order.stage is Stage.KEYED)
    @rule()
    def asksForService(self) -> None:
        """
        Ask for the login.
        """
        self.play.says(CLIENT, 5, LOGIN_SERVICE)
        self.order.asksForService()

    @when(lambda order: order.stage >= Stage.KEYED)
    @rule(method=sampled_from(sorted(REQUESTS)), account=sampled_from(["johnson"] * 19 + ["root"]))
    def asks(self, method: str, account: str) -> None:
        """
        Ask to be logged in.
        """
        _, _, rest = REQUESTS[method].partition(string(b"johnson"))
        self.play.says(CLIENT, 50, string(account.encode()) + rest)
        self.order.asks(method, account)

    @when(lambda order: order.question)
    @rule(isRight=booleans())
    def answers(self, isRight: bool) -> None:
        """
        Answer a question.
        """
        self.play.says(CLIENT, 61, answers(RIGHT if isRight else WRONG))
        self.order.answers(isRight)

    @when(lambda order: order.stage is Stage.SESSION)
    @rule(channel=integers(0, 9))
    def opens(self, channel: int) -> None:
        """
        Ask for a channel.
        """
        self.play.says(CLIENT, 90, opening(channel))
        self.order.opens(channel)


class HostConversation(Conversation):
    """
    What a host can do.
    """

    leg = HOST
    onwards = {Stage.KEYED: (6, LOGIN_SERVICE), Stage.LOGIN: (52, b""), Stage.SESSION: DATA}

    order: HostOrder

    def comesToLogin(self) -> None:
        """
        See L{Conversation}.
        """
        self.acceptsService()

    def comesToSession(self) -> None:
        """
        See L{Conversation}.
        """
        self.accepts()

    def withRules(self) -> set[int]:
        """
        See L{Conversation}.
        """
        mayDecide = {51, 52, 60} if self.order.asked else set()
        return {Stage.KEYED: {6}, Stage.LOGIN: mayDecide}.get(self.order.stage, set())

    @isOver
    @rule(
        number=sampled_from(NUMBERS),
        strict=booleans(),
        stage=sampled_from(BEGINNINGS),
        patience=PATIENCE,
    )
    def comesAgain(self, number: int, strict: bool, stage: Stage, patience: int) -> None:
        """
        Leave, and be connected to again.
        """
        self.ends(number)
        self.arrives(strict, stage, patience)

    @initialize(strict=booleans(), stage=sampled_from(BEGINNINGS), patience=PATIENCE)
    def arrives(self, strict: bool, stage: Stage, patience: int) -> None:
        """
        Be connected to.
        """
        play = Whole(
            self.stand,
            Applicant(patience),
            lambda: PlayingHost(until=Stage.CONNECTED, strict=strict),
        )
        play.says(CLIENT, 5, LOGIN_SERVICE)
        self.begins(play, HostOrder(strict, patience=patience), stage)

    @when(lambda order: order.stage is Stage.KEYED)
    @rule()
    def acceptsService(self) -> None:
        """
        Accept the login service.
        """
        self.play.says(HOST, 6, LOGIN_SERVICE)
        self.order.acceptsService()

    @when(lambda order: order.asked)
    @rule()
    def refuses(self) -> None:
        """
        Refuse a login.
        """
        self.play.says(HOST, 51, EXAMPLES[51][0])
        self.order.refuses()

    @when(lambda order: order.asked)
    @rule()
    def accepts(self) -> None:
        """
        Accept a login.
        """
        self.play.says(HOST, 52, b"")
        self.order.accepts()

    @when(lambda order: order.asked)
    @rule()
    def inquires(self) -> None:
        """
        Ask something.
        """
        wantsPassword = self.order.asked == "password"
        self.play.says(HOST, 60, EXPIRED if wantsPassword else ONE_QUESTION)
        self.order.inquires()


def test_clientMaySayWhatItMayAndNothingElse(orders: settings, part: int) -> None:
    run_state_machine_as_test(ClientConversation, settings=orders)


def test_hostMaySayWhatItMayAndNothingElse(orders: settings, part: int) -> None:
    run_state_machine_as_test(HostConversation, settings=orders)
