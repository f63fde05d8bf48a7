"""
Which channels there are, and which replies are owed (pure).

Channel numbers are the two ends' own: each end numbers the channels from its
point of view, and a message carries the number of the end that receives it (RFC
4254 section 5).  Replies to requests carry no number at all; they come in the
order of the requests, for the connection as a whole (section 4) and for each
channel (section 5.4).  So every request that wants a reply takes a place in a
queue, and a refusal of ours is sent when the places before it are answered.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

from attrs import define, field

from bastion.relay.allowance import UNLIMITED, Allowance
from bastion.wire import Malformed


class End(enum.Enum):
    """
    One of the two ends of a relayed connection.
    """

    CLIENT = "client"
    HOST = "host"

    __hash__ = object.__hash__  # See L{bastion.ssh.phases.Phase}.

    @property
    def other(self) -> End:
        """
        The end at the other side of the bastion.
        """
        return End.HOST if self is End.CLIENT else End.CLIENT


#: Channels of one connection, those that are being opened included, if nobody says less.
MAX_CHANNELS = 256
#: The least that an end may take in one message of data, in bytes: who sends to it would
#: be busy with nothing but headers, or, with 0, for ever.
LEAST_PACKET = 256
#: The most that an end is told to put into one, in bytes: what we take ourselves
#: (L{bastion.ssh.packets.MAX_PACKET}) has room for so much data, headers and padding.
MOST_PACKET = 256 * 1024
#: Requests of one queue that wait for a reply; PuTTY asks once for each packet of
#: data that it sends.
MAX_PENDING = 4096

#: Stands for a refusal that waits for something else than its turn.
_HELD = object()


class TooManyChannels(Exception):
    """
    One more channel than there may be; the text says which limit it is, to the user.
    """


def tooSmall(maxPacket: int) -> str:
    """
    What is wrong with the maximum packet size of a channel; empty if nothing is.
    """
    return f"packets of {maxPacket} bytes are too small" if maxPacket < LEAST_PACKET else ""


@define
class PendingReplies:
    """
    The replies that one end is owed, in order.

    Invariant: a refusal of ours never stands first, unless it is held; it would have been
    sent.
    """

    # A deque would be of 600 bytes when empty, and there are four of these in each session.
    _places: list[Any] = field(factory=list)

    def passed(self, request: Any) -> None:
        """
        A request was passed on; its reply will come.

        @param request: what L{answered} shall return when it comes; not L{None}.
        @raise Malformed: when too many are waiting.
        """
        if len(self._places) >= MAX_PENDING:
            raise Malformed("too many requests without a reply")
        self._places.append(request)

    def refused(self) -> bool:
        """
        A request was refused by us.

        @return: whether the refusal can be sent now.
        @raise Malformed: when too many are waiting.
        """
        if not self._places:
            return True
        if len(self._places) >= MAX_PENDING:
            raise Malformed("too many requests without a reply")
        self._places.append(None)
        return False

    def hold(self) -> None:
        """
        A request was refused by us, and the refusal is held until L{release}.

        @raise Malformed: when too many are waiting.
        """
        self.passed(_HELD)

    @property
    def holding(self) -> bool:
        """
        Whether a refusal is held.  No request may be passed on behind it: who answers
        that does not know of it.
        """
        return _HELD in self._places

    @property
    def ours(self) -> bool:
        """
        Whether the next answer is a refusal of ours that is held, and none that the other
        end could give.
        """
        return self._places[:1] == [_HELD]

    def release(self) -> int:
        """
        The first refusal that is held need not wait any longer.

        @return: how many refusals of ours are to be sent now.
        """
        self._places[self._places.index(_HELD)] = None
        return self._refusals()

    def answered(self) -> tuple[Any, int]:
        """
        The next reply has come.

        @return: the request that it answers, L{None} if there is none, and how
            many refusals of ours are to be sent behind it.
        """
        if not self._places:
            return None, 0
        return self._places.pop(0), self._refusals()

    def _refusals(self) -> int:
        refusals = 0
        while self._places and self._places[0] is None:
            self._places.pop(0)
            refusals += 1
        return refusals


@define(eq=False)
class Channel:
    """
    A channel, or the wish to open one.

    @ivar type: its type, such as C{b"session"}.
    @ivar opener: the end that asked for it.
    @ivar target: what a forwarding leads to, for the log; may be empty.
    @ivar numbers: its number at each end; the other end's is missing until it
        has confirmed.
    @ivar pending: the replies that each end is owed.
    @ivar ended: the ends that send no more data.
    @ivar closed: the ends that have closed it.
    @ivar spare: how much of the client's window is kept for words of our own, in bytes.
    @ivar owed: how much of that was used, and is taken from what the client adds to the
        window next.
    @ivar first: by end, its first window, until the other end is told of all of it.
    @ivar flows: by the end that receives, what limits its data; empty without a limit.
    """

    type: bytes
    opener: End
    target: str = ""
    numbers: dict[End, int] = field(factory=dict)
    pending: dict[End, PendingReplies] = field(
        factory=lambda: {End.CLIENT: PendingReplies(), End.HOST: PendingReplies()}
    )
    ended: set[End] = field(factory=set)
    closed: set[End] = field(factory=set)
    spare: int = 0
    owed: int = 0
    first: dict[End, int] = field(factory=dict)
    flows: dict[End, Any] = field(factory=dict)


@define
class Channels:
    """
    The channels of one connection.

    @ivar most: how many there may be, those that are being opened included.
    """

    most: int = MAX_CHANNELS
    # Of those that others have too.
    _allowance: Allowance = UNLIMITED
    _opening: dict[tuple[End, int], Channel] = field(factory=dict)
    _open: dict[tuple[End, int], Channel] = field(factory=dict)

    def __len__(self) -> int:
        return len(self._opening) + len(self._open) // 2

    def __iter__(self) -> Iterator[Channel]:
        """
        Those that are open.
        """
        return (each for (end, _), each in self._open.items() if end is End.CLIENT)

    def wanted(self, opener: End, number: int, type: bytes, target: str = "") -> Channel:
        """
        C{opener} asks for a channel that is C{number} on its end.

        @raise TooManyChannels: and the wish is not noted.
        @raise Malformed: when the number is taken.
        """
        key = (opener, number)
        if key in self._opening or key in self._open:
            raise Malformed(f"channel {number} exists")
        if len(self) >= self.most:
            raise TooManyChannels(f"no more than {self.most} open channels are allowed")
        refusal = self._allowance.refusal()
        if refusal is not None:
            raise TooManyChannels(refusal)
        self._allowance.began()
        channel = self._opening[key] = Channel(type, opener, target, {opener: number})
        return channel

    def confirmed(self, by: End, recipient: int, sender: int) -> Channel:
        """
        C{by} has opened the channel that the other end calls C{recipient}; on
        its own end it is C{sender}.

        @raise Malformed: when nobody wanted it, or the number is taken.
        """
        channel = self._opening.pop((by.other, recipient), None)
        if channel is None or (by, sender) in self._open or (by, sender) in self._opening:
            raise Malformed("a confirmation of a channel that nobody wanted")
        channel.numbers[by] = sender
        self._open[by, sender] = self._open[by.other, recipient] = channel
        return channel

    def failed(self, by: End, recipient: int) -> Channel:
        """
        C{by} does not open the channel that the other end calls C{recipient}.

        @raise Malformed: when nobody wanted it.
        """
        channel = self._opening.pop((by.other, recipient), None)
        if channel is None:
            raise Malformed("a refusal of a channel that nobody wanted")
        self._allowance.ended()
        return channel

    def at(self, end: End, number: int) -> Channel | None:
        """
        The open channel that C{end} calls C{number}, if there is one.
        """
        return self._open.get((end, number))

    def ended(self, by: End, recipient: int) -> None:
        """
        C{by} sends no more data to the channel that the other end calls C{recipient}.
        """
        channel = self.at(by.other, recipient)
        if channel is not None:
            channel.ended.add(by)

    def closed(self, by: End, recipient: int) -> Channel | None:
        """
        C{by} closes the channel that the other end calls C{recipient}; its
        numbers are free when both ends have.

        @return: the channel, if both have now.
        """
        channel = self.at(by.other, recipient)
        if channel is None:
            return None
        channel.closed.add(by)
        if len(channel.closed) < 2:
            return None
        for end, number in channel.numbers.items():
            del self._open[end, number]
        self._allowance.ended()
        return channel

    def leave(self) -> None:
        """
        The connection is over: what an end still says takes no place any more.
        """
        self._allowance.over()
        self._allowance = UNLIMITED
