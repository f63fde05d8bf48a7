"""
L{bastion.testing.speakers}: a client and a host understand each other.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from twisted.conch.ssh.keys import Key

from bastion.interfaces import HostUnavailable
from bastion.testing.network import Network
from bastion.testing.speakers import TrustedKeys, speakingClient, speakingHost

KEY, OTHER = (Key(ed25519.Ed25519PrivateKey.generate()) for _ in range(2))


def test_theyTalkThroughLoginAndSession() -> None:
    network = Network()
    client, host = speakingClient(network.clock, KEY), speakingHost(network.clock, KEY)
    network.link(client.transport, host.transport)
    network.settle()
    client.login.say(50, b"may I")
    network.settle()
    assert host.login.heard.popleft() == (50, b"may I")
    for speaker in (client, host):
        speaker.startSession()
    host.session.say(80, b"welcome")
    network.settle()
    assert list(client.session.heard) == [(80, b"welcome")]


def test_clientTrustsOneKeyOnly() -> None:
    network = Network()
    client, host = speakingClient(network.clock, OTHER), speakingHost(network.clock, KEY)
    network.link(client.transport, host.transport)
    network.settle()
    assert client.witness.events == [("failed", "an unexpected key"), "lost"]


def test_trustedKeysSayWhichFormatsTheyKnow() -> None:
    keys = TrustedKeys({KEY.public().blob()})
    assert keys.formats() == {b"ssh-ed25519"}
    keys.verify(KEY.public().blob())
    with pytest.raises(HostUnavailable):
        keys.verify(OTHER.public().blob())
