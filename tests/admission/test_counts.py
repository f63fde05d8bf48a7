"""
L{bastion.admission.counts}: the limits, their sentences, and that nothing is kept of what has
gone.
"""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bastion.admission.counts import Allowance, Channels, Connections, Place, Sessions
from bastion.admission.limits import NetBlock
from bastion.admission.sources import Address

HERE = ipaddress.ip_address("192.0.2.7")
THERE = ipaddress.ip_address("2001:db8::7")

# Connections


def test_sourceHasAsManyConnectionsAsItMay() -> None:
    connections = Connections(perSource=2)
    connections.arrived(HERE)
    assert connections.refusal(HERE) is None
    connections.arrived(ipaddress.ip_address("::ffff:192.0.2.7"))
    assert connections.refusal(HERE) == (
        "As many connections from 192.0.2.7 are open as there may be (2)."
        " Close one, or try again later."
    )
    assert connections.refusal(HERE + 1) is None


def test_gatewayHasAsManyConnectionsAsItMay() -> None:
    connections = Connections(limit=2)
    connections.arrived(HERE)
    assert connections.refusal(HERE) is None
    connections.arrived(THERE)
    assert connections.refusal(HERE + 1) == (
        "As many connections are open as this gateway takes (2). Please try again later."
    )


def test_sourceIsToldOfItsOwnLimitFirst() -> None:
    """
    That is what its user can do something about.
    """
    connections = Connections(1, 1)
    connections.arrived(HERE)
    sentence = connections.refusal(HERE)
    assert sentence is not None
    assert "from 192.0.2.7" in sentence


@pytest.mark.parametrize("limits", [Connections(), Connections(0, 0), Connections(7, 7)])
def test_withinItsLimitsEverybodyMayCome(limits: Connections) -> None:
    for _ in range(6):
        limits.arrived(HERE)
    assert limits.refusal(HERE) is None
    assert (limits.total, limits.of(HERE), limits.of(THERE)) == (6, 6, 0)


def test_whatCountsAsOneSourceIsSaid() -> None:
    connections = Connections(perSource=1, block=NetBlock(24, 64))
    connections.arrived(HERE)
    sentence = connections.refusal(HERE + 1)
    assert sentence is not None
    assert "from 192.0.2.0/24" in sentence


# Sessions


def test_accountHasAsManySessionsAsItMay() -> None:
    sessions = Sessions(perAccount=2)
    sessions.began(HERE, b"johnson")
    assert sessions.refusal(HERE, b"johnson") is None
    sessions.began(THERE, b"johnson")
    assert sessions.refusal(HERE + 1, b"johnson") == (
        "This account has as many sessions as it may have (2). End one, or try again later."
    )
    assert sessions.refusal(HERE, b"gaston") is None


def test_accountHasAsManySessionsFromASourceAsItMay() -> None:
    sessions = Sessions(perVisitor=1)
    sessions.began(THERE, b"johnson")
    assert sessions.refusal(THERE + 1, b"johnson") == (
        "This account has as many sessions from 2001:db8::/64 as it may have (1)."
        " End one, or try again later."
    )
    assert sessions.refusal(HERE, b"johnson") is None
    assert sessions.refusal(THERE, b"gaston") is None


def test_sourceHasAsManySessionsAsItMay() -> None:
    sessions = Sessions(perSource=2)
    sessions.began(HERE, b"johnson")
    assert sessions.refusal(HERE, b"johnson") is None
    sessions.began(ipaddress.ip_address("::ffff:192.0.2.7"), b"gaston")
    assert sessions.refusal(HERE, b"smith") == (
        "As many sessions from 192.0.2.7 are open as there may be (2). End one, or try again later."
    )
    assert sessions.refusal(HERE + 1, b"johnson") is None


def test_gatewayHasAsManySessionsAsItMay() -> None:
    sessions = Sessions(limit=2)
    sessions.began(HERE, b"johnson")
    assert sessions.refusal(HERE, b"johnson") is None
    sessions.began(THERE, b"gaston")
    assert sessions.refusal(HERE + 1, b"smith") == (
        "As many sessions are open as this gateway takes (2). Please try again later."
    )


def test_sessionIsRefusedForWhatIsTheUsersOwnFirst() -> None:
    """
    The account's from there, the account's, the source's, and then everybody's.
    """
    found = []
    for sessions in (Sessions(1, 1, 1, 1), Sessions(1, 1, 1), Sessions(1, 1), Sessions(1)):
        sessions.began(HERE, b"johnson")
        found.append(sessions.refusal(HERE, b"johnson") or "")
    visitor, account, source, gateway = found
    assert visitor.startswith("This account has as many sessions from 192.0.2.7")
    assert account.startswith("This account has as many sessions as it may have")
    assert source.startswith("As many sessions from 192.0.2.7")
    assert gateway.startswith("As many sessions are open as this gateway takes")


