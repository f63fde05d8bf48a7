"""
L{bastion.ssh.keyexchange}: two transports in memory agree on keys, again and
again.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from twisted.conch.ssh.keys import Key

from bastion.ssh.keyexchange import HANDSHAKE_TIME, REKEY_TIME
from bastion.testing.network import Network
from bastion.testing.speakers import speakingClient, speakingHost
from bastion.wire import MSG_KEXINIT, MSG_NEWKEYS

KEY = Key(ed25519.Ed25519PrivateKey.generate())


class Pair:
    """
    A client and a host; the key exchange is done unless it is held up.
    """

    def __init__(self, settled: bool = True) -> None:
        self.network = Network()
        self.client = speakingClient(self.network.clock, KEY)
        self.host = speakingHost(self.network.clock, KEY)
        self.ends = self.network.link(self.client.transport, self.host.transport)
        if settled:
            self.network.settle()

    def say(self) -> bool:
        """
        Whether both hear each other.
        """
        self.client.login.say(50, b"question")
        self.host.login.say(51, b"answer")
        self.network.settle()
        heard = (list(self.host.login.heard), list(self.client.login.heard))
        self.host.login.heard.clear()
        self.client.login.heard.clear()
        return heard == ([(50, b"question")], [(51, b"answer")])


def test_bothEndsAreToldOnce() -> None:
    pair = Pair()
    assert pair.client.witness.events == pair.host.witness.events == ["secured"]
    assert pair.say()


@pytest.mark.parametrize("who", [("client",), ("host",), ("client", "host")])
def test_keysChangeAsOftenAsEitherEndLikes(who: tuple[str, ...]) -> None:
    pair = Pair()
    for _ in range(3):
        for name in who:
            getattr(pair, name).transport.sendKexInit()
        assert pair.host.transport.exchangingKeys or "host" not in who
        assert pair.say()
    assert pair.client.witness.events == pair.host.witness.events == ["secured"]
    assert pair.network.clock.getDelayedCalls() == []


def test_sessionIdentifierStaysWhatItWas() -> None:
    pair = Pair()
    before = pair.host.transport.sessionID
    pair.client.transport.sendKexInit()
    pair.network.settle()
    assert pair.host.transport.sessionID == pair.client.transport.sessionID == before


@pytest.mark.parametrize("number", [MSG_NEWKEYS, *range(30, 50)])
def test_messageOfNoKeyExchangeEndsTheConnection(number: int) -> None:
    pair = Pair()
    pair.client.login.say(number)
    pair.network.settle()
    problem = f"message {number} outside of its key exchange"
    assert pair.host.witness.events == ["secured", ("failed", problem), "lost"]


def test_secondStartWithinOneEndsTheConnection() -> None:
    pair = Pair()
    payload = pair.client.transport.ourKexInitPayload[1:]
    pair.client.login.say(MSG_KEXINIT, payload)
    pair.client.login.say(MSG_KEXINIT, payload)
    pair.network.settle()
    assert ("failed", "a second KEXINIT within one key exchange") in pair.host.witness.events


@pytest.mark.parametrize(("rekey", "limit"), [(False, HANDSHAKE_TIME), (True, REKEY_TIME)])
def test_keyExchangeThatDoesNotEndEndsTheConnection(rekey: bool, limit: float) -> None:
    pair = Pair(settled=rekey)
    pair.ends[0].pauseProducing()
    if rekey:
        pair.host.transport.sendKexInit()
    pair.network.clock.advance(limit - 0.1)
    assert not [each for each in pair.host.witness.events if each[0] == "failed"]
    pair.network.clock.advance(0.2)
    assert ("failed", "the key exchange took too long") in pair.host.witness.events
