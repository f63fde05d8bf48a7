"""
One connection, from accept to close: its objects are built and joined here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from bastion.auth.checkers import HostUser
from bastion.auth.client import UserAuthClient
from bastion.auth.messages import Banner
from bastion.auth.server import UserAuthServer
from bastion.gateway.entrance import Doors, Entrance
from bastion.gateway.gateway import Gateway
from bastion.gateway.life import Acts, begin
from bastion.gateway.route import Route
from bastion.gateway.session import Session
from bastion.gateway.sessionlog import SessionLog
from bastion.hosts.named import split
from bastion.interfaces import HostRequest, Login
from bastion.ssh.farewell import DRAINING_TIME
from bastion.ssh.keyexchange import Turn
from bastion.ssh.owner import Owner
from bastion.ssh.phases import Phase
from bastion.ssh.server import ServerTransport
from bastion.ssh.transport import Transport
from bastion.upstream.search import Upstream
from bastion.wire import DISCONNECT_BY_APPLICATION, shown


class Connection(Owner, Acts):
    """
    One client's connection.

    @ivar transport: the client's.
    @ivar ended: fires when it is over.
    @ivar reference: its name for operators.
    @ivar log: its events, with what is known of it.
    @ivar opened: when the client came, by the clock.
    @ivar session: what it is once the login is done.
    """

    def __init__(self, gateway: Gateway, doors: Doors, by: HostRequest, denial: str | None) -> None:
        """
        @param doors: what it has to pass.
        @param by: who asks for a host, as far as that is known when the client connects.
        @param denial: why it cannot log in, for the user; L{None} if it may.
        """
        self.ended: Deferred[None] = Deferred()
        self._gateway = gateway
        self._source = source = by.source
        self.log = gateway.newLog(source)
        self.reference = self.log.bound["reference"]
        self._sessionLog = SessionLog(self.log)
        self._named: bytes | None = None
        ready = gateway.ready
        self._route = Route(ready, by, self, self.log) if ready is not None else None
        self.opened = gateway.clock.seconds()
        self._reason = ""
        self._hostsGoodbye = "it closed the connection during the login"
        self._account: bytes | None = None
        self._user: HostUser | None = None
        self.session: Session | None = None
        self._life = begin(self)
        self.transport = ServerTransport(self, gateway.clock, gateway.terms)
        self.transport.makeUserAuth = self._makeUserAuth
        table = gateway.table
        self._grace = gateway.clock.callLater(table.admission.login_grace_time, self._graceOver)
        self.log.event("connection.opened")
        self._entrance = Entrance(doors, source, table.name, self.log, denial, self._placeLost)

    def __repr__(self) -> str:
        return f"<Connection {self.reference} from {self._source}>"

    def _because(self, reason: str) -> None:
        """
        Note why the connection ends; the first reason is the one.
        """
        self._reason = self._reason or reason

    def dismiss(self, reason: str, sentence: str) -> None:
        """
        End the connection, for no fault of the client's.

        @param reason: for the log.
        @param sentence: for the user.
        """
        self._entrance.excused()
        self._because(reason)
        self._life.dismiss(sentence)

    def _placeLost(self) -> None:
        self._because("its place went to another source: its own had the most")
        self._entrance.excused()
        # Without a word: whoever fills all places would have them a little longer.
        self.transport.transport.abortConnection()

    def _graceOver(self) -> None:
        self._entrance.late()
        self._because("login_grace_time is over")
        self._life.dismiss("The time to log in is over.")

    # The login

    def _makeUserAuth(self) -> UserAuthServer:
        self.log.bind(client=shown(self.transport.otherVersionString))
        portal, tries = self._gateway.portal, self._gateway.table.admission.max_auth_tries
        self._userAuth = UserAuthServer(portal, self._reach, self, self._entrance, tries)
        return self._userAuth

    def accountKnown(self, login: bytes) -> bytes:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        account, self._named = split(login, self._gateway.table.host_separator)
        self._account = account
        self._entrance.named(account)
        self.log.bind(account=shown(account))
        return account

    def attemptRefused(self, method: bytes, reason: str, digest: bytes | None) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self._entrance.refused(digest)
        self.log.event("login.refused", method=shown(method), reason=reason)

    def loginImpossible(self, sentence: str) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self.log.event("login.refused", reason=sentence)
        self.dismiss("the login was refused", sentence)

    def loginForfeited(self, sentence: str) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self.log.event("login.refused", reason=sentence)
        self._because("the login was refused")
        self._life.dismiss(sentence)

    def loginAccepted(self, user: HostUser, logout: Callable[[], None]) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self._user = user
        self._logout = logout
        self._life.accepted()

    def _reach(self, account: bytes) -> Deferred[UserAuthClient]:
        """
        Connect to the next host.
        """
        route = self._route
        assert route is not None, "who gives a notice refuses every attempt"

        def reached(host: UserAuthClient) -> UserAuthClient:
            self._entrance.moved = route.moved
            return host

        return route.reach(account, self._named).addCallback(reached)

    @property
    def _upstream(self) -> Upstream | None:
        return self._route.upstream if self._route is not None else None

    # The transports

    def keyExchanging(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        if self.session is not None:
            self.session.settle()
        elif transport is self.transport and transport.turn is Turn.KEYED and self._route:
            route, client = self._route, transport.otherVersionString
            self._entrance.whenAdmitted(lambda: route.begin(client))

    def disconnected(self, transport: Transport, reason: int, description: bytes) -> None:
        """
        Pass the goodbye on.
        """
        if transport is self.transport:
            self._because(f"the client left: {shown(description)}")
            if self._route is not None:
                self._route.close(reason, description)
        elif self.session is not None or self._userAuth.exchange.final:
            self._because(f"the host ended the connection: {shown(description)}")
            self.transport.finish(reason, description, DRAINING_TIME)
        else:
            self._hostsGoodbye = f"it ended the connection: {shown(description)}"

    def failed(self, transport: Transport, problem: str) -> None:
        """
        See L{Owner}.
        """
        who = "client" if transport is self.transport else "host"
        self._because(f"{who} fault: {problem}")
        if transport is self.transport and transport.otherVersionString:
            self.log.bind(client=shown(transport.otherVersionString))

    def lost(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        if transport is self.transport:
            self._because("the client closed the connection")
            self._life.clientLost()
        elif self._route is not None and self._route.lost(transport):
            self._life.hostLost()

    # What is done about it: bastion.gateway.life.Acts

    def join(self) -> None:
        """
        Couple the two transports.
        """
        upstream, user = self._upstream, self._user
        assert upstream is not None and user is not None and self._account is not None
        assert self._route is not None
        self._grace.cancel()
        self._entrance.accepted()
        upstream.lease.confirm()
        self._route.accepted()
        # What the login needed is not kept for as long as the session.
        del self._userAuth
        host, method = upstream.lease.host, user.accepted.method
        login = Login(self._account, self._source, self._gateway.table.name, host, method)
        self.log.event("login.accepted", method=shown(method))
        rules, ours, hosts = self._gateway.rules, self.transport, upstream.transport
        self.session = Session(rules, login, self._sessionLog, ours, hosts, self.dismiss)
        self._route.joined(self.session.moved)

    def tell(self, sentence: str) -> None:
        """
        Tell the user, and close both connections.
        """
        text = f"{sentence} (reference {self.reference})".encode()
        if self.transport.phase is Phase.LOGIN and self._account is not None:
            self._userAuth.show(Banner(text + b"\r\n"))
            self._userAuth.stop()
        self.transport.finish(DISCONNECT_BY_APPLICATION, text)
        self._closeHost()

    def withoutHost(self) -> None:
        """
        The host went away during the login.
        """
        assert self._upstream is not None
        service: Any = self._upstream.transport.service
        if not self._userAuth.exchange.final:
            self.log.event("host.refused", reason=self._hostsGoodbye)
        if not self._userAuth.exchange.hostLost(service):
            self.dismiss("the host was lost", f"{self._upstream.lease.host} has gone away.")

    def followHost(self) -> None:
        """
        Close the client's connection behind what the host has sent.
        """
        self._because("the host closed the connection")
        # Without a word: at a disconnect message OpenSSH drops what it has not printed.
        self.transport.finish(0, b"", DRAINING_TIME)

    def followClient(self) -> None:
        """
        Close the host's connection behind what the client has sent.
        """
        self._closeHost()

    def _closeHost(self) -> None:
        if self._user is not None:
            self._logout()
        elif self._route is not None:
            self._route.close()

    def record(self) -> None:
        """
        Write down how it was.
        """
        self._entrance.left()
        if self._grace.active():
            self._grace.cancel()
        if self.session is not None:
            self.session.stop()
        if self._route is not None:
            self._route.ended()
        relay = self.session.relay if self.session is not None else None
        self.log.event(
            "connection.closed",
            duration=round(self._gateway.clock.seconds() - self.opened, 3),
            bytes_to_host=relay.client.received if relay else 0,
            bytes_to_client=relay.host.received if relay else 0,
            reason=self._reason,
            **self._sessionLog.unrecorded,
        )
        self.ended.callback(None)