def test_accountIsNotTakenForASource() -> None:
    """
    Whatever it is called.
    """
    sessions = Sessions(perSource=1, perVisitor=1)
    sessions.began(HERE, b"2001:db8::/64")
    assert sessions.refusal(THERE, b"2001:db8::/64") is None
    assert (sessions.of(b"2001:db8::/64"), sessions.ofVisitor(b"2001:db8::/64", THERE)) == (1, 0)
    assert (sessions.of(HERE), sessions.of(THERE), sessions.total) == (1, 0, 1)


def test_whatCountsAsOneSourceOfSessionsIsSaid() -> None:
    sessions = Sessions(perSource=1, block=NetBlock(24, 64))
    sessions.began(HERE, b"johnson")
    assert "from 192.0.2.0/24" in (sessions.refusal(HERE + 1, b"gaston") or "")


# Channels


def test_sourceHasAsManyChannelsAsItMay() -> None:
    channels = Channels(perSource=2)
    channels.began(HERE, b"johnson")
    assert channels.refusal(HERE, b"johnson") is None
    channels.began(ipaddress.ip_address("::ffff:192.0.2.7"), b"gaston")
    assert channels.refusal(HERE, b"smith") == (
        "As many channels from 192.0.2.7 are open as there may be (2)."
        " Close one, or try again later."
    )
    assert channels.refusal(HERE + 1, b"johnson") is None


def test_accountHasAsManyChannelsAsItMay() -> None:
    channels = Channels(perAccount=2)
    channels.began(HERE, b"johnson")
    assert channels.refusal(HERE, b"johnson") is None
    channels.began(THERE, b"johnson")
    assert channels.refusal(HERE + 1, b"johnson") == (
        "This account has as many channels open as it may have (2). Close one, or try again later."
    )
    assert channels.refusal(HERE, b"gaston") is None


def test_gatewayHasAsManyChannelsAsItMay() -> None:
    channels = Channels(limit=2)
    channels.began(HERE, b"johnson")
    assert channels.refusal(HERE, b"johnson") is None
    channels.began(THERE, b"gaston")
    assert channels.refusal(HERE + 1, b"smith") == (
        "As many channels are open as this gateway takes (2). Please try again later."
    )


def test_userIsToldOfWhatIsHisOwnFirst() -> None:
    """
    The account's is his, the source's perhaps, and the gateway's is everybody's.
    """
    found = []
    for channels in (Channels(1, 1, 1), Channels(1, 1), Channels(1)):
        channels.began(HERE, b"johnson")
        found.append(channels.refusal(HERE, b"johnson") or "")
    account, source, gateway = found
    assert account.startswith("This account has")
    assert source.startswith("As many channels from 192.0.2.7")
    assert gateway.startswith("As many channels are open as this gateway takes")


def test_accountsChannelsAreNotTakenForASources() -> None:
    """
    Whatever it is called.
    """
    channels = Channels(perSource=1, perAccount=1)
    channels.began(THERE, b"192.0.2.7")
    assert (channels.of(b"192.0.2.7"), channels.of(HERE), channels.total) == (1, 0, 1)
    assert channels.refusal(HERE, b"johnson") is None


def test_whatCountsAsOneSourceOfChannelsIsSaid() -> None:
    channels = Channels(perSource=1, block=NetBlock(24, 64))
    channels.began(HERE, b"johnson")
    assert "from 192.0.2.0/24" in (channels.refusal(HERE + 1, b"gaston") or "")


def test_whereNothingIsLimitedNothingIsCounted() -> None:
    assert Channels().allowance(HERE, b"johnson") is None
    for limits in (Channels(limit=1), Channels(perSource=1), Channels(perAccount=1)):
        assert limits.allowance(HERE, b"johnson") is not None


def allowance(channels: Channels, account: bytes = b"johnson") -> Allowance:
    """
    Of one session.
    """
    made = channels.allowance(HERE, account)
    assert made is not None
    return made


def test_sessionsHaveTheChannelsOfTheirAccountTogether() -> None:
    channels = Channels(perAccount=2)
    one, two, others = allowance(channels), allowance(channels), allowance(channels, b"gaston")
    one.began()
    two.began()
    assert one.refusal() == two.refusal() == channels.refusal(HERE, b"johnson") is not None
    assert others.refusal() is None
    two.ended()
    assert one.refusal() is None
    assert (channels.total, channels.of(HERE), channels.of(b"johnson")) == (1, 1, 1)


def test_sessionThatIsOverGivesBackWhatItHasAndNoMore() -> None:
    channels = Channels(limit=9)
    one, two = allowance(channels), allowance(channels)
    for _ in range(3):
        one.began()
        two.began()
    one.ended()
    one.over()
    one.over()
    assert channels.total == 3
    two.over()
    assert channels._counts == {}


# The end


def test_placeIsGivenBackOnce() -> None:
    connections, sessions = Connections(perSource=2), Sessions(perAccount=2)
    places = [connections.arrived(HERE), sessions.began(HERE, b"a")]
    connections.arrived(HERE)
    sessions.began(HERE, b"a")
    for place in (*places, *places):
        place.over()
    assert (connections.of(HERE), sessions.of(b"a"), sessions.ofVisitor(b"a", HERE)) == (1, 1, 1)
    assert (sessions.of(HERE), sessions.total) == (1, 1)


