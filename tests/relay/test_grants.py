"""
Tests of L{bastion.relay.grants}: what a client asks for, and what a host may open
after that.
"""

from __future__ import annotations

import pytest

from bastion.interfaces import ALLOW, ChannelRequest, Verdict
from bastion.relay.grants import Grants
from bastion.wire import Malformed, string, uint32

REFUSED = Verdict("the client has not asked for it")

AGENT, OLD_AGENT, X11 = b"agent-connect", b"auth-agent@openssh.com", b"x11"
TCP, STREAMLOCAL = b"forwarded-tcpip", b"forwarded-streamlocal@openssh.com"


def bound(address: bytes, port: int) -> bytes:
    """
    What a forwarding is bound to.
    """
    return string(address) + uint32(port)


def asked(name: bytes, data: bytes = b"") -> ChannelRequest:
    """
    A global request of the client's.
    """
    return ChannelRequest("global", name, True, data=data)


def askedOnChannel(name: bytes) -> ChannelRequest:
    """
    A request of the client's on its session channel.
    """
    return ChannelRequest("channel", name, True, b"session", b"\0")


def opening(type: bytes, data: bytes = b"") -> ChannelRequest:
    """
    The host's wish to open a channel.
    """
    return ChannelRequest("open", type, False, data=data)


def connected(address: bytes, port: int) -> ChannelRequest:
    """
    The host's wish to pass on a connection to a forwarded port.
    """
    return opening(TCP, bound(address, port) + bound(b"192.0.2.77", 51234))


def path(name: bytes) -> bytes:
    """
    A socket's path, and the reserved field behind it.
    """
    return string(name) + string(b"")


FORWARD, CANCEL = b"tcpip-forward", b"cancel-tcpip-forward"
STREAM, CANCEL_STREAM = (
    b"streamlocal-forward@openssh.com",
    b"cancel-streamlocal-forward@openssh.com",
)


@pytest.mark.parametrize(
    "request_",
    [
        opening(AGENT),
        opening(OLD_AGENT),
        opening(X11),
        connected(b"localhost", 8080),
        connected(b"", 0),
        opening(STREAMLOCAL, path(b"/run/socket")),
        opening(b"session"),
        opening(b"direct-tcpip", bound(b"intranet", 80) + bound(b"", 0)),
        opening(b"tun@openssh.com"),
        opening(b""),
    ],
)
def test_hostMayOpenNothingThatWasNotAskedFor(request_: ChannelRequest) -> None:
    assert Grants().verdict(request_) == REFUSED


@pytest.mark.parametrize("type", [b"session", b"direct-tcpip", b"tun@openssh.com"])
def test_hostMayNeverOpenWhatOnlyClientsOpen(type: bytes) -> None:
    grants = Grants()
    for request in (
        askedOnChannel(b"agent-req"),
        askedOnChannel(b"auth-agent-req@openssh.com"),
        askedOnChannel(b"x11-req"),
        asked(FORWARD, bound(b"", 0)),
        asked(STREAM, string(b"")),
        askedOnChannel(type),
    ):
        grants.note(request)
    assert grants.verdict(opening(type, bound(b"", 0) + bound(b"", 0))) == REFUSED


@pytest.mark.parametrize(
    ("name", "granted", "other"),
    [
        (b"agent-req", AGENT, OLD_AGENT),
        (b"auth-agent-req@openssh.com", OLD_AGENT, AGENT),
        (b"auth-agent-req@openssh.com", OLD_AGENT, X11),
        (b"x11-req", X11, AGENT),
    ],
)
def test_requestOnASessionChannelGrantsOneTypeOnly(
    name: bytes, granted: bytes, other: bytes
) -> None:
    grants = Grants()
    grants.note(askedOnChannel(name))
    assert grants.verdict(opening(granted)) == ALLOW
    assert grants.verdict(opening(other)) == REFUSED


@pytest.mark.parametrize(
    "request_",
    [
        askedOnChannel(b"shell"),
        askedOnChannel(b"agent-connect"),
        askedOnChannel(b"agent-forward"),
        askedOnChannel(b"auth-agent@openssh.com"),
        askedOnChannel(b"x11"),
        asked(b"x11-req"),
        asked(b"agent-req"),
        asked(b"auth-agent-req@openssh.com"),
        asked(b"forwarded-tcpip", bound(b"", 80)),
    ],
)
def test_otherRequestsGrantNothing(request_: ChannelRequest) -> None:
    grants = Grants()
    grants.note(request_)
    assert grants == Grants()


@pytest.mark.parametrize("name", [FORWARD, STREAM])
@pytest.mark.parametrize("kind", ["open", "channel"])
def test_forwardingIsAskedForGloballyOrNotAtAll(kind: str, name: bytes) -> None:
    grants = Grants()
    grants.note(ChannelRequest(kind, name, True, b"session", b"of another meaning"))
    assert grants == Grants()


# TCP


def test_forwardedPortGrantsItselfOnly() -> None:
    grants = Grants()
    grants.note(asked(FORWARD, bound(b"", 8080)))
    assert grants.verdict(connected(b"", 8080)) == ALLOW
    assert grants.verdict(connected(b"", 8081)) == REFUSED


