"""
One connection: a client, the bastion and the hosts that it tries; or the leg toward a
host by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attacking.exchange import keyBlob
from attacking.stages import Stage
from attrs import evolve
from twisted.python.failure import Failure

from bastion.algorithms import COMPATIBLE_TO_HOSTS
from bastion.auth.client import UserAuthClient
from bastion.auth.messages import InfoResponse, Request
from bastion.interfaces import HostAddress
from bastion.ssh.client import ClientTransport
from bastion.ssh.terms import WITH_HOSTS
from bastion.testing.speakers import TrustedKeys, Witness
from bastion.wire import (
    MSG_KEXINIT,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)
from fuzzing.messages import CLIENT, HOST, KEY
from fuzzing.players import Player, PlayingClient, PlayingHost
from fuzzing.stand import Stand
from fuzzing.tally import IDENTIFICATION, LINE
from fuzzing.watch import Busy, Fault

#: How a host is spoken with that has no client: all that can be spoken is.
_TERMS = evolve(WITH_HOSTS, algorithms=lambda identification: COMPATIBLE_TO_HOSTS)
#: From here on a message belongs to a session.
_SESSION = 80
#: What a client says in a login.
_LOGIN = (MSG_USERAUTH_REQUEST, MSG_USERAUTH_INFO_RESPONSE)


class Play:
    """
    What the two kinds of plays have in common.

    @ivar site: where it is played.
    @ivar script: who has said what, in order.
    """

    def __init__(self, stand: Stand) -> None:
        self.site = stand.site
        self.script: list[tuple[str, int, bytes]] = []
        self._watch = stand.watch
        self._astray: list[Player] = []

    def peer(self, leg: str) -> Player | None:
        """
        Who is at one end, if there is somebody yet.
        """
        raise NotImplementedError

    def phase(self, leg: str) -> str | None:
        """
        How far one leg has come; L{None} if it is over.
        """
        peer = self.peer(leg)
        if peer is None or peer.gone:
            return None
        transport = self.site.tcp(peer).other.protocol
        return str(transport.phase.value) if transport.gotVersion else IDENTIFICATION

    @contextmanager
    def watched(self) -> Iterator[None]:
        """
        Let everything happen that follows from something.

        @raise Fault: when it is not in order.
        """
        self._watch.begin()
        try:
            yield
            self.site.settle()
        except Busy as problem:
            raise Fault(str(problem)) from problem
        self._watch.look()
        self._look()

    def _look(self) -> None:
        """
        See that nobody has come further than may be.
        """

    def says(self, leg: str, number: int, payload: bytes) -> None:
        """
        Have one end say a message when it may.
        """
        peer = self.peer(leg)
        if peer is None or peer.gone:
            return
        with self.watched():
            self.script.append((leg, number, payload))
            if number != MSG_KEXINIT:
                peer.says(number, payload)
            elif peer.exchange is None:
                peer.asksForKeys()

    def sends(self, leg: str, *messages: tuple[int, bytes]) -> None:
        """
        Have one end say some messages now, and at once.
        """
        peer = self.peer(leg)
        assert peer is not None
        with self.watched():
            for number, payload in messages:
                self.script.append((leg, number, payload))
                peer.sends(number, payload)

    def writes(self, leg: str, number: int, data: bytes) -> None:
        """
        The same with the bytes of a packet.
        """
        peer = self.peer(leg)
        assert peer is not None
        with self.watched():
            self.script.append((leg, number, data))
            peer.said.add(number)
            self._astray.append(peer)
            peer.write(data)

    def isOver(self, peer: Player) -> None:
        """
        See that somebody's connection has come to its end, unless what was written may
        still be taken for a part of a packet.

        @raise Fault: when it goes on.
        """
        if not peer.gone and peer not in self._astray:
            raise Fault("the connection goes on")

    def goes(self, leg: str, until: Stage) -> None:
        """
        Have one end keep the rules for longer.
        """
        peer = self.peer(leg)
        if peer is not None and not peer.gone:
            with self.watched():
                peer.goes(until)

    def identifies(self, leg: str, line: bytes) -> None:
        """
        Have one end say who it is, whatever that is.
        """
        peer = self.peer(leg)
        assert peer is not None
        with self.watched():
            self.script.append((leg, LINE, line))
            peer.stage = Stage.IDENTIFIED
            peer.version = line.partition(b"\n")[0].removesuffix(b"\r")
            peer.write(line)

    def waits(self, seconds: float) -> None:
        """
        Let time pass.
        """
        with self.watched():
            try:
                self.site.clock.advance(seconds)
            except Exception:
                self.site.uncaught.append(Failure())

    def ends(self) -> None:
        """
        Everybody is gone.
        """
        with self.watched():
            for leg in (CLIENT, HOST):
                peer = self.peer(leg)
                if peer is not None and not peer.gone:
                    self.site.tcp(peer).abortConnection()


class Whole(Play):
    """
    A client that comes to the gateway.

    @ivar hosts: whom the bastion has connected to for it.
    """

    def __init__(
        self,
        stand: Stand,
        client: PlayingClient | None = None,
        makeHost: Callable[[], PlayingHost] = PlayingHost,
    ) -> None:
        super().__init__(stand)
        self.hosts: list[PlayingHost] = []
        self._makeHost = makeHost
        for address in self.site.addresses:
            self.site.makeHost[address.name] = self._newHost
        self._client = client or PlayingClient()
        with self.watched():
            self.site.arrives(self._client)

    def _newHost(self) -> PlayingHost:
        self.hosts.append(self._makeHost())
        return self.hosts[-1]

    def peer(self, leg: str) -> Player | None:
        """
        See L{Play}; of the hosts, the latest.
        """
        if leg == CLIENT:
            return self._client
        return self.hosts[-1] if self.hosts else None

    def _look(self) -> None:
        if any(MSG_USERAUTH_SUCCESS in host.said for host in self.hosts):
            return
        for peer in (self._client, *self.hosts):
            for number, _ in peer.heard:
                if number >= _SESSION or number == MSG_USERAUTH_SUCCESS:
                    raise Fault(f"message {number} was passed on without a login")

    def ends(self) -> None:
        """
        See L{Play}.
        """
        super().ends()
        with self.watched():
            for host in self.hosts:
                if not host.gone:
                    self.site.tcp(host).abortConnection()


class Alone(Play):
    """
    A connection to a host without a client: its login asks by itself.
    """

    def __init__(self, stand: Stand, host: PlayingHost) -> None:
        super().__init__(stand)
        self._host = host
        self._login = UserAuthClient(HostAddress("nice1"))
        self._asking = False
        keys = TrustedKeys({keyBlob(KEY)})
        version = b"SSH-2.0-OpenSSH_9.2p1"
        transport = ClientTransport(Witness(), self.site.clock, keys, self._login, version, _TERMS)
        with self.watched():
            self.site.network.link(self.site._way(host), transport)

    def peer(self, leg: str) -> Player | None:
        """
        See L{Play}.
        """
        return self._host if leg == HOST else None

    def says(self, leg: str, number: int, payload: bytes) -> None:
        """
        See L{Play}; what the client says is carried to the host by nobody.
        """
        if leg == HOST:
            super().says(leg, number, payload)
        elif number in _LOGIN and self._login.ready.called and not self._asking:
            with self.watched():
                self._asks(number, payload)

    def _asks(self, number: int, payload: bytes) -> None:
        self._asking = True
        if number == MSG_USERAUTH_REQUEST:
            replied: Any = self._login.request(Request.parse(payload))
        else:
            replied = self._login.answer(InfoResponse.parse(payload))
        replied.addBoth(self._replied)

    def _replied(self, reply: object) -> None:
        self._asking = False