def test_askingDoesNotCount() -> None:
    connections, sessions, channels = Connections(1, 1), Sessions(1, 1, 1, 1), Channels(1, 1, 1)
    assert [connections.refusal(HERE) for _ in range(3)] == [None] * 3
    assert [sessions.refusal(HERE, b"a") for _ in range(3)] == [None] * 3
    assert [channels.refusal(HERE, b"a") for _ in range(3)] == [None] * 3
    assert connections._counts == sessions._counts == channels._counts == {}


class Walk(RuleBasedStateMachine):
    """
    Counts, and everybody who is there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connections = Connections(6, 3)
        self.sessions = Sessions(8, 5, 4, 2)
        self.channels = Channels(12, 6, 4)
        self.there: list[tuple[Address, Place]] = []
        self.loggedIn: list[tuple[Address, bytes, Place]] = []
        self.using: list[tuple[Address, bytes, Allowance, int]] = []
        self.gone: list[Place] = []

    sources = st.sampled_from([HERE, HERE + 1, THERE, THERE + 1])
    accounts = st.sampled_from([b"a", b"b", b"192.0.2.7"])

    @rule(source=sources)
    def arrive(self, source: Address) -> None:
        """
        A connection, if there is a place.
        """
        if self.connections.refusal(source) is None:
            self.there.append((source, self.connections.arrived(source)))

    @rule(source=sources, account=accounts)
    def begin(self, source: Address, account: bytes) -> None:
        """
        A session, if there is a place.
        """
        if self.sessions.refusal(source, account) is None:
            self.loggedIn.append((source, account, self.sessions.began(source, account)))

    @rule(source=sources, account=accounts)
    def use(self, source: Address, account: bytes) -> None:
        """
        A session, with no channels yet.
        """
        made = self.channels.allowance(source, account)
        assert made is not None
        self.using.append((source, account, made, 0))

    @precondition(lambda self: self.using)
    @rule(number=st.integers(0, 9))
    def openOne(self, number: int) -> None:
        """
        A channel in a session, if there is a place.
        """
        source, account, made, count = self.using[number % len(self.using)]
        if made.refusal() is None:
            made.began()
            self.using[number % len(self.using)] = source, account, made, count + 1

    @precondition(lambda self: self.using)
    @rule(number=st.integers(0, 9), over=st.booleans())
    def closeOne(self, number: int, over: bool) -> None:
        """
        A channel is closed, or its session is over.
        """
        source, account, made, count = self.using.pop(number % len(self.using))
        if over:
            made.over()
        elif count:
            made.ended()
            self.using.append((source, account, made, count - 1))

    @precondition(lambda self: self.there)
    @rule(number=st.integers(0, 9))
    def leave(self, number: int) -> None:
        """
        A connection is closed.
        """
        self.gone.append(self.there.pop(number % len(self.there))[-1])
        self.gone[-1].over()

    @precondition(lambda self: self.loggedIn)
    @rule(number=st.integers(0, 9))
    def end(self, number: int) -> None:
        """
        A session is.
        """
        self.gone.append(self.loggedIn.pop(number % len(self.loggedIn))[-1])
        self.gone[-1].over()

    @precondition(lambda self: self.gone)
    @rule(number=st.integers(0, 9))
    def endAgain(self, number: int) -> None:
        """
        One is told to be over that is.
        """
        self.gone[number % len(self.gone)].over()

    @invariant()
    def agrees(self) -> None:
        """
        They count who is there, and keep nothing else.
        """
        here = [HERE, HERE + 1]
        from_ = [sum(each == source for each, _ in self.there) for source in here]
        assert [self.connections.of(source) for source in here] == from_
        assert self.connections.total == len(self.there) <= 6
        assert self.connections.of(THERE) == len(self.there) - sum(from_) <= 3
        for account in (b"a", b"b", b"192.0.2.7"):
            sources = [source for source, name, _ in self.loggedIn if name == account]
            assert self.sessions.of(account) == len(sources) <= 4
            assert self.sessions.ofVisitor(account, HERE) == sources.count(HERE) <= 2
        from_ = [sum(each == source for each, *_ in self.loggedIn) for source in here]
        assert [self.sessions.of(source) for source in here] == from_
        assert max(from_) <= 5
        assert self.sessions.of(THERE) == len(self.loggedIn) - sum(from_) <= 5
        assert self.sessions.total == len(self.loggedIn) <= 8
        for account in (b"a", b"b", b"192.0.2.7"):
            own = [count for _, name, _, count in self.using if name == account]
            assert self.channels.of(account) == sum(own) <= 4
        own = [count for source, _, _, count in self.using if source == HERE]
        assert self.channels.of(HERE) == sum(own) <= 6
        assert self.channels.total == sum(count for *_, count in self.using) <= 12
        assert all(self.channels._counts.values())
        assert all(self.connections._counts.values())
        assert all(self.sessions._counts.values())
        assert len(self.connections._counts) <= len(self.there) + 1
        assert len(self.sessions._counts) <= 3 * len(self.loggedIn) + 1


Walk.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestWalks = Walk.TestCase
