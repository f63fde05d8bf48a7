"""
Who has to wait because of what came from there before (pure).

The arithmetic is that of PerSourcePenalties in sshd_config(5): what happens brings seconds
of waiting, which add up to a maximum and pass by themselves; a source is kept out from when
they are more than a minimum until none is left.  The kinds and the numbers are sshd's, too.
What sshd calls C{invaliduser} is not known here, for only the host knows its accounts; and
C{crash} has no like: what an error of ours ends has told a stranger nothing, and a user who
meets one must not bring a minute and a half of waiting to a campus.  It is C{noauth}, as a
fault in the protocol is with sshd.

What is added keeps a campus, which is one address, from waiting for one of its users:

1. The same wrong secret twice counts once (L{bastion.admission.failures}).
2. What is known to be about an account is counted for the I{pair} of its source and its
   name.  The pair waits: it is refused when the account is named, everybody else behind that
   address is not.  Each account counts against its source as well, but once in a minute,
   and so a source waits when many different accounts fail, and not when one does often.
3. In a source that several people share (L{bastion.admission.regulars}) everything counts
   half against the source, and it is kept out from twice the minimum on.  Pairs have no
   slack, and a login takes nothing away from theirs: else a stranger behind the same address
   could see which accounts exist.

With sshd's numbers three different accounts may fail in an instant, or all the time, before
their source waits; where people share it, twelve.  An account may give three different wrong
passwords in an instant, and a wrong one every five seconds all the time.

Time is a number that never becomes smaller.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from math import ceil
from types import MappingProxyType

from attrs import define, evolve, field, frozen

from bastion.admission.expiring import Expiring, Key
from bastion.admission.failures import Failures, Pair, digest
from bastion.admission.gate import Network
from bastion.admission.limits import NETBLOCK, NetBlock, network
from bastion.admission.regulars import Regulars
from bastion.admission.sources import Address, unmapped
from bastion.state import Penalty, PenaltyKind

#: What each kind brings, in seconds.
SECONDS: Mapping[PenaltyKind, float] = MappingProxyType(
    {
        PenaltyKind.AUTHFAIL: 5.0,
        PenaltyKind.NOAUTH: 1.0,
        PenaltyKind.GRACE_EXCEEDED: 10.0,
        PenaltyKind.REFUSED: 10.0,
    }
)

#: What each kind was for, in a listing.
REASONS: Mapping[PenaltyKind, str] = MappingProxyType(
    {
        PenaltyKind.AUTHFAIL: "different wrong passwords or answers",
        PenaltyKind.NOAUTH: "connections without an attempt to log in",
        PenaltyKind.GRACE_EXCEEDED: "logins that were not done in time",
        PenaltyKind.REFUSED: "connections or logins that a rule refuses",
    }
)

#: How much less counts against a source that people share, and how much more it may have.
SLACK = 2

# Sums of times are not exact.
_INEXACT = 0.001


@frozen(kw_only=True)
class Rules:
    """
    The numbers.

    @ivar seconds: what each kind brings, in seconds; with 0, or without, nothing.
    @ivar least: who has more than that is kept out, in seconds.
    @ivar most: nobody gets more than that, in seconds.
    @ivar limit: how many of each are remembered, for IPv4 and for IPv6: sources, and pairs.
        Of more, those go first whose time would be over first.
    @ivar block: what counts as one source.
    @ivar exempt: networks that get no penalties.
    """

    seconds: Mapping[PenaltyKind, float] = SECONDS
    least: float = 15.0
    most: float = 600.0
    limit: int = 65_536
    block: NetBlock = NETBLOCK
    exempt: Sequence[Network] = ()


def howLong(seconds: float) -> str:
    """
    A time that is certainly enough, in words.
    """
    whole = ceil(seconds - _INEXACT)
    if whole > 90:
        return f"{ceil(whole / 60)} minutes"
    return f"{whole} seconds" if whole > 1 else "1 second"


@define(eq=False)
class _Family:
    """
    What is known of the sources of one address family.
    """

    limit: int
    sources: Expiring[str, Penalty] = field(init=False)
    pairs: Expiring[Pair, Penalty] = field(init=False)
    failures: Failures = field(init=False)
    regulars: Regulars = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sources, self.pairs = Expiring(self.limit), Expiring(self.limit)
        self.failures, self.regulars = Failures(self.limit), Regulars(self.limit)


class Penalties:
    """
    All penalties.
    """

    def __init__(self, rules: Rules, key: bytes) -> None:
        """
        @param key: of the digests: random, 16 to 64 bytes, and never kept anywhere else.
        """
        self._rules = rules
        self._key = key
        self._four, self._six = _Family(rules.limit), _Family(rules.limit)

    def digest(self, account: bytes, answers: Sequence[bytes]) -> bytes:
        """
        What L{noted} takes in the place of a secret: the same for the same one, and nothing
        that leads back to it.

        @param answers: what the user has answered; a password is one.
        """
        return digest(self._key, account, answers)

    # Who is kept out

    def refusal(self, address: Address, now: float) -> str | None:
        """
        Why a source is kept out, in a sentence that says for how long.
        """
        source = network(address, self._rules.block)
        penalty = self._family(source).sources.get(source, now)
        if penalty is None or not penalty.active or self._isExempt(address):
            return None
        return (
            f"Too many connections from {source} have failed to log in."
            f" The next one can be made in {howLong(penalty.until - now)}."
        )

    def refusalOf(self, address: Address, account: bytes, now: float) -> str | None:
        """
        Why an account is kept out from a source, in a sentence that says for how long.
        """
        source = network(address, self._rules.block)
        penalty = self._family(source).pairs.get((source, account), now)
        if penalty is None or not penalty.active or self._isExempt(address):
            return None
        return (
            f"Too many logins to this account from {source} have failed."
            f" The next one can be made in {howLong(penalty.until - now)}."
        )

    # What happens

    def noted(
        self,
        kind: PenaltyKind,
        address: Address,
        account: bytes | None,
        secret: bytes | None,
        now: float,
    ) -> list[Penalty]:
        """
        Something has happened.

        @param account: its name, if it is known.  A connection without an attempt to log in
            counts for its source whatever it has named, for that is who makes the keys be
            exchanged.
        @param secret: the L{digest} of the one that was refused, if one was.
        @return: what keeps somebody out from now on.
        """
        seconds = self._rules.seconds.get(kind, 0.0)
        if seconds <= 0 or self._isExempt(address):
            return []
        source = network(address, self._rules.block)
        family = self._family(source)
        if account is None or kind is PenaltyKind.NOAUTH:
            return self._addToSource(family, source, kind, seconds, now)
        pair = source, account
        if secret is not None and not family.failures.isNew(pair, secret, now):
            return []
        new = Penalty(source, account, (kind,), now + seconds, False)
        begun = self._add(family.pairs, pair, new, self._rules.least, now)
        if family.failures.counts(pair, now):
            begun += self._addToSource(family, source, kind, seconds, now)
        return begun

    def _addToSource(
        self, family: _Family, source: str, kind: PenaltyKind, seconds: float, now: float
    ) -> list[Penalty]:
        slack = SLACK if family.regulars.isShared(source, now) else 1
        new = Penalty(source, None, (kind,), now + seconds / slack, False)
        return self._add(family.sources, source, new, self._rules.least * slack, now)

    def _add(
        self, table: Expiring[Key, Penalty], key: Key, new: Penalty, least: float, now: float
    ) -> list[Penalty]:
        """
        Add a penalty to what is left of those before.

        @return: the sum, if it keeps somebody out from now on.
        """
        old: Penalty | None = table.get(key, now)
        until, kinds, wasActive = new.until, new.kinds, False
        if old is not None:
            until += old.until - now
            kinds = tuple(each for each in old.kinds if each not in kinds) + kinds
            wasActive = old.active
        until = min(until, now + self._rules.most)
        active = wasActive or until - now > least + _INEXACT
        total = evolve(new, until=until, kinds=kinds, active=active)
        table.put(key, total, now)
        return [total] if active and not wasActive else []

    def succeeded(self, address: Address, account: bytes, now: float) -> None:
        """
        Somebody has logged in.
        """
        source = network(address, self._rules.block)
        self._family(source).regulars.loggedIn(source, account, now)

    # What operators do

    def listing(self, now: float) -> list[Penalty]:
        """
        All penalties, those included that keep nobody out yet: a source, then its accounts.
        """
        found: list[Penalty] = []
        for family in (self._four, self._six):
            found += [each for _, each in family.sources.items(now)]
            found += [each for _, each in family.pairs.items(now)]
        return sorted(found, key=lambda each: (each.source, each.account or b""))

    def lift(self, source: str, account: bytes | None, now: float) -> list[Penalty]:
        """
        Take penalties back.  Which secrets were wrong is still known.

        @param source: an address or a network, as text.
        @param account: take back this account's from there, and no other; L{None} for all.
        @return: what was taken back.
        @raise ValueError: the source cannot be read.
        """
        source = network(ipaddress.ip_interface(source).ip, self._rules.block)
        family = self._family(source)
        pairs = {
            pair: penalty
            for pair, penalty in family.pairs.items(now)
            if pair[0] == source and account in (None, pair[1])
        }
        family.pairs.remove(pairs)
        whole = family.sources.get(source, now) if account is None else None
        if whole is None:
            return list(pairs.values())
        family.sources.remove([source])
        return [whole, *pairs.values()]

    def _family(self, source: str) -> _Family:
        return self._six if ":" in source else self._four

    def _isExempt(self, address: Address) -> bool:
        plain = unmapped(address)
        return any(plain in each for each in self._rules.exempt)