def test_hostMayNameTheAddressInItsOwnWay() -> None:
    """
    Asked for "localhost", some say 127.0.0.1 or ::1.
    """
    grants = Grants()
    grants.note(asked(FORWARD, bound(b"localhost", 8080)))
    assert grants.verdict(connected(b"127.0.0.1", 8080)) == ALLOW


@pytest.mark.parametrize("reply", [b"", uint32(8080)])
def test_confirmedForwardingStays(reply: bytes) -> None:
    grants = Grants()
    grants.note(asked(FORWARD, bound(b"", 8080)))
    grants.answered(asked(FORWARD, bound(b"", 8080)), reply)
    assert grants.verdict(connected(b"", 8080)) == ALLOW


def test_failedForwardingGrantsNothing() -> None:
    grants = Grants()
    grants.note(asked(FORWARD, bound(b"", 8080)))
    grants.answered(asked(FORWARD, bound(b"", 8080)), None)
    assert grants.verdict(connected(b"", 8080)) == REFUSED


def test_failedSecondForwardingLeavesTheFirst() -> None:
    """
    The host refuses it because the port is taken, by the first.
    """
    grants = Grants()
    request = asked(FORWARD, bound(b"", 8080))
    grants.note(request)
    grants.answered(request, b"")
    grants.note(request)
    grants.answered(request, None)
    assert grants.verdict(connected(b"", 8080)) == ALLOW


def test_cancelledForwardingGrantsNothingMore() -> None:
    grants = Grants()
    grants.note(asked(FORWARD, bound(b"", 8080)))
    grants.note(asked(FORWARD, bound(b"", 8081)))
    grants.note(asked(CANCEL, bound(b"", 8080)))
    assert grants.verdict(connected(b"", 8080)) == REFUSED
    assert grants.verdict(connected(b"", 8081)) == ALLOW


def test_failureThatIsHeardBehindTheCancelCountsOnce() -> None:
    """
    A client need not wait for one reply before it goes on.
    """
    grants = Grants()
    request = asked(FORWARD, bound(b"", 8080))
    grants.note(request)
    grants.note(asked(CANCEL, bound(b"", 8080)))
    grants.answered(request, None)
    grants.note(request)
    assert grants.verdict(connected(b"", 8080)) == ALLOW


def test_cancellingWhatWasNotAskedForDoesNothing() -> None:
    grants = Grants()
    grants.note(asked(CANCEL, bound(b"", 8080)))
    grants.note(asked(CANCEL_STREAM, path(b"/run/socket")))
    assert grants == Grants()


def test_portThatTheHostChoosesIsGrantedOnceItIsKnown() -> None:
    grants = Grants()
    request = asked(FORWARD, bound(b"", 0))
    grants.note(request)
    assert grants.verdict(connected(b"", 40001)) == ALLOW
    grants.answered(request, uint32(40001))
    assert grants.verdict(connected(b"", 40001)) == ALLOW
    assert grants.verdict(connected(b"", 40002)) == REFUSED
    grants.note(asked(CANCEL, bound(b"", 40001)))
    assert grants.verdict(connected(b"", 40001)) == REFUSED


def test_hostThatChoosesNoPortGrantsNone() -> None:
    grants = Grants()
    request = asked(FORWARD, bound(b"", 0))
    grants.note(request)
    grants.answered(request, None)
    assert grants == Grants()


def test_chosenPortMustBeSaid() -> None:
    grants = Grants()
    request = asked(FORWARD, bound(b"", 0))
    grants.note(request)
    with pytest.raises(Malformed):
        grants.answered(request, b"")


@pytest.mark.parametrize("reply", [None, b"", b"anything"])
def test_repliesToOtherRequestsChangeNothing(reply: bytes | None) -> None:
    grants = Grants()
    grants.note(asked(FORWARD, bound(b"", 8080)))
    grants.answered(asked(b"keepalive@openssh.com"), reply)
    grants.answered(asked(CANCEL, bound(b"", 8080)), reply)
    assert grants.verdict(connected(b"", 8080)) == ALLOW


# Sockets


def test_forwardedSocketGrantsItselfOnlyUntilItIsCancelled() -> None:
    grants = Grants()
    grants.note(asked(STREAM, path(b"/run/socket")))
    assert grants.verdict(opening(STREAMLOCAL, path(b"/run/socket"))) == ALLOW
    assert grants.verdict(opening(STREAMLOCAL, path(b"/run/sock"))) == REFUSED
    grants.note(asked(CANCEL_STREAM, path(b"/run/socket")))
    assert grants.verdict(opening(STREAMLOCAL, path(b"/run/socket"))) == REFUSED


# Nonsense


@pytest.mark.parametrize("name", [FORWARD, CANCEL, STREAM, CANCEL_STREAM])
def test_requestThatIsNotWhatItsNameSaysIsMalformed(name: bytes) -> None:
    with pytest.raises(Malformed):
        Grants().note(asked(name, b"\0\0\0\1"))


@pytest.mark.parametrize("type", [TCP, STREAMLOCAL])
def test_openThatIsNotWhatItsTypeSaysIsMalformed(type: bytes) -> None:
    grants = Grants()
    grants.note(asked(FORWARD, bound(b"", 0)))
    with pytest.raises(Malformed):
        grants.verdict(opening(type, b"\0\0\0\1"))
