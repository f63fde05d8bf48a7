"""
How many connections, sessions and channels there may be at once (pure).

A connection is one from when it is taken until it is closed, whoever it is; those that have
not logged in yet have limits of their own beside these (L{bastion.admission.limits}).  A
session is a connection that has logged in.  A channel is one from when an end asks for it
until it is refused, or closed by both ends, or its session is over.  What counts as one source
is said by L{bastion.admission.limits.network}.

Nothing is kept of what is not there: a key with nobody has no entry, so there are never more
entries than connections, or keys of channels.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from attrs import define, field

from bastion.admission.limits import NETBLOCK, NetBlock, network
from bastion.admission.sources import Address


@define(eq=False)
class Place:
    """
    What is counted once, and not any more when it is over.
    """

    _counts: dict[Hashable, int]
    _keys: Sequence[Hashable]

    def __attrs_post_init__(self) -> None:
        for key in self._keys:
            self._counts[key] = self._counts.get(key, 0) + 1

    def over(self) -> None:
        """
        It is closed; a second time does nothing.
        """
        keys, self._keys = self._keys, ()
        for key in keys:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]


@define(eq=False)
class _Limits:
    """
    What is limited of one gateway, and from one source to it.

    @cvar _what: what that is, and how a user makes room for one more.
    @ivar limit: how many there may be; 0 for any number, here and below.
    @ivar perSource: how many from one source.
    @ivar block: what counts as one source.
    """

    _what: ClassVar[tuple[str, str]]

    limit: int = 0
    perSource: int = 0
    block: NetBlock = field(default=NETBLOCK, kw_only=True)
    _counts: dict[Hashable, int] = field(factory=dict, init=False, repr=False)

    @property
    def total(self) -> int:
        """
        How many there are.
        """
        return self._counts.get(None, 0)

    def of(self, whose: Address | bytes) -> int:
        """
        How many there are from a source, or of an account.
        """
        key = whose if isinstance(whose, bytes) else network(whose, self.block)
        return self._counts.get(key, 0)

    def _full(self, address: Address) -> str | None:
        what, end = self._what
        if self.perSource and self.of(address) >= self.perSource:
            return (
                f"As many {what} from {network(address, self.block)} are open as there may be"
                f" ({self.perSource}). {end} one, or try again later."
            )
        if self.limit and self.total >= self.limit:
            return (
                f"As many {what} are open as this gateway takes ({self.limit})."
                " Please try again later."
            )
        return None


@define(eq=False)
class Connections(_Limits):
    """
    The connections of one gateway.
    """

    _what = ("connections", "Close")

    def refusal(self, address: Address) -> str | None:
        """
        Why there is no place for one more, in a sentence for its user.
        """
        return self._full(address)

    def arrived(self, address: Address) -> Place:
        """
        Count a connection, whether there is a place or not.
        """
        return Place(self._counts, (None, network(address, self.block)))


@define(eq=False)
class Sessions(_Limits):
    """
    The sessions of one gateway.  To be asked when the host has accepted the login, and not
    before: a stranger must not learn from a refusal which accounts are in use.

    @ivar perAccount: how many an account may have.
    @ivar perVisitor: how many an account may have from one source.
    """

    _what = ("sessions", "End")

    perAccount: int = 0
    perVisitor: int = 0

    def ofVisitor(self, account: bytes, address: Address) -> int:
        """
        How many an account has from one source.
        """
        return self._counts.get((account, network(address, self.block)), 0)

    def refusal(self, address: Address, account: bytes) -> str | None:
        """
        Why an account must not have one more, in a sentence for its user.
        """
        if self.perVisitor and self.ofVisitor(account, address) >= self.perVisitor:
            return (
                f"This account has as many sessions from {network(address, self.block)} as it"
                f" may have ({self.perVisitor}). End one, or try again later."
            )
        if self.perAccount and self.of(account) >= self.perAccount:
            return (
                f"This account has as many sessions as it may have ({self.perAccount})."
                " End one, or try again later."
            )
        return self._full(address)

    def began(self, address: Address, account: bytes) -> Place:
        """
        Count a session, whether there is a place or not.
        """
        source = network(address, self.block)
        return Place(self._counts, (None, source, account, (account, source)))


@define(eq=False)
class Channels(_Limits):
    """
    The channels of one gateway, those that are being opened included.

    @ivar perAccount: how many an account may have.
    """

    _what = ("channels", "Close")

    perAccount: int = 0

    def refusal(self, address: Address, account: bytes) -> str | None:
        """
        Why there is no place for one more, in a sentence for its user.
        """
        if self.perAccount and self.of(account) >= self.perAccount:
            return (
                f"This account has as many channels open as it may have ({self.perAccount})."
                " Close one, or try again later."
            )
        return self._full(address)

    def began(self, address: Address, account: bytes) -> Place:
        """
        Count a channel, whether there is a place or not.
        """
        return Place(self._counts, (None, network(address, self.block), account))

    def allowance(self, address: Address, account: bytes) -> Allowance | None:
        """
        For the channels of a new session; L{None} where nothing is limited.
        """
        limited = self.limit or self.perSource or self.perAccount
        return Allowance(self, address, account) if limited else None


@define(eq=False)
class Allowance:
    """
    What one session may have of the channels; it is the L{bastion.relay.allowance.Allowance}
    of its relay.
    """

    _channels: Channels
    _address: Address
    _account: bytes
    # One is as good as another: they are places of the same source and account.
    _places: list[Place] = field(factory=list, init=False)

    def refusal(self) -> str | None:
        """
        Why there is no place for one more, in a sentence for its user.
        """
        return self._channels.refusal(self._address, self._account)

    def began(self) -> None:
        """
        One more is being opened.
        """
        self._places.append(self._channels.began(self._address, self._account))

    def ended(self) -> None:
        """
        One could not be opened, or is closed by both ends.
        """
        self._places.pop().over()

    def over(self) -> None:
        """
        The session is over, and all its channels are; a second time does nothing.
        """
        while self._places:
            self.ended()
