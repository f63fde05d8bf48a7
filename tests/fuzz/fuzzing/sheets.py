"""
Conversations that keep the rules, from the login service on: each is a login and a
session.

The first key exchange is the players' own.  A KEXINIT here begins a later one.
"""

from __future__ import annotations

from attacking.client import RIGHT, WRONG, opening, password
from attacking.host import REFUSED
from attrs import frozen

from bastion.wire import byte, nameList, string, uint32
from fuzzing.messages import (
    ANY_PORT,
    BANNER,
    BOUND,
    CHANGED,
    CLIENT,
    DIALOGUE,
    EXPIRED,
    EXTENSIONS,
    GOODBYE,
    HOST,
    INFORMATION,
    LOGIN_SERVICE,
    NONE,
    ONE_QUESTION,
    PTY,
    QUESTIONS,
    X11,
    answers,
    asked,
    confirmed,
    forwarding,
    wanted,
)


@frozen
class Said:
    """
    One message of a conversation.

    @ivar by: who says it: L{CLIENT} or L{HOST}.
    """

    by: str
    number: int
    payload: bytes = b""


Sheet = tuple[Said, ...]


def _client(number: int, payload: bytes = b"") -> Said:
    return Said(CLIENT, number, payload)


def _host(number: int, payload: bytes = b"") -> Said:
    return Said(HOST, number, payload)


def _only(method: bytes, partial: bool = False) -> Said:
    return _host(51, nameList((method,)) + byte(partial))


_ARRIVAL = (_client(5, LOGIN_SERVICE), _client(50, NONE), _host(6, LOGIN_SERVICE))
_EXTENDED_ARRIVAL = (
    _client(7, EXTENSIONS),
    _client(5, LOGIN_SERVICE),
    _client(50, NONE),
    _host(7, EXTENSIONS),
    _host(6, LOGIN_SERVICE),
    _host(7, EXTENSIONS),
)

LOGINS: dict[str, Sheet] = {
    "password": (*_ARRIVAL, _host(51, REFUSED), _client(50, password()), _host(52)),
    "none": (*_EXTENDED_ARRIVAL, _host(52)),
    "dialogue": (
        *_EXTENDED_ARRIVAL,
        _host(53, BANNER),
        _host(51, REFUSED),
        _client(50, DIALOGUE),
        _host(60, QUESTIONS),
        _client(61, answers(RIGHT, b"123456")),
        _host(60, INFORMATION),
        _client(61, answers()),
        _host(52),
    ),
    "three guesses": (
        *_ARRIVAL,
        _host(51, REFUSED),
        _client(50, password(WRONG)),
        _host(51, REFUSED),
        _client(50, DIALOGUE),
        _host(60, ONE_QUESTION),
        _client(61, answers(WRONG)),
        _host(51, REFUSED),
        _client(50, password()),
        _host(53, BANNER),
        _host(52),
    ),
    "partial success": (
        *_ARRIVAL,
        _only(b"password"),
        _client(50, password()),
        _only(b"keyboard-interactive", partial=True),
        _client(50, DIALOGUE),
        _host(60, ONE_QUESTION),
        _client(61, answers(b"123456")),
        _host(52),
    ),
    "password change": (
        *_ARRIVAL,
        _host(51, REFUSED),
        _client(50, password()),
        _host(60, EXPIRED),
        _client(50, CHANGED),
        _host(52),
    ),
    "password as a dialogue": (
        *_ARRIVAL,
        _only(b"keyboard-interactive"),
        _client(50, password()),
        _host(60, ONE_QUESTION),
        _host(60, INFORMATION),
        _host(52),
    ),
    "dialogue as a password": (
        *_ARRIVAL,
        _only(b"password"),
        _client(50, DIALOGUE),
        _client(61, answers(RIGHT)),
        _host(60, EXPIRED),
        _client(61, answers(WRONG, WRONG)),
        _host(52),
    ),
}

_OPEN = (_client(90, opening()), _host(91, confirmed()))

