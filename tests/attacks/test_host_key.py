"""
Attack A5: whoever is not the host must not be taken for it, whatever goes wrong while
its key is looked at (CVE-2025-26465: a client that ran out of memory in between went on
with the wrong one).  Not a byte of a credential leaves before that.
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client
from attacking.exchange import keyBlob
from attacking.host import KEY, OTHER_KEY, Host
from attacking.memory import HOSTS
from attacking.stages import Stage

from bastion.interfaces import HostUnavailable
from bastion.testing.speakers import TrustedKeys
from bastion.wire import MSG_KEX_ECDH_REPLY, MSG_SERVICE_REQUEST, Malformed, string

PROBLEMS = [
    HostUnavailable("an unknown key"),
    Malformed("a key that is none"),
    ValueError("a key that is none"),
    MemoryError(),
    RecursionError(),
    OSError(24, "too many open files"),
]


class BrokenKeys(TrustedKeys):
    """
    Known keys that cannot be looked at.

    @ivar problem: why; L{None} when they can be again.
    """

    problem: Exception | None

    def verify(self, blob: bytes) -> None:
        """
        Fail.
        """
        if self.problem is not None:
            # A new one each time, for it holds whom it has met.
            raise type(self.problem)(*self.problem.args)
        super().verify(blob)


def nothingWasShown(site: Any) -> None:
    """
    See that no host has come so far that it could be sent a name or a password.
    """
    for host in (host for name in site.hosts for host in site.hosts[name]):
        assert host.stage <= Stage.KEYED
        assert MSG_SERVICE_REQUEST not in host.numbers()
        assert host.gone
    assert site.named("login.accepted") == []


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)
def test_keyThatCannotBeLookedAtIsNotTheRightOne(siteOf: Any, problem: Exception) -> None:
    keys = BrokenKeys({keyBlob(KEY)})
    keys.problem = problem
    site = siteOf(hostKeys=keys)
    client = site.connects(Client())
    site.clock.advance(10)
    site.settle()

    assert client.gone
    assert {fields["host"] for fields in site.named("host.refused")} == {"nice1", "nice2"}
    nothingWasShown(site)
    keys.problem = None
    # That it is in the operator's log is right: it is no fault of the host's.
    site.failures.clear()
    site.uncaught.clear()


def test_keyThatCannotBeLookedAtIsNoMatterOfTheReactor(siteOf: Any) -> None:
    keys = BrokenKeys({keyBlob(KEY)})
    keys.problem = MemoryError()
    site = siteOf(hostKeys=keys)
    site.connects(Client())
    keys.problem = None
    uncaught, site.uncaught = site.uncaught, []
    site.failures.clear()

    assert uncaught == []


@pytest.mark.parametrize(
    ("key", "signature"),
    [(OTHER_KEY, None), (OTHER_KEY, KEY), (KEY, OTHER_KEY)],
    ids=["another key", "another key, signed by the known one", "the known key, not its owner"],
)
def test_hostThatIsNotTheKnownOneIsPassedOver(site: Any, key: Any, signature: Any) -> None:
    for host in HOSTS:
        site.makeHost[host.name] = lambda: Host(key=key, signature=signature)
    client = site.connects(Client())

    assert client.gone
    assert len(site.named("host.refused")) == 2
    nothingWasShown(site)


@pytest.mark.parametrize("what", ["key", "signature", "value"])
@pytest.mark.parametrize(
    "contents",
    [
        b"",
        string(b""),
        string(b"ssh-ed25519"),
        string(b"ssh-ed25519") + string(b"x"),
        string(b"ssh-rsa") + string(b"\x03") + string(b"\x01"),
        string(b"ssh-ed25519") + string(bytes(32)),
        bytes(32),
        b"\xff" * 5000,
    ],
)
def test_answerThatIsDamagedShowsNothing(site: Any, what: str, contents: bytes) -> None:
    """
    Any of the three fields of message 31.
    """
    host = site.attacker("host", Stage.ASKED)
    answer = host.exchange.answer(host.theirs, KEY)
    value = host.exchange.public
    fields = {"key": keyBlob(KEY), "value": value, "signature": answer[-83:]}
    fields[what] = contents
    message = string(fields["key"]) + string(fields["value"]) + string(fields["signature"])

    assert site.sends(host, MSG_KEX_ECDH_REPLY, message)
    assert MSG_SERVICE_REQUEST not in host.numbers()
    assert site.client.stage is Stage.SESSION, "the other host is there"


def test_undamagedAnswerOfTheTestAboveIsTaken(site: Any) -> None:
    host = site.attacker("host", Stage.ASKED)
    answer = host.exchange.answer(host.theirs, KEY)
    parts = string(keyBlob(KEY)) + string(host.exchange.public) + string(answer[-83:])

    assert parts == answer
    host.goes(Stage.SESSION)
    site.settle()
    assert host.stage is Stage.SESSION
