"""
Attack A21: who asks for many names learns which accounts there are (CVE-2018-15473,
CVE-2016-6210).  Whether a host tells is the host's; what the bastion adds to its answers,
in messages, in words and in time, is the same for every name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from attacking.client import RIGHT, WRONG, Client, password, request
from attacking.host import REFUSED, Host
from attacking.stages import Stage
from attrs import define, evolve, field

from bastion.admission.accounts import AccountRule, AccountRules
from bastion.hosts.selector import Stickiness
from bastion.wire import (
    MSG_DISCONNECT,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    Reader,
    byte,
    string,
    uint32,
)

#: As many of each, and of one length.
KNOWN = [b"known%03d" % number for number in range(200)]
UNKNOWN = [b"other%03d" % number for number in range(200)]
#: What a host that tells needs for an account that it knows, in seconds: to make a digest
#: of a long password, say.
THOUGHT = 1.5

QUESTION = string(b"") * 3 + uint32(1) + string(b"Password: ") + byte(0)
ANSWER = (MSG_USERAUTH_INFO_RESPONSE, uint32(1) + string(WRONG))
#: The two ends of a client's connection.
ENDS = ("198.51.100.7", "192.0.2.22")

#: A message, and when it was sent or heard, by the clock.
Heard = tuple[float, int, bytes]


@define(eq=False)
class Alike(Host):
    """
    A host that refuses everybody in the same words.

    @ivar clock: what time it is.
    @ivar said: what it has answered.
    """

    until: Stage = Stage.SERVICE
    clock: Any = None
    said: list[Heard] = field(factory=list, init=False)

    def says(self, number: int, payload: bytes = b"") -> None:
        """
        See L{Host}.
        """
        if number >= MSG_USERAUTH_REQUEST:
            self.said.append((self.clock.seconds(), number, payload))
        super().says(number, payload)

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Host}.
        """
        if number == MSG_USERAUTH_REQUEST:
            reader = Reader(payload)
            account, _, method = reader.string(), reader.string(), reader.string()
            self.asked(account, method)
        elif number == MSG_USERAUTH_INFO_RESPONSE:
            self.says(MSG_USERAUTH_FAILURE, REFUSED)
        else:
            super().hears(number, payload)

    def asked(self, account: bytes, method: bytes) -> None:
        """
        Somebody wants to log in.
        """
        if method == b"keyboard-interactive":
            self.says(MSG_USERAUTH_INFO_REQUEST, QUESTION)
        else:
            self.says(MSG_USERAUTH_FAILURE, REFUSED)


class Telling(Alike):
    """
    A host that shows by its words, its rounds and its time whom it knows.
    """

    def asked(self, account: bytes, method: bytes) -> None:
        """
        See L{Alike}.
        """
        if account in UNKNOWN:
            self.says(MSG_USERAUTH_FAILURE, REFUSED)
            return
        if method == b"none":
            self.says(MSG_USERAUTH_BANNER, string(b"Welcome back.\n") + string(b""))
        self.clock.callLater(THOUGHT, super().asked, account, method)


