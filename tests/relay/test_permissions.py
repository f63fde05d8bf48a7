"""
Tests of L{bastion.relay.permissions}: what a client asks for, and what it is told.
"""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from bastion.config.destinations import destination
from bastion.config.policies import Permitted, PolicyTable
from bastion.interfaces import (
    ALLOW,
    ChannelRequest,
    HostAddress,
    ISessionPolicy,
    Login,
    Verdict,
)
from bastion.relay.permissions import Permissions
from bastion.wire import Malformed, byte, string, uint32

LOGIN = Login(b"in1000", "192.0.2.1", "esrf", HostAddress("nice1"), b"password")
NONE: Permitted[Any] = Permitted(False)
EVERYTHING = PolicyTable(name="a")
NOTHING = PolicyTable(
    name="b",
    pty=False,
    shell=False,
    exec=NONE,
    subsystems=NONE,
    agent=False,
    x11=False,
    local_forwarding=NONE,
    remote_forwarding=NONE,
    streamlocal_forwarding=NONE,
    tunnel=False,
    env=NONE,
    other=False,
)


def onChannel(name: bytes, data: bytes = b"", type: bytes = b"session") -> ChannelRequest:
    """
    A client's request on a channel.
    """
    return ChannelRequest("channel", name, True, type, data)


def opening(type: bytes, data: bytes = b"") -> ChannelRequest:
    """
    A client's wish to open a channel.
    """
    return ChannelRequest("open", type, True, data=data)


def asked(name: bytes, data: bytes = b"") -> ChannelRequest:
    """
    A client's global request.
    """
    return ChannelRequest("global", name, True, data=data)


def to(host: bytes, port: int) -> ChannelRequest:
    """
    A client's wish to be connected to a host.
    """
    here = string(b"127.0.0.1") + uint32(51234)
    return opening(b"direct-tcpip", string(host) + uint32(port) + here)


def listening(host: bytes, port: int) -> ChannelRequest:
    """
    A client's wish that the host listens.
    """
    return asked(b"tcpip-forward", string(host) + uint32(port))


TERMINAL = string(b"xterm") + uint32(80) + uint32(24) + uint32(0) * 2 + string(b"")
COOKIE = byte(0) + string(b"MIT-MAGIC-COOKIE-1") + string(b"c00c1e") + uint32(0)
SOCKET = string(b"/run/s")

#: For each key, what it is about, and what is said of it.
ABOUT: list[tuple[str, ChannelRequest, str]] = [
    ("pty", onChannel(b"pty-req", TERMINAL), "a terminal"),
    ("shell", onChannel(b"shell"), "a shell"),
    ("exec", onChannel(b"exec", string(b"rm -rf x")), 'running "rm -rf x"'),
    ("subsystems", onChannel(b"subsystem", string(b"sftp")), 'the subsystem "sftp"'),
    ("agent", onChannel(b"agent-req"), "agent forwarding"),
    ("agent", onChannel(b"auth-agent-req@openssh.com"), "agent forwarding"),
    ("x11", onChannel(b"x11-req", COOKIE), "X11 forwarding"),
    ("local_forwarding", to(b"db.example.org", 5432), "forwarding to db.example.org:5432"),
    ("local_forwarding", to(b"2001:db8::1", 22), "forwarding to [2001:db8::1]:22"),
    ("remote_forwarding", listening(b"localhost", 8080), "forwarding from localhost:8080"),
    ("remote_forwarding", listening(b"", 0), "forwarding from :0"),
    (
        "streamlocal_forwarding",
        opening(b"direct-streamlocal@openssh.com", SOCKET + string(b"") + uint32(0)),
        "forwarding to /run/s",
    ),
    (
        "streamlocal_forwarding",
        asked(b"streamlocal-forward@openssh.com", SOCKET),
        "forwarding from /run/s",
    ),
    ("tunnel", opening(b"tun@openssh.com", uint32(1) + uint32(0)), "a tunnel"),
    (
        "env",
        onChannel(b"env", string(b"LANG") + string(b"C")),
        'the environment variable "LANG"',
    ),
    ("other", opening(b"video"), 'a channel of the type "video"'),
    ("other", opening(b"x11"), 'a channel of the type "x11"'),
    ("other", opening(b"agent-connect"), 'a channel of the type "agent-connect"'),
    ("other", onChannel(b"auth-agent-req@example.org"), 'the request "auth-agent-req@example.org"'),
    ("other", onChannel(b"direct-tcpip"), 'the request "direct-tcpip"'),
    ("other", asked(b"exec"), 'the request "exec"'),
    ("other", asked(b"agent-req"), 'the request "agent-req"'),
    ("other", asked(b"tun@openssh.com"), 'the request "tun@openssh.com"'),
    ("other", asked(b""), 'the request ""'),
    ("other", asked(b"signal"), 'the request "signal"'),
    ("other", onChannel(b"cancel-x"), 'the request "cancel-x"'),
    ("other", opening(b"hostkeys-x"), 'a channel of the type "hostkeys-x"'),
]
eachOfThem = pytest.mark.parametrize(
    ("key", "request_", "what"), ABOUT, ids=[f"{key}: {what}" for key, _, what in ABOUT]
)


