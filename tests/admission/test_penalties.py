"""
L{bastion.admission.penalties}: the arithmetic, the kinds and the sentences.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from attrs import evolve

from bastion.admission.limits import NetBlock
from bastion.admission.penalties import REASONS, SECONDS, Penalties, Rules, howLong
from bastion.admission.sources import Address
from bastion.state import Penalty, PenaltyKind

AUTHFAIL, NOAUTH = PenaltyKind.AUTHFAIL, PenaltyKind.NOAUTH
GRACE_EXCEEDED, REFUSED = PenaltyKind.GRACE_EXCEEDED, PenaltyKind.REFUSED

HERE = ipaddress.ip_address("192.0.2.7")
HERE_SIX = ipaddress.ip_address("2001:db8:1:2::7")
BEGIN = 1795600000.3


def penalties(**rules: Any) -> Penalties:
    """
    None yet.
    """
    return Penalties(Rules(**rules), bytes(32))


def note(
    some: Penalties,
    kind: PenaltyKind,
    *times: float,
    source: Address = HERE,
    account: bytes | None = None,
) -> list[Penalty]:
    """
    The same thing happens again and again, seconds after the beginning; what keeps somebody
    out because of the last time.
    """
    begun: list[Penalty] = []
    for time in times:
        begun = some.noted(kind, source, account, None, BEGIN + time)
    return begun


def isOut(some: Penalties, time: float, source: Address = HERE) -> bool:
    """
    Whether a source is kept out.
    """
    return some.refusal(source, BEGIN + time) is not None


def isOutAs(some: Penalties, account: bytes, time: float, source: Address = HERE) -> bool:
    """
    Whether an account is.
    """
    return some.refusalOf(source, account, BEGIN + time) is not None


def test_numbersAreThoseOfSshd() -> None:
    assert {kind.value: seconds for kind, seconds in SECONDS.items()} == {
        "authfail": 5,
        "noauth": 1,
        "grace-exceeded": 10,
        "refuseconnection": 10,
    }
    rules = Rules()
    assert (rules.least, rules.most, rules.limit, rules.exempt) == (15, 600, 65_536, ())
    assert REASONS.keys() == SECONDS.keys() == set(PenaltyKind)


# Adding up


@pytest.mark.parametrize(
    ("kind", "times"),
    [(NOAUTH, 15), (GRACE_EXCEEDED, 1), (REFUSED, 1), (AUTHFAIL, 3)],
)
def test_sourceIsKeptOutWhenThereIsMoreThanTheMinimum(kind: PenaltyKind, times: int) -> None:
    some = penalties()
    assert note(some, kind, *[0.0] * times) == []
    assert not isOut(some, 0)
    (begun,) = note(some, kind, 0)
    seconds = SECONDS[kind] * (times + 1)
    assert begun == Penalty("192.0.2.7", None, (kind,), begun.until, True)
    assert begun.until == pytest.approx(BEGIN + seconds)
    assert isOut(some, 0)
    assert isOut(some, seconds - 0.01)
    assert not isOut(some, seconds)


def test_justTheMinimumKeepsNobodyOut() -> None:
    """
    Whatever the time is: sums of it are not exact.
    """
    for number in range(1000):
        some, now = penalties(), BEGIN + number * 1234.567
        for _ in range(3):
            some.noted(AUTHFAIL, HERE, None, None, now)
        assert some.refusal(HERE, now) is None
        some.noted(AUTHFAIL, HERE, None, None, now)
        assert some.refusal(HERE, now) is not None


def test_whatIsLeftPassesByItself() -> None:
    some = penalties()
    assert note(some, REFUSED, 0, 6, 15) == []
    assert note(some, REFUSED, 16) != []
    assert isOut(some, 39.9)
    assert not isOut(some, 40)


def test_keptOutUntilNothingIsLeft() -> None:
    """
    As with sshd: not only until there is less than the minimum again.
    """
    some = penalties()
    note(some, REFUSED, 0, 0)
    assert isOut(some, 19.9)
    assert note(some, NOAUTH, 19.9) == []
    assert isOut(some, 20.9)
    assert not isOut(some, 21)


def test_nobodyWaitsLongerThanTheMaximum() -> None:
    some = penalties()
    note(some, REFUSED, *[0.0] * 1000)
    assert isOut(some, 599.9)
    assert not isOut(some, 600)


def test_askingDoesNotCount() -> None:
    some = penalties()
    note(some, REFUSED, 0, 0)
    for time in range(20):
        assert isOut(some, time)
    assert not isOut(some, 20)


def test_theNewNumbersCount() -> None:
    some = penalties(seconds={NOAUTH: 30.0, REFUSED: 0.0}, least=20.0, most=40.0)
    assert note(some, REFUSED, *[0.0] * 100) == note(some, AUTHFAIL, *[0.0] * 100) == []
    note(some, AUTHFAIL, 0, account=b"johnson")
    assert (len(some._four.sources), len(some._four.failures)) == (0, 0)
    assert note(some, NOAUTH, 0) != []
    note(some, NOAUTH, 0)
    assert isOut(some, 39.9)
    assert not isOut(some, 40)


def test_singleOneAboveTheMinimumKeepsOutAtOnce() -> None:
    some = penalties(seconds={NOAUTH: 90.0})
    (begun,) = note(some, NOAUTH, 0)
    assert begun.active
    assert note(some, NOAUTH, 1) == []


# Accounts


def test_accountWaitsBeforeItsSourceDoes() -> None:
    some = penalties()
    assert note(some, AUTHFAIL, 0, 1, 2, account=b"johnson") == []
    assert not isOutAs(some, b"johnson", 2)
    (begun,) = note(some, AUTHFAIL, 3, account=b"johnson")
    assert begun == Penalty("192.0.2.7", b"johnson", (AUTHFAIL,), begun.until, True)
    assert isOutAs(some, b"johnson", 3)
    assert not isOutAs(some, b"gaston", 3)
    assert not isOut(some, 3)
    assert isOutAs(some, b"johnson", 19.9)
    assert not isOutAs(some, b"johnson", 20)


def test_accountWaitsFromThatSourceOnly() -> None:
    some = penalties()
    note(some, AUTHFAIL, 0, 0, 0, 0, account=b"johnson")
    assert isOutAs(some, b"johnson", 0)
    assert not isOutAs(some, b"johnson", 0, HERE + 1)


@pytest.mark.parametrize(("kind", "accounts"), [(AUTHFAIL, 4), (GRACE_EXCEEDED, 2), (REFUSED, 2)])
def test_sourceWaitsWhenDifferentAccountsFail(kind: PenaltyKind, accounts: int) -> None:
    some = penalties()
    for number in range(accounts):
        assert not isOut(some, 0)
        begun = note(some, kind, 0, account=b"%d" % number)
        note(some, kind, 0, account=b"%d" % number)
    assert isOut(some, 0)
    assert [each.account for each in begun] == [None]


def test_sameAccountCountsAgainstItsSourceOnceInAMinute() -> None:
    some = penalties()
    note(some, GRACE_EXCEEDED, *range(60), account=b"johnson")
    (source,) = [each for each in some.listing(BEGIN) if each.account is None]
    assert source.until == pytest.approx(BEGIN + 10)
    note(some, GRACE_EXCEEDED, 60, account=b"johnson")
    (source,) = [each for each in some.listing(BEGIN + 60) if each.account is None]
    assert source.until == pytest.approx(BEGIN + 70)


def test_connectionWithoutAnAttemptCountsForItsSourceWhateverItNames() -> None:
    some = penalties()
    note(some, NOAUTH, *[0.0] * 16, account=b"johnson")
    assert isOut(some, 0)
    assert not isOutAs(some, b"johnson", 0)


def test_sameSecretCountsOnce() -> None:
    some = penalties()
    for time in range(1000):
        secret = some.digest(b"johnson", [b"the old one"])
        assert some.noted(AUTHFAIL, HERE, b"johnson", secret, BEGIN + time / 10) == []
    assert some.listing(BEGIN + 4.9) != []
    assert some.listing(BEGIN + 5) == []


def test_sameSecretCountsOnceWhicheverWayItWasGiven() -> None:
    """
    As a password, and as the answer to the one question.
    """
    some = penalties()
    assert some.digest(b"johnson", [b"x"]) == some.digest(b"johnson", (b"x",))
    assert some.digest(b"johnson", [b"x"]) != penalties().digest(b"gaston", [b"x"])
    assert some.digest(b"johnson", [b"x"]) != Penalties(Rules(), b"1" * 32).digest(
        b"johnson", [b"x"]
    )


# Sources that people share


def test_sharedSourcePaysHalfAndHasTwiceAsMuch() -> None:
    some = penalties()
    some.succeeded(HERE, b"gaston", BEGIN)
    some.succeeded(HERE, b"johnson", BEGIN)
    assert note(some, REFUSED, *[0.0] * 6) == []
    (begun,) = note(some, REFUSED, 0)
    assert begun.until == pytest.approx(BEGIN + 35)
    assert isOut(some, 34.9)
    assert not isOut(some, 35)


@pytest.mark.parametrize(("logins", "accounts"), [([], 3), ([b"a"], 3), ([b"a", b"b"], 12)])
def test_howManyAccountsMayFailInAnInstant(logins: list[bytes], accounts: int) -> None:
    some = penalties()
    for account in logins:
        some.succeeded(HERE, account, BEGIN)
    for number in range(accounts):
        note(some, AUTHFAIL, 0, account=b"%d" % number)
    assert not isOut(some, 0)
    note(some, AUTHFAIL, 0, account=b"another")
    assert isOut(some, 0)


@pytest.mark.parametrize(("later", "hasSlack"), [(86399, True), (86400, False)])
def test_slackIsOverADayAfterTheLogins(later: float, hasSlack: bool) -> None:
    some = penalties()
    some.succeeded(HERE, b"a", BEGIN)
    some.succeeded(HERE, b"b", BEGIN)
    note(some, REFUSED, later, later)
    assert isOut(some, later) is not hasSlack


# Sources


@pytest.mark.parametrize(
    ("block", "one", "other", "isOne"),
    [
        (NetBlock(), "192.0.2.7", "192.0.2.8", False),
        (NetBlock(), "192.0.2.7", "::ffff:192.0.2.7", True),
        (NetBlock(), "2001:db8:1:2::7", "2001:db8:1:2:3::9", True),
        (NetBlock(), "2001:db8:1:2::7", "2001:db8:1:3::7", False),
        (NetBlock(24, 48), "192.0.2.7", "192.0.2.8", True),
        (NetBlock(24, 48), "192.0.2.7", "192.0.3.7", False),
        (NetBlock(24, 48), "2001:db8:1:2::7", "2001:db8:1:3::7", True),
        (NetBlock(32, 128), "2001:db8:1:2::7", "2001:db8:1:2::8", False),
    ],
)
def test_whatCountsAsOneSourceIsSaid(block: NetBlock, one: str, other: str, isOne: bool) -> None:
    some = penalties(block=block)
    note(some, REFUSED, 0, 0, source=ipaddress.ip_address(one))
    assert isOut(some, 0, ipaddress.ip_address(other)) is isOne
    note(some, AUTHFAIL, 0, 0, 0, 0, source=ipaddress.ip_address(one), account=b"a")
    assert isOutAs(some, b"a", 0, ipaddress.ip_address(other)) is isOne


@pytest.mark.parametrize("exempt", ["192.0.2.0/28", "::ffff:0:0/96", "2001:db8::/32"])
def test_exemptNetworkGetsNoPenalties(exempt: str) -> None:
    network = ipaddress.ip_network(exempt)
    some = penalties(exempt=[network])
    for source in (HERE, HERE_SIX, ipaddress.ip_address("::ffff:192.0.2.7")):
        note(some, REFUSED, 0, 0, source=source)
        note(some, AUTHFAIL, 0, 0, 0, 0, source=source, account=b"a")
    isFour = exempt.startswith("192")
    isSix = exempt.startswith("2001")
    noted = {"192.0.2.7": not isFour, "2001:db8:1:2::/64": not isSix}
    assert {each.source for each in some.listing(BEGIN)} == {each for each in noted if noted[each]}
    assert [isOut(some, 0, source) for source in (HERE, HERE_SIX)] == [not isFour, not isSix]
    assert [isOutAs(some, b"a", 0, source) for source in (HERE, HERE_SIX)] == [
        not isFour,
        not isSix,
    ]


def test_exemptAddressDoesNotWaitForItsNeighbours() -> None:
    some = penalties(block=NetBlock(24, 64), exempt=[ipaddress.ip_network("192.0.2.8/32")])
    note(some, REFUSED, 0, 0)
    note(some, AUTHFAIL, 0, 0, 0, 0, account=b"a")
    assert [isOut(some, 0, each) for each in (HERE, HERE + 1, HERE + 2)] == [True, False, True]
    assert [isOutAs(some, b"a", 0, each) for each in (HERE, HERE + 1)] == [True, False]


# The bounds


def test_fullTableLetsThoseInWhoseTimeIsOverFirst() -> None:
    """
    As C{overflow:permissive} of sshd.
    """
    some = penalties(limit=10)
    for number in range(10):
        note(some, REFUSED, 0, 0, *[0.0] * number, source=HERE + number)
    note(some, REFUSED, 15, 15, source=HERE + 10)
    assert [isOut(some, 15, HERE + number) for number in range(11)] == [False] + [True] * 10
    note(some, REFUSED, 15, source=HERE + 11)
    assert [isOut(some, 15, HERE + number) for number in range(11)] == [False] + [True] * 10


def test_familiesHaveTablesOfTheirOwn() -> None:
    some = penalties(limit=1)
    note(some, REFUSED, 0, 0)
    for number in range(10):
        note(some, REFUSED, 0, 0, 0, source=HERE_SIX + (number << 64))
    assert isOut(some, 0)
    assert isOut(some, 0, HERE_SIX)


def test_noTableGrowsBeyondItsLimit() -> None:
    some = penalties(limit=10)
    for number in range(200):
        source = ipaddress.ip_address("198.51.100.0") + number
        for account in (b"a", b"b", b"%d" % number):
            some.noted(AUTHFAIL, source, account, bytes([number]) * 16, BEGIN)
            some.succeeded(source, account, BEGIN)
    family = some._four
    assert (len(family.sources), len(family.pairs)) == (10, 10)
    assert (len(family.failures), len(family.regulars)) == (10, 10)


# Operators


def test_listingHasEverythingThatIsLeft() -> None:
    some = penalties()
    note(some, REFUSED, 0, source=HERE_SIX)
    note(some, NOAUTH, 0, 0)
    note(some, AUTHFAIL, 1, 1, 1, 1, account=b"johnson")
    note(some, REFUSED, 1, account=b"gaston")
    note(some, NOAUTH, 1)
    found = [evolve(each, until=round(each.until - BEGIN, 6)) for each in some.listing(BEGIN + 1)]
    assert found == [
        Penalty("192.0.2.7", None, (AUTHFAIL, REFUSED, NOAUTH), 18, True),
        Penalty("192.0.2.7", b"gaston", (REFUSED,), 11, False),
        Penalty("192.0.2.7", b"johnson", (AUTHFAIL,), 21, True),
        Penalty("2001:db8:1:2::/64", None, (REFUSED,), 10, False),
    ]
    assert [each.account for each in some.listing(BEGIN + 18)] == [b"johnson"]
    assert some.listing(BEGIN + 21) == []


@pytest.mark.parametrize(
    ("source", "lifted"),
    [
        ("192.0.2.7", HERE),
        ("192.0.2.7/32", HERE),
        ("::ffff:192.0.2.7", HERE),
        ("2001:db8:1:2::/64", HERE_SIX),
        ("2001:db8:1:2::7", HERE_SIX),
        ("2001:db8:1:2::99", HERE_SIX),
    ],
)
def test_liftedSourceMayComeInWithAllItsAccounts(source: str, lifted: Address) -> None:
    some = penalties()
    for each in (HERE, HERE_SIX):
        note(some, REFUSED, 0, 0, source=each)
        note(some, AUTHFAIL, 0, 0, 0, 0, source=each, account=b"a")
        note(some, AUTHFAIL, 0, account=b"b", source=each)
    before = len(some.listing(BEGIN))
    gone = some.lift(source, None, BEGIN)
    assert [each.account for each in gone] == [None, b"a", b"b"]
    assert len(some.listing(BEGIN)) == before - 3
    for each in (HERE, HERE_SIX):
        assert isOut(some, 0, each) is (each != lifted)
        assert isOutAs(some, b"a", 0, each) is (each != lifted)
    assert some.lift(source, None, BEGIN) == []


def test_liftedAccountIsTheOnlyOne() -> None:
    some = penalties()
    note(some, REFUSED, 0, 0)
    for account in (b"a", b"b"):
        note(some, AUTHFAIL, 0, 0, 0, 0, account=account)
    assert [each.account for each in some.lift("192.0.2.7", b"a", BEGIN)] == [b"a"]
    assert not isOutAs(some, b"a", 0)
    assert isOutAs(some, b"b", 0)
    assert isOut(some, 0)
    assert some.lift("192.0.2.7", b"c", BEGIN) == []


def test_liftedPenaltyBeginsAnew() -> None:
    some = penalties()
    note(some, REFUSED, 0, 0)
    some.lift("192.0.2.7", None, BEGIN)
    assert note(some, REFUSED, 0) == []
    assert note(some, REFUSED, 0) != []


@pytest.mark.parametrize("wrong", ["", "johnson", "192.0.2", "192.0.2.7/99"])
def test_sourceThatCannotBeReadIsAnError(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|address"):
        penalties().lift(wrong, None, BEGIN)


# Sentences


def test_sentenceSaysForHowLong() -> None:
    some = penalties()
    note(some, REFUSED, 0, 0)
    note(some, AUTHFAIL, *[0.0] * 20, account=b"johnson\x1b[2J")
    assert some.refusal(HERE, BEGIN + 1) == (
        "Too many connections from 192.0.2.7 have failed to log in."
        " The next one can be made in 24 seconds."
    )
    assert some.refusalOf(HERE, b"johnson\x1b[2J", BEGIN + 1) == (
        "Too many logins to this account from 192.0.2.7 have failed."
        " The next one can be made in 2 minutes."
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.01, "1 second"),
        (1, "1 second"),
        (1.2, "2 seconds"),
        (20, "20 seconds"),
        (20.0000002, "20 seconds"),
        (90, "90 seconds"),
        (91, "2 minutes"),
        (120, "2 minutes"),
        (121, "3 minutes"),
        (600, "10 minutes"),
    ],
)
def test_timeInWordsIsCertainlyEnough(seconds: float, words: str) -> None:
    assert howLong(seconds) == words
