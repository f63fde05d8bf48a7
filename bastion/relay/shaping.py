"""
Ceilings of bandwidth: of a gateway, and of each account at it.

A channel is made slower by what its sender is told of its window: grants of the receiver
are held back until there are tokens for them (L{bastion.relay.flow}).  Rejected: to stop
reading the socket of who is too fast.  All channels of a connection go through one
socket, and who types would wait with those that copy.

Each ceiling has its tokens and its line (L{bastion.relay.ceiling}).  A flow goes through
its account's first and through its gateway's then, so that who waits for its own account
keeps nobody else waiting.

One timer is enough for a gateway: it runs while somebody waits, until the first of those
who wait can have its turn.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bastion.relay.ceiling import START, Ceiling, burst
from bastion.relay.channels import End
from bastion.relay.flow import Debts, Flow

#: Turns are not given more often than that, in seconds; at high rates some of them are
#: given together.
LEAST_WAIT = 0.005

#: The ceiling of each direction, by the end that sends.
Ceilings = dict[End, Ceiling]


@define(eq=False)
class _Account:
    """
    What the connections of one account share.
    """

    ceilings: Ceilings
    connections: int = 0


class Shaping:
    """
    The ceilings of one gateway.
    """

    def __init__(self, rate: int, clock: IReactorTime) -> None:
        """
        @param rate: of all sessions of the gateway together, each way, in bytes per
            second; 0 for no limit.
        """
        self.clock = clock
        self._accounts: dict[tuple[bytes, int], _Account] = {}
        # In the order in which they came: a dict, as a set has none.
        self._waiting: dict[Ceiling, None] = {}
        self._timer: IDelayedCall | None = None
        self._gateway = self._made(rate, burst(rate)) if rate else None

    def __len__(self) -> int:
        """
        How many accounts have a ceiling.
        """
        return len(self._accounts)

    def join(self, account: bytes, rate: int) -> Share | None:
        """
        A connection begins.

        @param rate: of all connections of the account that have the same one, each way,
            in bytes per second; 0 for no limit.
        @return: L{None} if nothing is limited.
        """
        shared = [] if self._gateway is None else [self._gateway]
        if not rate:
            return Share(self, shared, lambda: None) if shared else None
        key = account, rate
        if key not in self._accounts:
            # No full bucket: who comes again and again would get one each time.
            self._accounts[key] = _Account(self._made(rate, START))
        own = self._accounts[key]
        own.connections += 1
        return Share(self, [own.ceilings, *shared], lambda: self._left(key))

    def _left(self, key: tuple[bytes, int]) -> None:
        own = self._accounts[key]
        own.connections -= 1
        if not own.connections:
            del self._accounts[key]

    def _made(self, rate: int, level: int) -> Ceilings:
        now = self.clock.seconds()
        return {end: Ceiling(rate, level, now, self._changed) for end in End}

    # Who waits

    def _changed(self, ceiling: Ceiling) -> None:
        """
        Somebody waits at a ceiling, or nobody does any more.
        """
        if len(ceiling):
            self._waiting[ceiling] = None
            self._wake(ceiling.due(self.clock.seconds()))
            return
        self._waiting.pop(ceiling, None)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self, due: float) -> None:
        """
        Give turns at that time, or earlier.
        """
        delay = max(LEAST_WAIT, due - self.clock.seconds())
        if self._timer is None:
            self._timer = self.clock.callLater(delay, self._serve)
        elif self._timer.getTime() > self.clock.seconds() + delay:
            self._timer.reset(delay)

    def _serve(self) -> None:
        """
        Give turns, and go on while somebody waits.
        """
        self._timer = None
        try:
            for ceiling in list(self._waiting):
                ceiling.serve(self.clock.seconds())
        finally:
            # Whoever fails: the others still wait for their turns.
            now = self.clock.seconds()
            if self._waiting:
                self._wake(min(ceiling.due(now) for ceiling in self._waiting))


class Share:
    """
    What one connection has of the ceilings.
    """

    def __init__(
        self, shaping: Shaping, ceilings: list[Ceilings], left: Callable[[], None]
    ) -> None:
        """
        @param ceilings: its account's, if that has one, and its gateway's.
        @param left: is told when the connection is over.
        """
        self._shaping = shaping
        self._ceilings = ceilings
        self._left: Callable[[], None] | None = left
        self._flows: set[Flow] = set()
        self._debts = {end: Debts() for end in End}

    def __len__(self) -> int:
        """
        How many flows are open.
        """
        return len(self._flows)

    def flow(self, sender: End, give: Callable[[int], None]) -> Flow:
        """
        One direction of one channel begins; when the connection is over, it is closed.

        @param give: tells the sender that its window is larger by so many bytes.
        """
        ceilings = tuple(each[sender] for each in self._ceilings)
        debts = self._debts[sender]
        flow = Flow(ceilings, debts, give, self._flows.discard, self._shaping.clock)
        self._flows.add(flow)
        if self._left is None:
            flow.close()
        return flow

    def leave(self) -> None:
        """
        The connection is over, and its flows are closed; a second time does nothing.
        """
        left, self._left = self._left, None
        if left is None:
            return
        for flow in list(self._flows):
            flow.close()
        left()
