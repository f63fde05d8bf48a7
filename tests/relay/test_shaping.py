"""
L{bastion.relay.shaping}: a gateway and its accounts have ceilings, which their
connections share.
"""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.task import Clock

from bastion.relay.ceiling import ADVANCE, QUANTUM, START
from bastion.relay.channels import End
from bastion.relay.flow import Flow
from bastion.relay.shaping import LEAST_WAIT, Shaping, Share
from bastion.wire import Malformed

MIB = 2**20
WINDOW = 2 * MIB
TICK = 0.01


@define(eq=False)
class Copy:
    """
    A copy that sends whatever it may, to a receiver that takes it at once.

    @ivar sent: how many bytes so far.
    """

    sent: int = 0
    _window: int = 0
    _unsaid: int = 0
    _flow: Flow = field(init=False)

    def start(self, share: Share, sender: End, interactive: bool = False) -> Copy:
        """
        Open the channel.
        """
        self._flow = share.flow(sender, self.gets)
        self._flow.interactive = interactive
        self._flow.begin(WINDOW)
        return self

    def gets(self, size: int) -> None:
        """
        Hear of more window.
        """
        assert size > 0
        self._window += size

    def sends(self) -> None:
        """
        Use the window; the receiver grants more when it has taken a few packets.
        """
        size, self._window = self._window, 0
        self.sent += size
        self._unsaid += size
        self._flow.used(size)
        if self._unsaid >= 3 * 32_768:
            unsaid, self._unsaid = self._unsaid, 0
            self._flow.granted(unsaid)


@define(eq=False)
class Site:
    """
    A gateway, and those that copy through it.
    """

    rate: int = 0
    clock: Clock = field(factory=Clock)
    copies: list[Copy] = field(factory=list)
    shaping: Shaping = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(1_795_600_000)
        self.shaping = Shaping(self.rate, self.clock)

    def share(self, account: bytes = b"johnson", rate: int = 0) -> Share:
        """
        A connection that is limited.
        """
        share = self.shaping.join(account, rate)
        assert share is not None
        return share

    def copy(self, share: Share, sender: End = End.CLIENT, interactive: bool = False) -> Copy:
        """
        Somebody copies.
        """
        self.copies.append(Copy().start(share, sender, interactive))
        return self.copies[-1]

    def passes(self, seconds: float) -> list[int]:
        """
        Time does; returns what each has sent meanwhile.
        """
        before = [each.sent for each in self.copies]
        for _ in range(round(seconds / TICK)):
            for each in self.copies:
                each.sends()
            self.clock.advance(TICK)
            assert len(self.clock.getDelayedCalls()) <= 1
        return [each.sent - had for each, had in zip(self.copies, before, strict=True)]


# Who is limited


def test_nobodyIsLimitedWithoutACeiling() -> None:
    site = Site()
    assert site.shaping.join(b"johnson", 0) is None
    assert len(site.shaping) == 0


@pytest.mark.parametrize("rate", [MIB, 10 * MIB, 300 * MIB])
@pytest.mark.parametrize("sender", End)
@pytest.mark.parametrize("whose", ["gateway", "account", "both"])
def test_copyIsAsFastAsItsCeiling(rate: int, sender: End, whose: str) -> None:
    site = Site(0 if whose == "account" else rate)
    site.copy(site.share(rate=0 if whose == "gateway" else rate), sender)
    site.passes(1)
    # Without a ceiling it would send its window in each tick.
    most = min(rate, WINDOW / TICK)
    assert site.passes(4)[0] / 4 == pytest.approx(most, rel=0.05)


def test_tighterCeilingCounts() -> None:
    site = Site(4 * MIB)
    one = site.share(rate=MIB)
    site.copy(one)
    site.copy(one)
    site.passes(1)
    assert sum(site.passes(4)) / 4 == pytest.approx(MIB, rel=0.05)


def test_directionsHaveTheirOwnCeilings() -> None:
    site = Site(MIB)
    share = site.share(rate=MIB)
    site.copy(share, End.CLIENT)
    site.copy(share, End.HOST)
    site.passes(1)
    assert site.passes(4) == pytest.approx([4 * MIB] * 2, rel=0.05)


# Who shares


def test_connectionsOfAnAccountShareItsCeiling() -> None:
    site = Site()
    for _ in range(4):
        site.copy(site.share(rate=4 * MIB))
    site.copy(site.share(b"smith", 4 * MIB))
    site.passes(1)
    assert site.passes(4) == pytest.approx([4 * MIB] * 4 + [16 * MIB], rel=0.1)
    assert len(site.shaping) == 2


def test_flowsOfAGatewayGetTheSame() -> None:
    site = Site(10 * MIB)
    for account in (b"a", b"a", b"b", b"c", b"d"):
        site.copy(site.share(account))
    site.passes(1)
    assert site.passes(4) == pytest.approx([8 * MIB] * 5, rel=0.05)


def test_whoWaitsForItsAccountKeepsNobodyWaiting() -> None:
    site = Site(10 * MIB)
    site.copy(site.share(b"slow", MIB))
    site.copy(site.share(b"fast", 0))
    site.passes(1)
    assert site.passes(4) == pytest.approx([4 * MIB, 36 * MIB], rel=0.05)


