"""
What several bastions in front of one cluster share: leases, stickiness and
administrative states; and the penalties of sources.

One bastion keeps them in its memory and a small file; more than one need a store of
their own, which is an extension with the role L{IStateStore}.
"""

from __future__ import annotations

import enum
from typing import Any

from attrs import field, frozen
from attrs.validators import in_
from zope.interface import Interface

from bastion.interfaces import HostAddress

#: The last time that anybody needs, in seconds since 1970; no clock is so wrong.
LATEST = 10**11

# Values


@frozen
class Choice:
    """
    What a store may give a lease on.

    @ivar host: the host.
    @ivar limit: it has room for so many leases; 0 for any number.
    """

    host: HostAddress
    limit: int = 0


@frozen
class StickyKey:
    """
    What makes two connections belong together.

    @ivar cluster: the name of the cluster.
    @ivar key: what sticks to a host: the account, with or without the source.
    @ivar visitor: the account and the source.  Logins of one visitor that are not
        finished belong together too; a stranger's would be anybody's.
    @ivar seconds: for how long the key comes back to its host after its last
        connection there has ended; 0 for not at all, not even beside it.
    """

    cluster: str
    key: bytes
    visitor: bytes
    seconds: float


@frozen
class Granted:
    """
    A lease, as the store knows it.

    @ivar token: what to confirm or to release.
    @ivar host: where the place is.
    @ivar left: the host that the key sticks to, if it is not among the choices or
        has no room: the account moves away from it.  L{None} once it has moved: the key
        came to C{host} after it was there.
    """

    token: str
    host: HostAddress
    left: HostAddress | None = None


@frozen
class AdminState:
    """
    What an operator, or a changed key, has made of a host; it holds until it is
    taken back, across restarts.

    @ivar state: C{"drain"}, C{"disabled"} or C{"quarantined"}.
    @ivar since: seconds since 1970.
    @ivar reason: a sentence for the operator.
    @ivar key: of a quarantined host, the public key that it offered.
    """

    state: str = field(validator=in_(("drain", "disabled", "quarantined")))
    since: float = field()
    reason: str = ""
    key: bytes = field(default=b"", repr=False)

    @since.validator
    def _checkSince(self, _: object, value: float) -> None:
        if not 0 <= value <= LATEST:
            raise ValueError("not a time in seconds since 1970")


class PenaltyKind(enum.Enum):
    """
    What brings a penalty, in the words of C{PerSourcePenalties} in sshd_config(5).

    @cvar AUTHFAIL: a host has refused a password, or the answers to its questions.
    @cvar NOAUTH: a connection has ended without an attempt to log in, in good order or not.
    @cvar GRACE_EXCEEDED: a login was not done in time.
    @cvar REFUSED: a rule of the bastion does not let the source, or the account, in.
    """

    AUTHFAIL = "authfail"
    NOAUTH = "noauth"
    GRACE_EXCEEDED = "grace-exceeded"
    REFUSED = "refuseconnection"


@frozen
class Penalty:
    """
    What a source, or an account from a source, has been given.

    @ivar source: an address, or a network in which one counts for all.
    @ivar account: whose logins from there are meant; L{None} for everybody's.
    @ivar kinds: what for; the latest stands last.
    @ivar until: when it is over, in seconds as a clock counts them.
    @ivar active: whether there is so much of it that it keeps somebody out.
    """

    source: str
    account: bytes | None
    kinds: tuple[PenaltyKind, ...]
    until: float
    active: bool


# The roles


