"""
What the host may open toward the client: only what the client has asked for
(pure).

A host that is not what it seems could otherwise use the client's agent, its X
display or its network (CVE-2023-38408).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, field

from bastion.interfaces import ALLOW, ChannelRequest, Verdict
from bastion.wire import Reader

#: The name of RFC 9987, and the one that it had at OpenSSH before.
AGENT_REQUEST = b"agent-req"
OLD_AGENT_REQUEST = b"auth-agent-req@openssh.com"
X11_REQUEST = b"x11-req"
FORWARD = b"tcpip-forward"
CANCEL_FORWARD = b"cancel-tcpip-forward"
STREAMLOCAL_FORWARD = b"streamlocal-forward@openssh.com"
CANCEL_STREAMLOCAL_FORWARD = b"cancel-streamlocal-forward@openssh.com"

#: How much a client may have forwarded to it at a time: ports and sockets together.
MAX_FORWARDS = 1024
#: The longest name of an address or of a socket, in bytes: no name of a host has more
#: than 253, and no socket's more than 107.
_LONGEST = 512

#: What the host may open once a session channel's request asked for it.
_BY_CHANNEL_REQUEST = {
    AGENT_REQUEST: b"agent-connect",
    OLD_AGENT_REQUEST: b"auth-agent@openssh.com",
    X11_REQUEST: b"x11",
}
_FORWARDS = (FORWARD, STREAMLOCAL_FORWARD)
_CANCELS = (CANCEL_FORWARD, CANCEL_STREAMLOCAL_FORWARD)


@define
class Grants:
    """
    What one client has asked its host to open toward it.
    """

    _types: set[bytes] = field(factory=set)
    _forwards: Counter[tuple[bytes, int]] = field(factory=Counter)
    _paths: Counter[bytes] = field(factory=Counter)

    def note(self, request: ChannelRequest) -> Verdict:
        """
        The client makes a request.

        @return: whether it is to be passed on: not if there are too many of its kind.
        @raise Malformed: when it is not what its name says.
        """
        if request.kind == "channel" and request.name in _BY_CHANNEL_REQUEST:
            self._types.add(_BY_CHANNEL_REQUEST[request.name])
        elif request.kind == "global" and request.name in _FORWARDS:
            if self._count >= MAX_FORWARDS:
                return Verdict(f"{MAX_FORWARDS} forwardings are asked for")
            counts, what = self._asked(request)
            counts[what] += 1
        elif request.kind == "global" and request.name in _CANCELS:
            counts, what = self._asked(request)
            counts.pop(what, None)
        return ALLOW

    @property
    def _count(self) -> int:
        return self._forwards.total() + self._paths.total()

    def _asked(self, request: ChannelRequest) -> tuple[Counter[Any], Any]:
        """
        What a request for a forwarding, or for the end of one, is about.
        """
        if request.name in (FORWARD, CANCEL_FORWARD):
            return self._forwards, _bound(request.data)
        return self._paths, Reader(request.data).string(_LONGEST)

    def answered(self, request: ChannelRequest, reply: bytes | None) -> None:
        """
        The host has answered a global request of the client's.

        Who asks for port 0 is told the port that the host has chosen (RFC 4254
        section 7.1).

        @param reply: the data of its success; L{None} for a failure.
        """
        if request.name not in _FORWARDS:
            return
        counts, what = self._asked(request)
        anyPort = request.name == FORWARD and what[1] == 0
        if reply is None or anyPort:
            counts[what] -= 1
            if counts[what] <= 0:
                del counts[what]
        if reply is not None and anyPort and self._count < MAX_FORWARDS:
            counts[what[0], Reader(reply).uint32()] += 1

    def verdict(self, request: ChannelRequest) -> Verdict:
        """
        Whether the host may open this channel.

        @raise Malformed: when the channel's data are not what its type says.
        """
        name, reader = request.name, Reader(request.data)
        if name in _BY_CHANNEL_REQUEST.values():
            asked = name in self._types
        elif name == b"forwarded-tcpip":
            reader.string()
            port = reader.uint32()
            # 0 while the client does not know which port the host has chosen.
            asked = any(bound in (port, 0) for _, bound in self._forwards)
        elif name == b"forwarded-streamlocal@openssh.com":
            asked = reader.string() in self._paths
        else:
            asked = False
        return ALLOW if asked else Verdict("the client has not asked for it")


def _bound(data: bytes) -> tuple[bytes, int]:
    """
    What a forwarding is bound to (RFC 4254 section 7.1)::

        string  address to bind
        uint32  port number to bind
    """
    reader = Reader(data)
    return reader.string(_LONGEST), reader.uint32()