@define(eq=False)
class Asking(Client):
    """
    A client that notes when it is told what.

    @ivar clock: what time it is.
    @ivar told: what it was told.
    """

    until: Stage = Stage.SERVICE
    clock: Any = None
    told: list[Heard] = field(factory=list, init=False)

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Client}.
        """
        if number >= MSG_USERAUTH_REQUEST or number == MSG_DISCONNECT:
            self.told.append((self.clock.seconds(), number, payload))
        super().hears(number, payload)


@define
class Seen:
    """
    What somebody sees who asks for one name.

    @ivar said: what the host has answered.
    @ivar told: what the client was told.
    @ivar pieces: in how many pieces everything went, to the client and from it.
    @ivar asked: the numbers of the messages that the host was sent.
    @ivar recorded: the events.
    """

    said: list[Heard]
    told: list[Heard]
    pieces: int
    asked: list[int]
    recorded: list[tuple[str, str]]

    @property
    def added(self) -> list[Heard]:
        """
        What the bastion has told beside the host's own words, or later than them.
        """
        theirs = Counter(self.said)
        return [each for each in self.told if not theirs[each] or theirs.subtract([each])]


class Prober:
    """
    Asks a site for names.

    @ivar site: the site.
    @ivar messages: what is said for each name; with a name put in.
    """

    def __init__(self, site: Any, kind: type[Alike] | None = None) -> None:
        self.site = site
        if kind is not None:
            site.makeHost["nice1"] = lambda: kind(clock=site.clock)
        self._pieces = 0
        self._steps, site._steps = site._steps, self._counted

    def _counted(self, end: Any) -> bool:
        happened: bool = self._steps(end)
        self._pieces += happened and end.host in ENDS
        return happened

    def asks(self, account: bytes, *guesses: bytes) -> Seen:
        """
        Ask for one name: the methods, a dialogue, and passwords until the end.
        """
        site = self.site
        before, self._pieces = site.clock.seconds(), 0
        hosts, events = len(site.hosts["nice1"]), len(site.events)
        client = site.connects(Asking(clock=site.clock, account=account))
        words = [password(guess, account) for guess in guesses]
        messages = [(MSG_USERAUTH_REQUEST, each) for each in words] or self._all(account)
        for message in messages:
            if client.gone:
                break
            if message is ANSWER and client.question is None:
                continue
            site.sends(client, *message)
            site.clock.advance(THOUGHT)
            site.settle()
        site.tcp(client).abortConnection()
        site.settle()
        asked = [host for host in site.hosts["nice1"][hosts:]]
        references = [fields["reference"] for _, fields in site.events[events:]]

        def anonymous(heard: Sequence[Heard]) -> list[Heard]:
            changed = []
            for when, number, payload in heard:
                payload = payload.replace(account, b"(account)")
                payload = payload.replace(references[0].encode(), b"(code)")
                changed.append((round(when - before, 6), number, payload))
            return changed

        def reason(fields: dict[str, Any]) -> str:
            return str(fields.get("reason", "")).replace(account.decode(), "(account)")

        return Seen(
            anonymous([each for host in asked for each in host.said]),
            anonymous(client.told),
            self._pieces,
            [number for host in asked for number, _ in host.heard if number >= 50],
            [(name, reason(fields)) for name, fields in site.events[events:]],
        )

    def _all(self, account: bytes) -> list[tuple[int, bytes]]:
        dialogue = request(b"keyboard-interactive", string(b"") * 2, account)
        guess = (MSG_USERAUTH_REQUEST, password(WRONG, account))
        none = (MSG_USERAUTH_REQUEST, request(b"none", account=account))
        key = (MSG_USERAUTH_REQUEST, request(b"publickey", byte(0) + string(b"x") * 2, account))
        return [none, (MSG_USERAUTH_REQUEST, dialogue), ANSWER, key, *[guess] * 5]


@pytest.fixture
def proberOf(siteOf: Any) -> Callable[..., Prober]:
    """
    Makes sites that are asked for names.
    """

    def make(kind: type[Alike] | None = None, **settings: Any) -> Prober:
        return Prober(siteOf(**settings), kind)

    return make


def numbersOf(heard: Sequence[Heard]) -> list[int]:
    """
    The numbers of messages.
    """
    return [number for _, number, _ in heard]


def under(prober: Prober, *rules: AccountRule) -> Prober:
    """
    Let a site have rules about accounts.
    """
    factory = prober.site.factory
    factory.doors = evolve(factory.doors, accounts=lambda: AccountRules(rules))
    return prober


# Hosts


@pytest.mark.parametrize("penalties", ["off", "on"])
def test_hostThatTreatsAllAlikeIsNotGivenAway(proberOf: Any, penalties: str) -> None:
    """
    All that is seen is the same for four hundred names, to the number of pieces and to
    the moment.
    """
    prober = proberOf(Alike, admission={"penalties": penalties, "penalty_exempt": ()})
    names = [name for pair in zip(KNOWN, UNKNOWN, strict=True) for name in pair]
    first = prober.asks(names[0])
    assert numbersOf(first.told)[-2:] == [MSG_USERAUTH_BANNER, MSG_DISCONNECT]
    assert len(first.asked) >= 6
    prober.site.clock.advance(700)
    for name in names[1:]:
        assert prober.asks(name) == first
        # Or the address, which is one, would have to wait.
        prober.site.clock.advance(700)


def test_hostThatTellsIsGivenItsOwnWordsAndNoneOfOurs(proberOf: Any) -> None:
    """
    Its answers differ; what is added to them, and the time that is, do not.
    """
    prober = proberOf(Telling)
    known, unknown = prober.asks(KNOWN[0]), prober.asks(UNKNOWN[0])
    assert known.said != unknown.said
    assert numbersOf(known.told).count(MSG_USERAUTH_BANNER) == 2
    assert numbersOf(unknown.told).count(MSG_USERAUTH_BANNER) == 1

    def words(seen: Seen) -> list[tuple[int, bytes]]:
        return [(number, payload) for _, number, payload in seen.added]

    for name in [*KNOWN, *UNKNOWN]:
        seen = prober.asks(name)
        # The end, and the refusal of the key, which no host was asked about.
        assert numbersOf(seen.added).count(MSG_DISCONNECT) == 1
        assert words(seen) == words(known) == words(unknown)
        assert seen.recorded == known.recorded == unknown.recorded


@pytest.mark.parametrize("kind", [Alike, Telling])
def test_answersOfTheHostArriveWhenItGivesThem(proberOf: Any, kind: Any) -> None:
    prober = proberOf(kind)
    for name in (*KNOWN[:20], *UNKNOWN[:20]):
        seen = prober.asks(name, WRONG, WRONG)
        answers = [each for each in seen.said if each in seen.told]
        assert [each for each in seen.told if each not in answers] == []
        assert len(answers) >= 2


def test_fourWrongPasswordsMakeEveryNameWaitForAsLong(proberOf: Any) -> None:
    """
    The waiting time does not know which accounts there are either.
    """
    prober = proberOf(Alike, admission={"penalties": "on", "penalty_exempt": ()})
    guesses = [b"guess %d" % number for number in range(5)]

    def waits(name: bytes) -> Seen:
        prober.asks(name, *guesses)
        seen = prober.asks(name, WRONG)
        prober.site.clock.advance(700)
        return seen

    first = waits(KNOWN[0])
    assert b"Too many logins to this account" in first.told[0][2]
    for name in (*KNOWN[1:10], *UNKNOWN[:10]):
        assert waits(name) == first


# What the bastion itself knows of accounts


@pytest.mark.parametrize("guess", [WRONG, RIGHT])
def test_closedAccountsAreToldTheSameWhetherTheyExistOrNot(proberOf: Any, guess: bytes) -> None:
    """
    And whether the password was right: no host is asked.
    """
    prober = under(proberOf(Alike), AccountRule("johnson"), AccountRule("*", gateways=["ill"]))
    names = [*KNOWN[:20], *UNKNOWN[:20]]
    first = prober.asks(names[0], guess)
    assert numbersOf(first.told) == [MSG_USERAUTH_BANNER, MSG_DISCONNECT]
    sentence = b"The account (account) cannot log in here. (reference (code))"
    assert all(sentence in payload for _, _, payload in first.told)
    assert first.asked == []
    for name in names:
        assert prober.asks(name, guess) == first


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"gateways": ["ill"]}, b"The account (account) cannot log in here."),
        ({"closed": "It is over."}, b"It is over."),
        ({}, b"The account (account) closed on "),
    ],
)
def test_accountOfACalendarIsToldItsSentenceAndNoMore(
    proberOf: Any, rule: dict[str, Any], sentence: bytes
) -> None:
    """
    Who asks for a name that is in the calendar reads what it says of it; not whether any
    host knows the name, or whether the password was right.
    """
    prober = proberOf(Alike)
    if "gateways" not in rule:
        rule = {**rule, "closes": datetime.fromtimestamp(0) - timedelta(days=1)}
    under(prober, *(AccountRule(name.decode(), **rule) for name in (KNOWN[0], UNKNOWN[0])))
    open_ = prober.asks(KNOWN[1], WRONG)
    seen = [prober.asks(name, word) for name in (KNOWN[0], UNKNOWN[0]) for word in (RIGHT, WRONG)]

    assert seen == [seen[0]] * 4
    assert numbersOf(seen[0].told) == [MSG_USERAUTH_BANNER, MSG_DISCONNECT]
    assert all(sentence in payload for _, _, payload in seen[0].told)
    assert seen[0].asked == []
    assert numbersOf(open_.told) == [MSG_USERAUTH_FAILURE]


def test_accountThatClosesSoonIsSaidToDoSoBehindItsLoginOnly(proberOf: Any) -> None:
    prober = proberOf()
    soon = datetime.fromtimestamp(prober.site.clock.seconds()) + timedelta(hours=3)
    under(prober, AccountRule(KNOWN[0].decode(), closes=soon, notice=86400.0))
    prober.site.makeHost["nice1"] = lambda: Alike(clock=prober.site.clock)
    assert prober.asks(KNOWN[0], WRONG) == prober.asks(UNKNOWN[0], WRONG)
    prober.site.honest("nice1")

    told = comesIn(prober, KNOWN[0])
    assert told == [MSG_USERAUTH_BANNER, MSG_USERAUTH_SUCCESS]


def comesIn(prober: Prober, account: bytes) -> list[int]:
    """
    Somebody logs in, and leaves.

    @return: the numbers of the messages that had to do with it.
    """
    site = prober.site
    client = site.connects(Client(account=account))
    assert client.stage is Stage.SESSION
    told = [number for number in client.numbers() if number > MSG_USERAUTH_FAILURE]
    site.tcp(client).abortConnection()
    site.settle()
    return told


def test_accountThatWasHereBeforeIsNotGivenAwayByTheMoveOfItsHost(proberOf: Any) -> None:
    """
    Where accounts stick to hosts, the bastion knows names that have logged in; what it says
    of a move, it says to who logs in.
    """
    prober = proberOf()
    site, selector = prober.site, prober.site._selector
    selector.stickiness = Stickiness(3600.0)
    gateway = site.factory.gateway
    moved = evolve(gateway.site, moved="Your host is being maintained.")
    site.factory.gateway = evolve(gateway, site=moved)
    assert comesIn(prober, KNOWN[0]) == [MSG_USERAUTH_SUCCESS]
    site.makeHost["nice2"] = lambda: Alike(clock=site.clock)
    selector.cluster.drain(site.addresses[0], site.clock.seconds())

    known, unknown = prober.asks(KNOWN[0], WRONG), prober.asks(UNKNOWN[0], WRONG)
    assert known == unknown
    assert numbersOf(known.told) == [MSG_USERAUTH_FAILURE]
    site.honest("nice2")
    assert comesIn(prober, KNOWN[0]) == [MSG_USERAUTH_BANNER, MSG_USERAUTH_SUCCESS]


def test_accountWithAsManySessionsAsItMayHaveIsNotGivenAway(proberOf: Any) -> None:
    prober = proberOf(admission={"per_account_sessions": 1})
    site = prober.site
    assert site.connects(Client(account=KNOWN[0])).stage is Stage.SESSION
    site.makeHost["nice1"] = lambda: Alike(clock=site.clock)

    known, unknown = prober.asks(KNOWN[0], WRONG), prober.asks(UNKNOWN[0], WRONG)
    assert known == unknown
    assert numbersOf(known.told) == [MSG_USERAUTH_FAILURE]
