"""
L{bastion.gateway.lifecycle}: whatever a client, the hosts and the clock do, and in
whatever order, nothing is left, nothing is logged as a fault of ours, and nobody is
sent what breaks the rules.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.messages import ANY_DIALOGUE, NONE, ChangeRequest, Password
from bastion.interfaces import HostAddress
from bastion.wire import byte, string, uint32

QUESTION = string(b"name") + string(b"instruction") + string(b"")
BANNER = string(b"Hello") + string(b"")
PROMPT = string(b"Password: ") + byte(0)
METHODS = [b"publickey", b"password", b"keyboard-interactive"]


class Walk:
    """
    One client and its hosts, who do anything.
    """

    def __init__(self, memory: Any, seed: int) -> None:
        self._memory = memory
        self._dice = random.Random(seed)
        self._client: Any = None
        self.connect()
        if self._dice.random() < 0.5:
            self._client.requests(NONE)
            memory.host().accepts()
        for name in ("nice1", "nice2"):
            fate = self._dice.random()
            if fate < 0.15:
                memory.network.silence(HostAddress(name))
            elif fate < 0.3:
                memory.network.stopListening(HostAddress(name))

    def connect(self) -> None:
        """
        A client comes, and becomes part of a session as soon as it may.
        """
        client = self._client = self._memory.connects()
        heard = client.speaker.login.packetReceived

        def packetReceived(number: int, payload: bytes) -> None:
            if number == 52:
                client.speaker.startSession()
            heard(number, payload)

        client.speaker.login.packetReceived = packetReceived

    def _talkers(self) -> list[Any]:
        hosts = [host for hosts in self._memory.hosts.values() for host in hosts[-1:]]
        return [self._client, *hosts]

    def _host(self) -> Any:
        hosts = self._talkers()[1:]
        return self._dice.choice(hosts) if hosts else None

    # What a client does

    def request(self) -> None:
        """
        Ask for a login, in one of the ways.
        """
        dice = self._dice
        password = Password(b"secret", dice.choice((None, None, b"new"))).pack()
        fields = {b"password": password, b"keyboard-interactive": ANY_DIALOGUE}
        method = dice.choice([NONE, NONE, *METHODS, b"password", b"keyboard-interactive"])
        account = dice.choice([b"johnson"] * 30 + [b"root"])
        self._client.requests(method, fields.get(method, b""), account)

    def answer(self) -> None:
        """
        Answer something.
        """
        count = self._dice.choice((0, 1, 1, 1, 2, 2))
        self._client.says(61, uint32(count) + string(b"answer") * count)

    # What a host does

    def offer(self) -> None:
        """
        Refuse a request, or half of it.
        """
        methods = self._dice.sample(METHODS, self._dice.randrange(4))
        if host := self._host():
            host.offers(*methods, partial=self._dice.random() < 0.2)

    def accept(self) -> None:
        """
        Let a user in.
        """
        if host := self._host():
            host.accepts()

    def ask(self) -> None:
        """
        Ask something, or inform.
        """
        count = self._dice.choice((0, 1, 1, 2))
        change = ChangeRequest(b"Expired", b"").pack()
        if host := self._host():
            said = (60, QUESTION + uint32(count) + PROMPT * count)
            host.says(*self._dice.choice([said, said, said, (60, change), (53, BANNER)]))

    # What both do

    def session(self) -> None:
        """
        Send some message of a session.
        """
        numbers = uint32(self._dice.randrange(3))
        payload = {
            80: string(b"keepalive@openssh.com") + byte(1),
            90: string(b"session") + numbers * 3,
            91: numbers * 4,
            94: numbers + string(b"data" * 1000),
            98: numbers + string(b"shell") + byte(1),
        }
        number = self._dice.choice([80, 82, 90, 91, 94, 94, 94, 96, 97, 98, 99, 100, 120])
        self._dice.choice(self._talkers()).says(number, payload.get(number, numbers))

    def channel(self) -> None:
        """
        Open a channel and confirm it, whoever it is that does.
        """
        number = self._dice.randrange(3)
        numbers = uint32(number) + uint32(2**21) + uint32(32768)
        self._client.says(90, string(b"session") + numbers)
        if host := self._host():
            host.says(91, uint32(number) + numbers)

    def exchange(self) -> None:
        """
        Start a key exchange.
        """
        talker = self._dice.choice(self._talkers())
        self._dice.choice((talker.transport, talker.tcp.other.protocol)).rekey()
        self._memory.network.settle()

    def live(self) -> None:
        """
        Answer questions of ours, or of the other end.
        """
        for talker in self._talkers():
            for number, _ in talker.hears():
                if number == 80:
                    talker.says(self._dice.choice((81, 82)))

    def stall(self) -> None:
        """
        Stop or start to read.
        """
        tcp = self._dice.choice(self._talkers()).tcp
        tcp.pauseProducing() if tcp.reading else tcp.resumeProducing()
        self._memory.network.settle()

    def end(self) -> None:
        """
        Go, in one of the ways.
        """
        talker = self._dice.choice(self._talkers())
        way = self._dice.randrange(4)
        if way == 0:
            talker.leaves()
        elif way == 1:
            talker.tcp.abortConnection()
        elif way == 2:
            talker.transport.disconnect(11, b"bye")
        else:
            talker.says(self._dice.choice((51, 61, 79, 255)))
        self._memory.network.settle()

    def wait(self) -> None:
        """
        Let time pass.
        """
        self._memory.network.advance(self._dice.choice((0.1, 0.5, 2.0, 6.0, 15.0)))

    def go(self) -> None:
        """
        Do it for a while.
        """
        steps: dict[Callable[[], None], int] = {
            self.request: 8,
            self.answer: 4,
            self.offer: 4,
            self.accept: 3,
            self.ask: 5,
            self.session: 10,
            self.channel: 3,
            self.exchange: 3,
            self.live: 2,
            self.stall: 2,
            self.end: 1,
            self.wait: 2,
        }
        for _ in range(80):
            self._dice.choices(list(steps), list(steps.values()))[0]()
            if self._client.tcp.lost and self._dice.random() < 0.5:
                self.connect()
        if self._dice.random() < 0.5:
            self._memory.factory.dismissAll("the gateway stopped", "Over.")
        self._memory.everybodyVanishes()
        for hosts in self._memory.hosts.values():
            for host in hosts:
                host.tcp.abortConnection()
        self._memory.network.settle()


@pytest.mark.parametrize("seed", range(80))
def test_whateverHappensNothingIsLeft(memoryOf: Callable[..., Any], seed: int) -> None:
    """
    Channels are counted in most of the walks, and are too many in some.
    """
    memory = memoryOf(admission={"max_channels": seed % 8})
    walk = Walk(memory, seed)

    walk.go()

    talkers = [*memory.clients, *(host for hosts in memory.hosts.values() for host in hosts)]
    broken = [event for talker in talkers for event in talker.fate if event[0] == "failed"]
    assert broken == []
    memory.check()
