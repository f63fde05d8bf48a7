"""
L{bastion.admission.penalties}: whole days of campuses and of guessers.

Every login asks as a connection does: at the door, when it names its account, and it notes
what becomes of it.
"""

from __future__ import annotations

import ipaddress
import random

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from bastion.admission.failures import KEPT
from bastion.admission.penalties import Penalties, Rules
from bastion.state import PenaltyKind

CAMPUS = ipaddress.ip_address("192.0.2.7")
BEGIN = 1795600000.0
DAY = 86_400

#: What may become of a login.
IN, WRONG, SOURCE_REFUSED, ACCOUNT_REFUSED = "in", "wrong", "source refused", "account refused"


@define
class Door:
    """
    A gateway with one source before it.
    """

    penalties: Penalties = field(factory=lambda: Penalties(Rules(), bytes(32)))
    sentences: list[str] = field(factory=list)

    def login(self, account: bytes, password: bytes, time: float, good: bytes = b"good") -> str:
        """
        Somebody logs in.
        """
        now = BEGIN + time
        sentence = self.penalties.refusal(CAMPUS, now)
        if sentence is not None:
            self.sentences.append(sentence)
            return SOURCE_REFUSED
        sentence = self.penalties.refusalOf(CAMPUS, account, now)
        if sentence is not None:
            self.sentences.append(sentence)
            return ACCOUNT_REFUSED
        if password == good:
            self.penalties.succeeded(CAMPUS, account, now)
            return IN
        secret = self.penalties.digest(account, [password])
        self.penalties.noted(PenaltyKind.AUTHFAIL, CAMPUS, account, secret, now)
        return WRONG


def name(number: int) -> bytes:
    """
    An account.
    """
    return b"in%d" % number


def outcomes(door: Door, accounts: list[bytes], times: list[float]) -> list[str]:
    """
    What becomes of guesses, each of another password.
    """
    return [
        door.login(account, b"guess %d" % number, time)
        for number, (account, time) in enumerate(zip(accounts, times, strict=True))
    ]


# Campuses


def test_savedWrongPasswordNeverKeepsACampusOut() -> None:
    """
    Two hundred people log in all day, and one program tries the password of last year every
    ten seconds; the others of its account are not kept out either.
    """
    door, draw = Door(), random.Random(1)
    events = [(time, b"in7", b"last year's") for time in range(0, DAY, 10)]
    for number in range(200):
        for _ in range(10):
            events.append((draw.randrange(DAY), name(number), b"good"))
    seen = [door.login(account, password, time) for time, account, password in sorted(events)]
    assert {IN: 2000, WRONG: 8640} == {each: seen.count(each) for each in set(seen)}