def test_whoWaitsForItsAccountTakesNothingOfItsGateways() -> None:
    site = Site(MIB)
    for _ in range(10):
        flow = site.share(b"slow", 1024).flow(End.CLIENT, lambda size: None)
        flow.begin(WINDOW)
        flow.used(ADVANCE)
    given: list[int] = []
    site.share(b"fast").flow(End.CLIENT, given.append).begin(WINDOW)
    had = START + 9 * ADVANCE
    assert MIB // 4 - had - QUANTUM < sum(given) <= MIB // 4 - had


def test_connectionsWithAnotherRateHaveACeilingOfTheirOwn() -> None:
    """
    They were made before the configuration was changed.
    """
    site = Site()
    site.copy(site.share(rate=MIB))
    site.copy(site.share(rate=2 * MIB))
    site.passes(1)
    assert site.passes(4) == pytest.approx([4 * MIB, 8 * MIB], rel=0.05)


# Who types


def test_whoTypesDoesNotWaitForThoseThatCopy() -> None:
    site = Site(MIB)
    for _ in range(20):
        site.copy(site.share())
    site.passes(2)
    share = site.share(b"typist")
    given: list[int] = []
    flow = share.flow(End.CLIENT, given.append)
    flow.interactive = True
    flow.begin(WINDOW)
    assert given == [ADVANCE]
    flow.used(100)
    site.passes(0.1)
    assert sum(given) >= ADVANCE + QUANTUM
    had = sum(given)
    flow.used(20_000)
    site.passes(0.1)
    assert sum(given) > had


def test_terminalThatNeverEndsLeavesSomethingForTheOthers() -> None:
    site = Site(9 * MIB)
    site.copy(site.share(), interactive=True)
    site.copy(site.share(b"smith"))
    site.passes(1)
    assert site.passes(4) == pytest.approx([32 * MIB, 4 * MIB], rel=0.1)


# Bursts


def test_whoComesAgainAndAgainGetsNoBurstEachTime() -> None:
    site = Site()
    rate = 100 * MIB
    for _ in range(10):
        share = site.share(rate=rate)
        given: list[int] = []
        for _ in range(2):
            share.flow(End.CLIENT, given.append).begin(WINDOW)
        assert given == [START, ADVANCE]
        share.leave()


@pytest.mark.parametrize("used", [1, 0.5])
def test_channelAfterChannelGetsNoMoreThanTheCeiling(used: float) -> None:
    site = Site()
    share = site.share(rate=MIB)
    sent = 0
    for _ in range(2000):
        given: list[int] = []
        flow = share.flow(End.CLIENT, given.append)
        flow.begin(WINDOW)
        site.clock.advance(0.002)
        flow.used(int(used * sum(given)))
        sent += int(used * sum(given))
        flow.close()
    assert 3.5 * used * MIB < sent < 4 * MIB + 2 * START


@pytest.mark.parametrize("size", [1, 1000, START])
def test_channelAfterChannelThatIgnoresItsWindowIsSoonNoMistake(size: int) -> None:
    site = Site()
    share = site.share(rate=MIB)
    sent = 0
    with pytest.raises(Malformed):
        for _ in range(START + 2):
            flow = share.flow(End.CLIENT, lambda size: None)
            flow.begin(0)
            sent += size
            flow.used(size)
            flow.close()
    assert START < sent <= START + size


def test_debtsOfOneEndAndOfOneConnectionAreItsOwn() -> None:
    site = Site()
    for share in (site.share(rate=MIB), site.share(rate=MIB)):
        for end in End:
            share.flow(end, lambda size: None).used(START)


def test_debtOfAConnectionThatIsOverIsPaidByItsAccount() -> None:
    site = Site()
    share, other = site.share(rate=MIB), site.share(rate=MIB)
    share.flow(End.CLIENT, lambda size: None).used(START)
    share.leave()
    given: list[int] = []
    other.flow(End.CLIENT, given.append).begin(WINDOW)
    assert given == [ADVANCE]


def test_gatewayThatWasSilentHasABurst() -> None:
    site = Site(100 * MIB)
    share = site.share()
    given: list[int] = []
    flow = share.flow(End.CLIENT, given.append)
    flow.begin(0)
    flow.granted(100 * MIB)
    assert sum(given) == 25 * MIB


# The timer, and the end


def test_timerGoesOffNoMoreOftenThanItHasTo() -> None:
    site = Site(300 * MIB)
    for _ in range(5):
        site.copy(site.share())
    site.passes(1)
    (call,) = site.clock.getDelayedCalls()
    assert call.getTime() - site.clock.seconds() >= LEAST_WAIT * 0.999


@pytest.mark.parametrize("waits", [False, True])
def test_connectionThatIsOverLeavesNothing(waits: bool) -> None:
    site = Site(MIB)
    share, other = site.share(rate=MIB), site.share(rate=MIB)
    for _ in range(3):
        site.copy(share)
    if waits:
        site.passes(2)
        assert len(site.clock.getDelayedCalls()) == 1
    assert (len(share), len(site.shaping)) == (3, 1)
    share.leave()
    share.leave()
    assert (len(share), len(site.shaping)) == (0, 1)
    assert site.clock.getDelayedCalls() == []
    other.leave()
    assert len(site.shaping) == 0
