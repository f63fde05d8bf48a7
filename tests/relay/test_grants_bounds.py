"""
Tests of L{bastion.relay.grants}: what is kept of a client's wishes has a bound.
"""

from __future__ import annotations

import pytest

from bastion.interfaces import ALLOW, ChannelRequest
from bastion.relay.grants import MAX_FORWARDS, Grants
from bastion.wire import Malformed, string, uint32

FORWARD, CANCEL = b"tcpip-forward", b"cancel-tcpip-forward"
STREAM, CANCEL_STREAM = (
    b"streamlocal-forward@openssh.com",
    b"cancel-streamlocal-forward@openssh.com",
)


def bound(address: bytes, port: int) -> bytes:
    """
    What a forwarding is bound to.
    """
    return string(address) + uint32(port)


def asked(name: bytes, data: bytes) -> ChannelRequest:
    """
    A global request of the client's.
    """
    return ChannelRequest("global", name, True, data=data)


def mayOpen(grants: Grants, type: bytes, data: bytes) -> bool:
    """
    Whether the host may open a channel.
    """
    return grants.verdict(ChannelRequest("open", type, False, data=data)) == ALLOW


def ask(number: int) -> ChannelRequest:
    """
    One of many forwardings: of ports and of sockets, in turn.
    """
    if number % 2:
        return asked(STREAM, string(b"/run/socket-%d" % number))
    return asked(FORWARD, bound(b"address-%d" % number, number))


def test_onlySoManyForwardingsMayBeAskedFor() -> None:
    grants = Grants()
    verdicts = [grants.note(ask(number)) for number in range(MAX_FORWARDS + 10)]
    assert verdicts[:MAX_FORWARDS] == [ALLOW] * MAX_FORWARDS
    assert {verdict.refusal for verdict in verdicts[MAX_FORWARDS:]} == {
        f"{MAX_FORWARDS} forwardings are asked for"
    }

    assert grants.note(asked(CANCEL, bound(b"address-0", 0))) == ALLOW
    assert grants.note(ask(0)) == ALLOW
    assert grants.note(ask(2)) != ALLOW


def test_nothingIsKeptOfWhatTheHostRefuses() -> None:
    grants = Grants()
    for number in range(2 * MAX_FORWARDS):
        assert grants.note(ask(number)) == ALLOW
        grants.answered(ask(number), None)
    assert grants == Grants()


def test_refusedSocketMayNotBeOpened() -> None:
    grants = Grants()
    request = asked(STREAM, string(b"/run/socket"))
    grants.note(request)
    grants.note(request)
    grants.answered(request, None)
    assert mayOpen(grants, b"forwarded-streamlocal@openssh.com", string(b"/run/socket"))
    grants.answered(request, None)
    assert not mayOpen(grants, b"forwarded-streamlocal@openssh.com", string(b"/run/socket"))


def test_portsThatTheHostChoosesAreBoundedToo() -> None:
    """
    Also those of forwardings that are cancelled before they are answered.
    """
    grants, request = Grants(), asked(FORWARD, bound(b"", 0))
    for port in range(2 * MAX_FORWARDS):
        grants.note(request)
        grants.note(asked(CANCEL, bound(b"", 0)))
        grants.answered(request, uint32(port + 1))
    assert mayOpen(grants, b"forwarded-tcpip", bound(b"", MAX_FORWARDS))
    assert not mayOpen(grants, b"forwarded-tcpip", bound(b"", MAX_FORWARDS + 1))


@pytest.mark.parametrize("name", [FORWARD, CANCEL, STREAM, CANCEL_STREAM])
def test_namesThatNothingHasAreMalformed(name: bytes) -> None:
    grants = Grants()
    grants.note(asked(name, bound(b"x" * 512, 8080)))
    with pytest.raises(Malformed):
        grants.note(asked(name, bound(b"x" * 513, 8080)))