def test_manySavedWrongPasswordsDoNotEither() -> None:
    """
    A hundred programs, each every ten seconds for an hour, and nobody has logged in yet.
    Each of them counted once, when it began.
    """
    door = Door()
    for time in range(0, 3600, 10):
        for number in range(time // 10 if time < 1000 else 100):
            assert door.login(name(number), b"last year's", time) is WRONG


def test_usersWhoMistypeDoNotEither() -> None:
    """
    A morning on which two hundred people log in within ten minutes, and every third one gets
    it right the second or third time only.
    """
    door, draw = Door(), random.Random(2)
    events = []
    for number in range(200):
        time = draw.uniform(0, 600)
        for typo in range(draw.choice([0, 0, 0, 0, 1, 2])):
            events.append((time, name(number), b"typo %d" % typo))
            time += draw.uniform(5, 15)
        events.append((time, name(number), b"good"))
    seen = [door.login(account, password, time) for time, account, password in sorted(events)]
    assert set(seen) == {IN, WRONG}
    assert seen.count(IN) == 200
    assert seen.count(WRONG) > 60


def test_courseWhereHalfOfThemMistypeIsNotKeptOut() -> None:
    """
    Two teachers have logged in; then a hundred people do for the first time, in five minutes.
    """
    door = Door()
    assert door.login(b"teacher", b"good", 0) == door.login(b"assistant", b"good", 1) == IN
    for number in range(100):
        time = 10 + number * 3.0
        if number % 2:
            assert door.login(name(number), b"tpyo", time) is WRONG
        assert door.login(name(number), b"good", time + 2) is IN


def test_teamThatSharesAnAccountIsToldForHowLong() -> None:
    door = Door()
    for number in range(4):
        assert door.login(b"in1000", b"typo %d" % number, number) is WRONG
    assert door.login(b"in1000", b"good", 5) is ACCOUNT_REFUSED
    assert door.login(b"in2000", b"good", 5) is IN
    assert door.sentences == [
        "Too many logins to this account from 192.0.2.7 have failed."
        " The next one can be made in 15 seconds."
    ]
    assert door.login(b"in1000", b"good", 20) is IN


# Guessers


def test_guesserOfOneAccountIsStoppedAndNobodyElse() -> None:
    """
    A thousand passwords, one a second: four go through, and then no more than sshd lets,
    which is one in five seconds.
    """
    door = Door()
    seen = []
    for time in range(1000):
        seen.append(door.login(b"root", b"guess %d" % time, time))
        assert door.login(b"in1", b"good", time + 0.5) is IN
    assert seen[:20] == [WRONG] * 4 + [ACCOUNT_REFUSED] * 16
    assert seen.count(WRONG) == 200
    assert SOURCE_REFUSED not in seen


def test_guesserWhoseConnectionsAreOpenAlreadyWaitsTenMinutes() -> None:
    """
    Nobody was asked before these guesses.
    """
    penalties = Penalties(Rules(), bytes(32))
    for number in range(1000):
        secret = penalties.digest(b"root", [b"%d" % number])
        penalties.noted(PenaltyKind.AUTHFAIL, CAMPUS, b"root", secret, BEGIN)
    assert penalties.refusalOf(CAMPUS, b"root", BEGIN + 599) is not None
    assert penalties.refusalOf(CAMPUS, b"root", BEGIN + 600) is None
    assert penalties.refusal(CAMPUS, BEGIN) is None


def test_guesserOfManyAccountsIsStoppedForItsSource() -> None:
    door = Door()
    accounts = [name(number) for number in range(1000)]
    seen = outcomes(door, accounts, [number / 10 for number in range(1000)])
    assert seen[:10] == [WRONG] * 4 + [SOURCE_REFUSED] * 6
    assert seen.count(WRONG) < 40
    assert ACCOUNT_REFUSED not in seen


def test_guesserWhoGoesRoundWaitsToo() -> None:
    """
    Fifty accounts again and again, for an hour: what an account costs its source is due again.
    """
    door = Door()
    accounts = [name(number % 50) for number in range(3600)]
    seen = outcomes(door, accounts, [float(number) for number in range(3600)])
    assert seen.count(WRONG) < 3600 / 2
    assert seen[-600:].count(SOURCE_REFUSED) > 100


def test_ownAccountBuysAGuesserNothing() -> None:
    """
    Logins between the guesses are no slack, and take nothing away.
    """
    one, other = Door(), Door()
    for time in range(0, 300, 3):
        one.login(b"mine", b"good", time)
        for door in (one, other):
            door.login(name(time % 40), b"guess %d" % time, time)
    assert one.sentences
    assert one.penalties.listing(BEGIN + 300) == other.penalties.listing(BEGIN + 300)


def test_whatIsKeptOfAGuesserHasABound() -> None:
    door = Door(Penalties(Rules(limit=100), bytes(32)))
    for number in range(20_000):
        account = name(number // 40)
        secret = door.penalties.digest(account, [b"guess %d" % number])
        source = CAMPUS + number % 7
        door.penalties.noted(PenaltyKind.AUTHFAIL, source, account, secret, BEGIN + number)
    failures = door.penalties._four.failures
    assert len(failures) == 100
    assert {len(each.digests) <= KEPT * 16 for _, each in failures._pairs.items(0)} == {True}
    assert len(door.penalties.listing(BEGIN)) <= 200


# What a stranger can see


def test_accountThatExistsIsTreatedAsOneThatDoesNot() -> None:
    """
    Somebody behind the same address logs in as C{exists} all the time.
    """
    door = Door()
    door.login(b"teacher", b"good", 0)
    seen: dict[bytes, list[str | None]] = {b"exists": [], b"exists not": []}
    for time in range(200):
        door.penalties.succeeded(CAMPUS, b"exists", BEGIN + time)
        for account, sentences in seen.items():
            secret = door.penalties.digest(account, [b"guess %d" % (time // 2)])
            if door.penalties.refusalOf(CAMPUS, account, BEGIN + time) is None:
                door.penalties.noted(PenaltyKind.AUTHFAIL, CAMPUS, account, secret, BEGIN + time)
            sentences.append(door.penalties.refusalOf(CAMPUS, account, BEGIN + time))
            sentences.append(door.penalties.refusal(CAMPUS, BEGIN + time))
    assert seen[b"exists"] == seen[b"exists not"]
    assert any(seen[b"exists"])


# What holds whatever happens

_STEPS = st.sampled_from([0.0, 0.1, 1.0, 4.9, 5.0, 5.1, 15.0, 59.9, 60.0, 61.0])


@settings(max_examples=200)
@given(st.lists(st.tuples(_STEPS, st.integers(0, 2)), max_size=80))
def test_threeAccountsNeverKeepTheirSourceOut(steps: list[tuple[float, int]]) -> None:
    """
    However often, and whenever, they fail.
    """
    penalties, now = Penalties(Rules(), bytes(32)), BEGIN
    for step, account in steps:
        now += step
        penalties.noted(PenaltyKind.AUTHFAIL, CAMPUS, name(account), None, now)
        assert penalties.refusal(CAMPUS, now) is None


@settings(max_examples=100)
@given(st.lists(st.tuples(_STEPS, st.integers(0, 11)), max_size=150))
def test_twelveDoNotWherePeopleShareIt(steps: list[tuple[float, int]]) -> None:
    """
    The same, for a source with slack.
    """
    penalties, now = Penalties(Rules(), bytes(32)), BEGIN
    penalties.succeeded(CAMPUS, b"a", BEGIN)
    penalties.succeeded(CAMPUS, b"b", BEGIN)
    for step, account in steps:
        now += step
        penalties.noted(PenaltyKind.AUTHFAIL, CAMPUS, name(account), None, now)
        assert penalties.refusal(CAMPUS, now) is None


def test_theyDoNotWhenAllOfThemFailEverySecondEither() -> None:
    for accounts, logins in ((3, []), (12, [b"a", b"b"])):
        penalties = Penalties(Rules(), bytes(32))
        for time in range(600):
            for account in logins:
                penalties.succeeded(CAMPUS, account, BEGIN + time)
            for account in map(name, range(accounts)):
                penalties.noted(PenaltyKind.AUTHFAIL, CAMPUS, account, None, BEGIN + time)
            assert penalties.refusal(CAMPUS, BEGIN + time) is None