SESSIONS: dict[str, Sheet] = {
    "shell": (
        *_OPEN,
        _client(98, asked(b"auth-agent-req@openssh.com", reply=False)),
        _client(98, asked(b"pty-req", PTY)),
        _client(98, asked(b"env", string(b"LANG") + string(b"C"), False)),
        _client(98, asked(b"shell")),
        _host(99, uint32(0)),
        _host(93, uint32(0) + uint32(1 << 21)),
        _host(99, uint32(0)),
        _host(94, uint32(0) + string(b"$ ")),
        _client(94, uint32(0) + string(b"ls\r")),
        _client(192, string(b"12345678")),
        _client(93, uint32(0) + uint32(65536)),
        _host(95, uint32(0) + uint32(1) + string(b"ls: not found\r\n")),
        _client(98, asked(b"window-change", uint32(100) * 4, False)),
        _client(98, asked(b"signal", string(b"INT"), False)),
        _host(98, asked(b"exit-signal", string(b"INT") + byte(0) + string(b"") * 2, False)),
        _host(96, uint32(0)),
        _host(97, uint32(0)),
        _client(97, uint32(0)),
        _client(1, GOODBYE),
    ),
    "command": (
        *_OPEN,
        _client(98, asked(b"exec", string(b"cat"))),
        _host(99, uint32(0)),
        _client(94, uint32(0) + string(bytes(3000))),
        _host(94, uint32(0) + string(bytes(3000))),
        _host(93, uint32(0) + uint32(3000)),
        _client(93, uint32(0) + uint32(3000)),
        _client(96, uint32(0)),
        _host(98, asked(b"eow@openssh.com", reply=False)),
        _host(98, asked(b"exit-status", uint32(0), False)),
        _host(96, uint32(0)),
        _host(97, uint32(0)),
        _client(97, uint32(0)),
        _host(1, GOODBYE),
    ),
    "forwardings": (
        _host(80, wanted(b"hostkeys-00@openssh.com", string(b"key"), False)),
        _client(80, wanted(b"tcpip-forward", ANY_PORT)),
        _host(81, uint32(8080)),
        _client(80, wanted(b"tcpip-forward", BOUND)),
        _host(82),
        _client(80, wanted(b"no-more-sessions@openssh.com", reply=False)),
        _host(90, forwarding(b"forwarded-tcpip", 3)),
        _client(91, confirmed(3)),
        _host(94, uint32(3) + string(b"GET / HTTP/1.0\r\n\r\n")),
        _client(94, uint32(3) + string(b"HTTP/1.0 404\r\n\r\n")),
        _client(96, uint32(3)),
        _host(96, uint32(3)),
        _client(97, uint32(3)),
        _host(97, uint32(3)),
        _client(90, forwarding(b"direct-tcpip", 4)),
        _host(92, uint32(4) + uint32(2) + string(b"refused") + string(b"en")),
        _client(80, wanted(b"cancel-tcpip-forward", ANY_PORT)),
        _host(80, wanted(b"keepalive@openssh.com")),
        _client(82),
        _host(81),
        _client(1, GOODBYE),
    ),
    "new keys": (
        *_OPEN,
        _client(20),
        _client(94, uint32(0) + string(b"behind the client's new keys")),
        _host(94, uint32(0) + string(b"behind the client's new keys")),
        _host(20),
        _client(94, uint32(0) + string(b"behind the host's new keys")),
        _host(94, uint32(0) + string(b"behind the host's new keys")),
        _host(20),
        _client(20),
        _host(98, asked(b"exit-status", uint32(0), False)),
        _client(97, uint32(0)),
        _host(97, uint32(0)),
    ),
    "small talk": (
        _client(2, string(b"nothing")),
        _host(2, string(b"nothing")),
        _host(4, byte(1) + string(b"debug") + string(b"")),
        _client(4, byte(0) + string(b"debug") + string(b"")),
        _host(7, EXTENSIONS),
        *_OPEN,
        _client(98, asked(b"x11-req", X11)),
        _host(99, uint32(0)),
        _host(90, opening(1, type=b"x11", data=string(b"127.0.0.1") + uint32(6010))),
        _client(91, confirmed(1)),
        _client(98, asked(b"subsystem", string(b"sftp"))),
        _host(100, uint32(0)),
        _client(50, NONE),
        _client(3, uint32(7)),
        _host(3, uint32(7)),
        _client(97, uint32(1)),
        _host(97, uint32(1)),
        _host(1, GOODBYE),
    ),
}

SHEETS: dict[str, Sheet] = {
    f"{login}, {session}": LOGINS[login] + SESSIONS[session]
    for login in LOGINS
    for session in SESSIONS
}