def table(**values: Any) -> PolicyTable:
    """
    A table that says this and no more.
    """
    return PolicyTable(name="c", **values)


def refusal(policy: PolicyTable, request: ChannelRequest) -> str | None:
    """
    What the user is told.
    """
    return Permissions(policy).decide(request, LOGIN).refusal


def test_itIsAPolicy() -> None:
    assert verifyObject(ISessionPolicy, Permissions(EVERYTHING))


@eachOfThem
def test_whereEverythingIsAllowedItPasses(key: str, request_: ChannelRequest, what: str) -> None:
    assert Permissions(EVERYTHING).decide(request_, LOGIN) == ALLOW


@eachOfThem
def test_whereNothingIsAllowedItIsRefused(key: str, request_: ChannelRequest, what: str) -> None:
    refused = Verdict(f"{what} is not allowed here")
    assert Permissions(NOTHING).decide(request_, LOGIN) == refused


@eachOfThem
def test_oneKeyIsAboutIt(key: str, request_: ChannelRequest, what: str) -> None:
    off = getattr(NOTHING, key)
    assert refusal(table(**{key: off}), request_) == f"{what} is not allowed here"
    on = getattr(EVERYTHING, key)
    values = {each: getattr(NOTHING, each) for each, _, _ in ABOUT}
    assert refusal(table(**values | {key: on}), request_) is None


@eachOfThem
def test_whatTheHostAsksForIsNotItsMatter(key: str, request_: ChannelRequest, what: str) -> None:
    fromHost = ChannelRequest(
        request_.kind, request_.name, False, request_.channelType, request_.data
    )
    assert refusal(NOTHING, fromHost) is None


@pytest.mark.parametrize(
    "request_",
    [
        opening(b"session"),
        *(
            onChannel(name)
            for name in (
                *(b"window-change", b"signal", b"break", b"xon-xoff"),
                *(b"exit-status", b"exit-signal"),
                *(b"eow@openssh.com", b"keepalive@openssh.com"),
                b"winadj@putty.projects.tartarus.org",
                b"simple@putty.projects.tartarus.org",
            )
        ),
        *(
            asked(name)
            for name in (
                *(b"cancel-tcpip-forward", b"cancel-streamlocal-forward@openssh.com"),
                *(b"keepalive@openssh.com", b"no-more-sessions@openssh.com"),
                *(b"hostkeys-00@openssh.com", b"hostkeys-prove-00@openssh.com"),
            )
        ),
    ],
    ids=lambda request: f"{request.kind} {request.name.decode()}",
)
def test_harmlessPassesWhateverIsRefused(request_: ChannelRequest) -> None:
    assert refusal(NOTHING, request_) is None


def test_whereNoSessionIsOpenTheRequestIsJudgedAllTheSame() -> None:
    request = onChannel(b"exec", string(b"ls"), type=b"direct-tcpip")
    assert refusal(NOTHING, request) == 'running "ls" is not allowed here'


# Lists


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        (b"scp -t /data", True),
        (b"scp -t '/data/a b'", True),
        (b"scp -f /data", False),
        (b"scp -t /data; sh", False),
        (b"scp -t $(sh)", False),
        (b"scp -t x\nsh", False),
        (b"scp -t \xff", False),
        (b"sh; scp -t x", False),
        (b"", False),
    ],
)
def test_commandHasToFitAPattern(command: bytes, allowed: bool) -> None:
    policy = table(exec=Permitted(False, ("rsync --server *", "scp -t *")))
    assert (refusal(policy, onChannel(b"exec", string(command))) is None) is allowed


