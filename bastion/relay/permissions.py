"""
What the sessions of an account may do (pure): the decisions of C{[policy.NAME]}.

The names of channel types and requests are those of RFC 4254, of RFC 9987 (agents) and of
OpenSSH's PROTOCOL.
"""

from __future__ import annotations

from collections.abc import Callable

from zope.interface import implementer

from bastion.config.policies import PolicyTable
from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.relay.grants import (
    AGENT_REQUEST,
    FORWARD,
    OLD_AGENT_REQUEST,
    STREAMLOCAL_FORWARD,
    X11_REQUEST,
)
from bastion.relay.patterns import OF_COMMANDS, Destinations, Paths, Texts
from bastion.wire import Reader, shown

#: Of a command, a name or a path in a sentence, in characters.
_SHOWN = 128

#: Reads what follows the fixed fields, and says what is not allowed; L{None} if it is.
_Judge = Callable[[Reader], str | None]

#: What starts nothing and reaches nothing.
_HARMLESS = {
    ("open", b"session"),
    ("global", b"keepalive@openssh.com"),
    ("global", b"no-more-sessions@openssh.com"),
    ("channel", b"window-change"),
    ("channel", b"signal"),
    ("channel", b"break"),
    ("channel", b"xon-xoff"),
    ("channel", b"exit-status"),
    ("channel", b"exit-signal"),
    ("channel", b"eow@openssh.com"),
    ("channel", b"keepalive@openssh.com"),
    ("channel", b"simple@putty.projects.tartarus.org"),
    ("channel", b"winadj@putty.projects.tartarus.org"),
}
#: Global requests that end something, or ask for keys.
_HARMLESS_BEGINNINGS = (b"cancel-", b"hostkeys-")


@implementer(ISessionPolicy)
class Permissions:
    """
    One table, ready to decide.  What the host asks for is not looked at:
    L{bastion.relay.grants} lets it have what its client was allowed to ask for.
    """

    def __init__(self, table: PolicyTable) -> None:
        words = " ".join(table.sentence.split())
        self._ending = f" is not allowed here. {words}" if words else " is not allowed here"
        self._other = table.other
        toSockets = _socket(Paths(table.streamlocal_forwarding), "forwarding to")
        fromSockets = _socket(Paths(table.streamlocal_forwarding), "forwarding from")
        self._judges: dict[tuple[str, bytes], _Judge] = {
            ("channel", b"pty-req"): _flag(table.pty, "a terminal"),
            ("channel", b"shell"): _flag(table.shell, "a shell"),
            ("channel", b"exec"): _quoted(Texts(table.exec, OF_COMMANDS), "running"),
            ("channel", b"subsystem"): _quoted(Texts(table.subsystems), "the subsystem"),
            ("channel", b"env"): _quoted(Texts(table.env), "the environment variable"),
            ("channel", AGENT_REQUEST): _flag(table.agent, "agent forwarding"),
            ("channel", OLD_AGENT_REQUEST): _flag(table.agent, "agent forwarding"),
            ("channel", X11_REQUEST): _flag(table.x11, "X11 forwarding"),
            ("open", b"direct-tcpip"): _port(Destinations(table.local_forwarding), "forwarding to"),
            ("open", b"direct-streamlocal@openssh.com"): toSockets,
            ("open", b"tun@openssh.com"): _flag(table.tunnel, "a tunnel"),
            ("global", FORWARD): _port(Destinations(table.remote_forwarding), "forwarding from"),
            ("global", STREAMLOCAL_FORWARD): fromSockets,
        }

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.

        @raise bastion.wire.Malformed: when the request is not what its name says.
        """
        refused = self._refused(request) if request.fromClient else None
        return ALLOW if refused is None else Verdict(refused + self._ending)

    def _refused(self, request: ChannelRequest) -> str | None:
        which = (request.kind, request.name)
        if which in self._judges:
            return self._judges[which](Reader(request.data))
        if self._other or which in _HARMLESS:
            return None
        if request.kind == "global" and request.name.startswith(_HARMLESS_BEGINNINGS):
            return None
        noun = "a channel of the type" if request.kind == "open" else "the request"
        return f'{noun} "{shown(request.name, _SHOWN)}"'


def _flag(allowed: bool, what: str) -> _Judge:
    return lambda reader: None if allowed else what


def _quoted(texts: Texts, what: str) -> _Judge:
    def judge(reader: Reader) -> str | None:
        text = reader.string()
        return None if texts.fit(text) else f'{what} "{shown(text, _SHOWN)}"'

    return judge


def _socket(paths: Paths, what: str) -> _Judge:
    def judge(reader: Reader) -> str | None:
        path = reader.string()
        return None if paths.fit(path) else f"{what} {shown(path, _SHOWN)}"

    return judge


def _port(destinations: Destinations, what: str) -> _Judge:
    def judge(reader: Reader) -> str | None:
        host, port = reader.string(), reader.uint32()
        if destinations.fit(host, port):
            return None
        name = shown(host, _SHOWN)
        return f"{what} [{name}]:{port}" if ":" in name else f"{what} {name}:{port}"

    return judge