class IStateStore(Interface):
    """
    Leases, stickiness and administrative states: what several bastions in front of
    one cluster would share.  Nobody who uses one may assume to be alone; all methods
    return Deferreds.

    A store is built without side effects; L{open} comes before everything else, and
    nothing after L{close}.
    """

    def open(clock: Any, stateDir: Any) -> Any:
        """
        Begin, with what was left of stickiness and administrative states.  What is
        damaged is set aside and logged, and does not keep the bastion from its work.

        @param clock: an C{IReactorTime}; the reactor, except in tests.
        @param stateDir: the C{Path} of the directory for files that survive a restart;
            L{None} if nothing has to.
        @return: a Deferred that fires when the store can be used; fails with
            L{BastionError} when it cannot.
        """

    def close() -> Any:
        """
        End.  The leases are released before.

        @return: a Deferred that fires when everything is where it survives, or cannot
            be brought there, which is logged.
        """

    def acquire(sticky: StickyKey, choices: Any) -> Any:
        """
        Take a place, in one step that nobody can come between: on the host of an
        unfinished login of the same visitor, or else on a host that the key sticks to,
        if that is one of the choices and has room; else on the first choice that has.
        The host of a connection that is still there comes before one that is remembered,
        and of several, the one that the key came to last.

        @param choices: a sequence of L{Choice}, the best first.
        @return: a Deferred of L{Granted}; fails with L{NoHostAvailable} when none of
            the choices has room.
        """

    def confirm(token: str) -> Any:
        """
        The host has accepted the login: the key sticks to it from now on.  Of a lease
        that was released, nothing.
        """

    def release(token: str) -> Any:
        """
        Give the place back; a second time does nothing.
        """

    def counts(cluster: str) -> Any:
        """
        @return: a Deferred of a mapping from L{HostAddress} to the number of leases;
            hosts without any may be missing.
        """

    def stickyHosts(sticky: StickyKey) -> Any:
        """
        @return: a Deferred of a sequence of the hosts that L{acquire} would prefer, the
            best first.
        """

    def setAdminState(cluster: str, host: HostAddress, state: AdminState | None) -> Any:
        """
        Note an administrative state, or take it back.

        @return: a Deferred that fires when this survives a restart; fails with
            L{BastionError} when it may not, and L{adminStates} tells what holds until
            then.
        """

    def adminStates(cluster: str) -> Any:
        """
        @return: a Deferred of a mapping from L{HostAddress} to L{AdminState}.
        """


class IPenaltyStore(Interface):
    """
    The penalties of one gateway, or of several that share them.  Sources are given as
    addresses of the module C{ipaddress}; which of them count as one is the store's
    business.  All methods but L{digest} return Deferreds, and none of those fails because
    of what a client has sent.

    A refusal of this role's is not a reason for another penalty: who waits is not made to
    wait longer by asking.
    """

    def open(clock: Any) -> Any:
        """
        Begin.

        @param clock: an C{IReactorTime}; the reactor, except in tests.
        @return: a Deferred that fires when the store can be used; fails with
            L{BastionError} when it cannot.
        """

    def close() -> Any:
        """
        End.
        """

    def digest(account: bytes, answers: Any) -> bytes:
        """
        What L{noted} takes in the place of a secret: the same for the same one, and
        nothing that leads back to it.

        @param answers: a sequence of what the user has answered; a password is one.
        """

    def refusal(source: Any) -> Any:
        """
        Whether a source is kept out; asked when it connects.

        @return: a Deferred of a sentence that says for how long, or of L{None}.
        """

    def refusalOf(source: Any, account: bytes) -> Any:
        """
        Whether an account is kept out from a source; asked when its name is known, and
        again before each secret goes to a host.

        @return: a Deferred of a sentence that says for how long, or of L{None}.
        """

    def noted(kind: PenaltyKind, source: Any, account: Any = None, digest: Any = None) -> Any:
        """
        Something has happened that brings a penalty.

        @param account: its name as bytes, if it is known.
        @param digest: of the secret that was refused: the same one again is nothing new.
        @return: a Deferred of a sequence of the L{Penalty}s that keep somebody out from
            now on.
        """

    def succeeded(source: Any, account: bytes) -> Any:
        """
        Somebody has logged in.
        """

    def listing() -> Any:
        """
        @return: a Deferred of a list of L{Penalty}, those included that keep nobody out
            yet.
        """

    def lift(source: str, account: Any = None) -> Any:
        """
        Take a penalty back.

        @param source: an address or a network, as text.
        @param account: take back this account's penalty from there, and no other;
            L{None} for everything from there.
        @return: a Deferred of a list of what was taken back; fails with C{ValueError}
            when the source cannot be read.
        """
