"""
What the host may open toward the client: only what the client has asked for
(pure).

A host that is not what it seems could otherwise use the client's agent, its X
display or its network (CVE-2023-38408).
"""

from __future__ import annotations

from collections import Counter

from attrs import define, field

from bastion.interfaces import ALLOW, ChannelRequest, Verdict
from bastion.wire import Reader

AGENT_REQUEST = b"auth-agent-req@openssh.com"
X11_REQUEST = b"x11-req"
FORWARD = b"tcpip-forward"
CANCEL_FORWARD = b"cancel-tcpip-forward"
STREAMLOCAL_FORWARD = b"streamlocal-forward@openssh.com"
CANCEL_STREAMLOCAL_FORWARD = b"cancel-streamlocal-forward@openssh.com"

#: What the host may open once a session channel's request asked for it.
_BY_CHANNEL_REQUEST = {
    AGENT_REQUEST: b"auth-agent@openssh.com",
    X11_REQUEST: b"x11",
}


@define
class Grants:
    """
    What one client has asked its host to open toward it.
    """

    _types: set[bytes] = field(factory=set)
    _forwards: Counter[tuple[bytes, int]] = field(factory=Counter)
    _paths: set[bytes] = field(factory=set)

    def note(self, request: ChannelRequest) -> None:
        """
        The client's request is passed on.

        @raise Malformed: when it is not what its name says.
        """
        if request.kind == "channel" and request.name in _BY_CHANNEL_REQUEST:
            self._types.add(_BY_CHANNEL_REQUEST[request.name])
        elif request.kind == "global":
            self._noteForward(request)

    def _noteForward(self, request: ChannelRequest) -> None:
        if request.name == FORWARD:
            self._forwards[_bound(request.data)] += 1
        elif request.name == CANCEL_FORWARD:
            del self._forwards[_bound(request.data)]
        elif request.name == STREAMLOCAL_FORWARD:
            self._paths.add(Reader(request.data).string())
        elif request.name == CANCEL_STREAMLOCAL_FORWARD:
            self._paths.discard(Reader(request.data).string())

    def answered(self, request: ChannelRequest, reply: bytes | None) -> None:
        """
        The host has answered a global request of the client's.

        Who asks for port 0 is told the port that the host has chosen (RFC 4254
        section 7.1).

        @param reply: the data of its success; L{None} for a failure.
        """
        if request.name != FORWARD:
            return
        address, port = _bound(request.data)
        if (reply is None or port == 0) and self._forwards[address, port] > 0:
            self._forwards[address, port] -= 1
        if reply is not None and port == 0:
            self._forwards[address, Reader(reply).uint32()] += 1

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
            asked = any(bound in (port, 0) for _, bound in +self._forwards)
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
    return reader.string(), reader.uint32()
