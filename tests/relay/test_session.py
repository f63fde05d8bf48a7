"""
Tests of L{bastion.relay.session}: who is asked, in which order, and what follows.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field
from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.interfaces import (
    ALLOW,
    ChannelRequest,
    HostAddress,
    ISessionPolicy,
    Login,
    Verdict,
)
from bastion.relay.session import HOST_KEYS, SessionAdapter, target
from bastion.wire import Malformed, string, uint32

LOGIN = Login(b"johnson", "192.0.2.7", "esrf", HostAddress("nice1.example.org"), b"password")

SHELL = ChannelRequest("channel", b"shell", True, b"session")
SESSION = ChannelRequest("open", b"session", True)
X11_REQUEST = ChannelRequest("channel", b"x11-req", True, b"session")
X11_FROM_HOST = ChannelRequest("open", b"x11", False)
BOUND = string(b"") + uint32(0)
FORWARD = ChannelRequest("global", b"tcpip-forward", True, data=BOUND)


@implementer(ISessionPolicy)
@define
class Policy:
    """
    Says what it is told to, and writes down what it was asked.
    """

    says: Any = ALLOW
    asked: list[tuple[ChannelRequest, Login]] = field(factory=list)

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        self.asked.append((request, login))
        if isinstance(self.says, Exception):
            raise self.says
        verdict: Verdict = self.says
        return verdict


def connectedTo(port: int) -> ChannelRequest:
    """
    The host's wish to pass on a connection to a forwarded port.
    """
    data = string(b"") + uint32(port) + string(b"192.0.2.77") + uint32(51234)
    return ChannelRequest("open", b"forwarded-tcpip", False, data=data)


def test_ourPolicyIsOne() -> None:
    assert verifyObject(ISessionPolicy, Policy())


@pytest.mark.parametrize("request_", [SHELL, SESSION, FORWARD])
def test_withoutPoliciesTheClientMayAskForEverything(request_: ChannelRequest) -> None:
    assert SessionAdapter([], LOGIN).judge(request_) == ALLOW


def test_everyPolicyIsAskedInOrderWithRequestAndLogin() -> None:
    one, two = Policy(), Policy()
    assert SessionAdapter([one, two], LOGIN).judge(SHELL) == ALLOW
    assert one.asked == two.asked == [(SHELL, LOGIN)]


def test_firstRefusalDecides() -> None:
    one, two, three = Policy(), Policy(Verdict("no shells")), Policy(Verdict("nothing"))
    assert SessionAdapter([one, two, three], LOGIN).judge(SHELL) == Verdict("no shells")
    assert (len(one.asked), len(three.asked)) == (1, 0)


def test_policyThatFailsRefusesAndIsLogged() -> None:
    later = Policy()
    adapter = SessionAdapter([Policy(RuntimeError("a bug")), later], LOGIN)
    with capturedLogs() as events:
        verdict = adapter.judge(SHELL)
    assert verdict == Verdict("the gateway could not decide")
    assert [str(event["log_failure"].value) for event in events] == ["a bug"]
    assert later.asked == []


@pytest.mark.parametrize("nonsense", [None, True, "no"])
def test_policyThatAnswersNonsenseRefusesToo(nonsense: Any) -> None:
    """
    A forgotten C{return} is the likeliest mistake in a policy.
    """
    verdict = SessionAdapter([Policy(nonsense)], LOGIN).judge(SHELL)
    assert not verdict.allowed


# What the host may open


def test_hostIsJudgedByWhatTheClientAskedFor() -> None:
    adapter = SessionAdapter([], LOGIN)
    assert not adapter.judge(X11_FROM_HOST).allowed
    assert adapter.judge(X11_REQUEST) == ALLOW
    assert adapter.judge(X11_FROM_HOST) == ALLOW


def test_policiesAreAskedAboutWhatTheHostOpensToo() -> None:
    policy = Policy()
    adapter = SessionAdapter([policy], LOGIN)
    adapter.judge(X11_REQUEST)
    policy.says = Verdict("no X11 today")
    assert adapter.judge(X11_FROM_HOST) == Verdict("no X11 today")


def test_policiesAreNotAskedAboutWhatTheClientDidNotAskFor() -> None:
    policy = Policy()
    SessionAdapter([policy], LOGIN).judge(X11_FROM_HOST)
    assert policy.asked == []


def test_refusedRequestGrantsNothing() -> None:
    policy = Policy(Verdict("no X11 today"))
    adapter = SessionAdapter([policy], LOGIN)
    adapter.judge(X11_REQUEST)
    policy.says = ALLOW
    assert not adapter.judge(X11_FROM_HOST).allowed


@pytest.mark.parametrize(
    "request_",
    [
        ChannelRequest("channel", b"x11-req", False, b"session"),
        ChannelRequest("global", b"tcpip-forward", False, data=BOUND),
    ],
)
def test_hostCannotGrantItselfAnything(request_: ChannelRequest) -> None:
    adapter = SessionAdapter([], LOGIN)
    assert adapter.judge(request_) == ALLOW
    adapter.answered(request_, uint32(40001))
    assert not adapter.judge(X11_FROM_HOST).allowed
    assert not adapter.judge(connectedTo(40001)).allowed


def test_hostsReplySaysWhichPortIsForwarded() -> None:
    adapter = SessionAdapter([], LOGIN)
    adapter.judge(FORWARD)
    adapter.answered(FORWARD, uint32(40001))
    assert adapter.judge(connectedTo(40001)) == ALLOW
    assert not adapter.judge(connectedTo(40002)).allowed


def test_requestOfTheHostIsJudgedByThePoliciesAlone() -> None:
    exitStatus = ChannelRequest("channel", b"exit-status", False, b"session", uint32(0))
    assert SessionAdapter([], LOGIN).judge(exitStatus) == ALLOW


def test_hostKeysAreNotRelayed() -> None:
    assert {b"hostkeys-00@openssh.com", b"hostkeys-prove-00@openssh.com"} == HOST_KEYS


# For the log

HTTP = string(b"intranet") + uint32(80)
FROM = string(b"127.0.0.1") + uint32(51234)


@pytest.mark.parametrize(
    ("type", "data", "text"),
    [
        (b"direct-tcpip", HTTP + FROM, "intranet:80"),
        (b"forwarded-tcpip", HTTP + FROM, "intranet:80"),
        (b"direct-tcpip", string(b"a\n\x1b") + uint32(80) + FROM, r"a\n\x1b:80"),
        (b"direct-streamlocal@openssh.com", string(b"/run/s") + string(b"") + uint32(0), "/run/s"),
        (b"forwarded-streamlocal@openssh.com", string(b"/run/s\0") + string(b""), r"/run/s\x00"),
        (b"session", b"", ""),
        (b"x11", HTTP, ""),
        (b"auth-agent@openssh.com", b"", ""),
        (b"agent-connect", b"", ""),
    ],
)
def test_targetIsWhereAForwardingLeads(type: bytes, data: bytes, text: str) -> None:
    assert target(type, data) == text


@pytest.mark.parametrize(
    ("type", "data"),
    [
        (b"direct-tcpip", string(b"intranet")),
        (b"forwarded-tcpip", b""),
        (b"direct-streamlocal@openssh.com", b"\0\0\0\1"),
    ],
)
def test_targetOfNonsenseIsMalformed(type: bytes, data: bytes) -> None:
    with pytest.raises(Malformed):
        target(type, data)