@pytest.mark.parametrize(("name", "allowed"), [(b"sftp", True), (b"sftp2", False), (b"x", False)])
def test_subsystemHasToBeNamed(name: bytes, allowed: bool) -> None:
    policy = table(subsystems=Permitted(False, ("sftp",)))
    assert (refusal(policy, onChannel(b"subsystem", string(name))) is None) is allowed


@pytest.mark.parametrize(
    ("name", "allowed"), [(b"LANG", True), (b"LC_ALL", True), (b"LD_PRELOAD", False)]
)
def test_variableHasToFitAPattern(name: bytes, allowed: bool) -> None:
    policy = table(env=Permitted(False, ("LANG", "LC_*")))
    assert (refusal(policy, onChannel(b"env", string(name) + string(b"x"))) is None) is allowed


def test_variableIsRefusedWithoutItsValue() -> None:
    told = refusal(NOTHING, onChannel(b"env", string(b"TOKEN") + string(b"s3cret")))
    assert told == 'the environment variable "TOKEN" is not allowed here'


def test_forwardingsHaveTheirOwnDestinations() -> None:
    policy = table(
        local_forwarding=Permitted(False, (destination("db:5432"),)),
        remote_forwarding=Permitted(False, (destination("localhost:8000-8999"),)),
    )
    assert refusal(policy, to(b"db", 5432)) is None
    assert refusal(policy, to(b"localhost", 8000)) is not None
    assert refusal(policy, listening(b"localhost", 8000)) is None
    assert refusal(policy, listening(b"", 8000)) is not None
    assert refusal(policy, listening(b"localhost", 0)) is not None
    assert refusal(policy, listening(b"db", 5432)) is not None


@pytest.mark.parametrize("name", [b"/run/s", b"/run/../s", b"/s"])
def test_socketsAreTheSameBothWays(name: bytes) -> None:
    policy = table(streamlocal_forwarding=Permitted(False, ("/run/*",)))
    there = opening(b"direct-streamlocal@openssh.com", string(name) + string(b"") + uint32(0))
    back = asked(b"streamlocal-forward@openssh.com", string(name))
    assert (refusal(policy, there) is None) is (name == b"/run/s")
    assert (refusal(policy, back) is None) is (name == b"/run/s")


# What is said


def test_sentenceOfTheTableIsAdded() -> None:
    policy = table(shell=False, sentence="Ask your\nlocal contact.")
    told = refusal(policy, onChannel(b"shell"))
    assert told == "a shell is not allowed here. Ask your local contact."


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (onChannel(b"exec", string(b"a\x1b[2J\xff\n")), r'running "a\x1b[2J\xff\n"'),
        (onChannel(b"subsystem", string(b"\x07")), r'the subsystem "\x07"'),
        (onChannel(b"\x1b"), r'the request "\x1b"'),
        (opening(b"\x1b"), r'a channel of the type "\x1b"'),
        (to(b"\x1b", 1), r"forwarding to \x1b:1"),
        (asked(b"streamlocal-forward@openssh.com", string(b"\x1b")), r"forwarding from \x1b"),
        (onChannel(b"exec", string(b"x" * 5000)), f'running "{"x" * 128}..."'),
    ],
)
def test_whatTheClientNamesIsMadeVisible(request_: ChannelRequest, what: str) -> None:
    assert refusal(NOTHING, request_) == f"{what} is not allowed here"


# Nonsense


@pytest.mark.parametrize("policy", [NOTHING, EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize(
    "request_",
    [
        *(onChannel(name, b"\0\0\0\1") for name in (b"exec", b"subsystem", b"env")),
        opening(b"direct-tcpip", string(b"db") + b"\0"),
        opening(b"direct-streamlocal@openssh.com", b""),
        asked(b"tcpip-forward", string(b"")),
        asked(b"streamlocal-forward@openssh.com", b"\0\0\0\1"),
    ],
    ids=lambda request: request.name.decode(),
)
def test_requestThatIsNotWhatItsNameSaysIsMalformed(
    policy: PolicyTable, request_: ChannelRequest
) -> None:
    with pytest.raises(Malformed):
        Permissions(policy).decide(request_, LOGIN)
