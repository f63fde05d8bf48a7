"""
Every role that a plugin can play, and the exceptions that those roles raise.

An extension is found by C{twisted.plugin} as a small description
(L{IExtension}); the working object is built later, with checked options, and
has no side effects until the bastion's service starts.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen
from zope.interface import Attribute, Interface
from zope.interface.interface import InterfaceClass

from bastion.errors import (
    AdmissionRefused,
    BastionError,
    HostKeyRefused,
    HostUnavailable,
    HostUnhealthy,
    NoHostAvailable,
)

__all__ = [
    "ALLOW",
    "AdmissionRefused",
    "BastionError",
    "Candidate",
    "ChannelRequest",
    "HostAddress",
    "HostKeyRefused",
    "HostRequest",
    "HostUnavailable",
    "HostUnhealthy",
    "IAdmissionRule",
    "ICheckedHost",
    "IExtension",
    "IHealthCheck",
    "ISessionPolicy",
    "IStrategy",
    "Login",
    "NoHostAvailable",
    "Verdict",
]

# Values that cross the interfaces


@frozen(order=True, cache_hash=True)
class HostAddress:
    """
    A target of a cluster as the configuration names it.

    @ivar name: a DNS name or an address literal, without brackets.
    @ivar port: the TCP port, 1 to 65535.
    """

    name: str
    port: int = 22

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port == 22 else f"{name}:{self.port}"


@frozen
class HostRequest:
    """
    Who asks for a host.

    @ivar account: the account name, as the client sent it.
    @ivar source: the client's address, as text without a port.
    @ivar gateway: the name of the gateway it came through.
    @ivar client: the client's identification string (RFC 4253 section 4.2).
    @ivar wanted: the host that the user has named, if any: no other will do.
    @ivar port: the client's port.
    """

    account: bytes
    source: str
    gateway: str
    client: bytes = b""
    wanted: HostAddress | None = None
    port: int = 0


@frozen
class Candidate:
    """
    A host that may be chosen now.

    @ivar address: the host.
    @ivar sessions: how many leases are out on it, of all that share the store.
    @ivar weight: how much of the work it shall get, above 0; less than configured
        for a while after it has come back.
    @ivar bandwidth: what its sessions move, both ways, in bytes per second; a
        moving average.
    @ivar latency: how long it takes until it is ready for a login, in seconds; a
        moving average, L{None} while that is not known.
    """

    address: HostAddress
    sessions: int
    weight: float = 1.0
    bandwidth: float = 0.0
    latency: float | None = None


@frozen
class Login:
    """
    An account name and how it was proved to the host.

    @ivar account: the account name that the host accepted.
    @ivar source: the client's address, as text without a port.
    @ivar gateway: the name of the gateway.
    @ivar host: the host that accepted it.
    @ivar method: the method that the host accepted last, as in RFC 4252.
    """

    account: bytes
    source: str
    gateway: str
    host: HostAddress
    method: bytes


@frozen
class ChannelRequest:
    """
    Something that one end asks of the other (RFC 4254): to open a channel, or
    a request on the connection or on a channel.

    @ivar kind: C{"open"}, C{"global"} or C{"channel"}.
    @ivar name: the channel type or the request name, such as C{b"x11-req"}.
    @ivar fromClient: whether the client asks; otherwise the host does.
    @ivar channelType: the type of the channel that a C{"channel"} request is on.
    @ivar data: what follows the fixed fields, undecoded; not shown by C{repr},
        for it can hold a user's environment or an X11 cookie.
    """

    kind: str
    name: bytes
    fromClient: bool
    channelType: bytes = b""
    data: bytes = field(default=b"", repr=False)


@frozen
class Verdict:
    """
    Allow, or refuse with a reason.

    @ivar refusal: what the user is told, in one sentence; L{None} when allowed.
    """

    refusal: str | None = None

    @property
    def allowed(self) -> bool:
        """
        Whether the request may pass.
        """
        return self.refusal is None


ALLOW = Verdict()


# Roles


class IExtension(Interface):
    """
    The description of an extension: what C{twisted.plugin} finds.

    Provide C{twisted.plugin.IPlugin} beside it.  Importing the module that
    holds it must be cheap and without side effects.
    """

    name: str = Attribute("what the configuration calls it, e.g. 'round-robin'")
    description: str = Attribute("one sentence for the operator")
    role: InterfaceClass = Attribute("the interface of what L{build} returns")
    options: type = Attribute(
        "an attrs class; its fields are the keys that the configuration may set, and its "
        "validators raise C{ValueError} or C{TypeError} with a sentence for the operator"
    )

    def build(options: Any) -> Any:
        """
        Make the working object.

        @param options: an instance of L{options}.
        @return: a provider of L{role}.
        """


class IStrategy(Interface):
    """
    Which host of a cluster a login should go to.
    """

    needsAccount: bool = Attribute(
        "whether the order depends on the account; if it does not, the strategy is asked while "
        "the client is still exchanging keys, and the account is empty.  When it does not say, "
        "it is taken to depend on it"
    )

    def rank(candidates: Any, request: HostRequest) -> Any:
        """
        Order the candidates, best first.  May leave some out, must not add
        any.  Called synchronously, for each login once, and once more each time
        that a host was tried in vain.

        @param candidates: a sequence of L{Candidate}, in the order of the
            configuration.
        @return: a sequence of the same L{Candidate}s.
        """


class ICheckedHost(Interface):
    """
    A host, as a health check may look at it.
    """

    address: HostAddress = Attribute("the host")
    endpoint: Any = Attribute("the C{IStreamClientEndpoint} that leads to it")

    def handshake() -> Any:
        """
        Connect as for a login, exchange keys, verify the host's key, ask for the
        login service, and leave: no account is named.

        @return: a Deferred that fires when the host is ready for a login; fails with
            L{HostUnavailable}.  Can be cancelled.
        """


class IHealthCheck(Interface):
    """
    Whether a host would take a login.
    """

    def check(host: ICheckedHost) -> Any:
        """
        Look at one host.

        @return: a Deferred; fails with L{HostUnavailable} (L{HostUnhealthy}, for one)
            and a reason if the host is not well.  It is cancelled when it takes too
            long; then it has to leave nothing behind.
        """


class IAdmissionRule(Interface):
    """
    Whether a client may come in.
    """

    def admit(source: str) -> Any:
        """
        Decide about one connection, while its keys are exchanged.

        @param source: the client's address, as text without a port.
        @return: a Deferred; fails with L{AdmissionRefused} if it may not.  Any other
            failure refuses too.  It is cancelled when the client leaves.
        """


class ISessionPolicy(Interface):
    """
    Whether an open or a request may pass.
    """

    def decide(request: ChannelRequest, login: Login) -> Verdict:
        """
        Judge one open or request; called for each, in order, from either side,
        before it is passed on.  Synchronous and quick; an exception refuses
        the request.
        """
