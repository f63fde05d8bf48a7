"""
L{bastion.gateway.lifecycle}: the sessions of a gateway, of its sources and its accounts are
limited, and who may not have one more is told why when the host has accepted the login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.messages import NONE, PASSWORD, Password
from bastion.wire import DISCONNECT_BY_APPLICATION, MSG_USERAUTH_SUCCESS

HERE, THERE = "198.51.100.7", "2001:db8::7"
JOHNSON, GASTON = (HERE, b"johnson"), (HERE, b"gaston")
VISITOR = (
    f"This account has as many sessions from {HERE} as it may have (2)."
    " End one, or try again later."
)
ACCOUNT = "This account has as many sessions as it may have (2). End one, or try again later."
SOURCE = f"As many sessions from {HERE} are open as there may be (2). End one, or try again later."
GATEWAY = "As many sessions are open as this gateway takes (2). Please try again later."


def tries(memory: Any, source: str, account: bytes) -> Any:
    """
    A client logs in, which a host accepts.
    """
    client = memory.connects(source)
    client.requests(NONE, account=account)
    host = memory.host()
    host.offers(PASSWORD)
    client.hears()
    client.requests(PASSWORD, Password(b"right").pack(), account)
    host.accepts()
    return client


@pytest.mark.parametrize(
    ("key", "first", "second", "third", "other", "sentence"),
    [
        (
            "per_account_source_sessions",
            *(JOHNSON, JOHNSON, JOHNSON, (THERE, b"johnson")),
            VISITOR,
        ),
        (
            "per_account_sessions",
            *(JOHNSON, (THERE, b"johnson"), ("198.51.100.8", b"johnson"), GASTON),
            ACCOUNT,
        ),
        (
            "per_source_sessions",
            *(JOHNSON, ("::ffff:198.51.100.7", b"gaston"), (HERE, b"smith"), (THERE, b"johnson")),
            SOURCE,
        ),
        ("max_sessions", *(JOHNSON, (THERE, b"gaston"), (HERE, b"smith"), None), GATEWAY),
    ],
)
def test_limitHoldsAcrossConnectionsAndIsTold(
    memoryOf: Callable[..., Any],
    key: str,
    first: Any,
    second: Any,
    third: Any,
    other: Any,
    sentence: str,
) -> None:
    memory = memoryOf(admission={key: 2})
    one, _ = memory.loggedIn(*first)
    memory.loggedIn(*second)

    refused = tries(memory, *third)
    (fate, lost) = refused.fate
    assert fate[:2] == ("disconnected", DISCONNECT_BY_APPLICATION)
    assert fate[2].startswith(f"{sentence} (reference ".encode())
    assert lost == "lost"
    assert MSG_USERAUTH_SUCCESS not in [number for number, _ in refused.hears()]
    [event] = memory.named("login.refused")
    assert (event["account"], event["reason"]) == (third[1].decode(), sentence)

    if other is not None:
        memory.loggedIn(*other)
    one.leaves()
    memory.loggedIn(*third)
