"""
The control API: JSON over HTTP, for whoever may use the control socket.

C{GET} asks, C{POST} changes; the body of a C{POST} is a JSON object, and says so in its
C{Content-Type}.  An answer is JSON, with the status 200; a refusal is the object
C{{"error": SENTENCE}}.  See docs/bastionctl.md for every path.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.server import Site
from werkzeug.exceptions import HTTPException

from bastion.admin.hostnames import hostCalled
from bastion.admin.parameters import WrongParameters, bodyParameters, queryParameters
from bastion.admin.requests import BoundedRequest, RefusedRequest, bodyOf
from bastion.config.problems import quoted
from bastion.gateway.control import HostStatus, NotFound, Operations
from bastion.hosts.cluster import NotPossible
from bastion.interfaces import BastionError

_STATUSES: tuple[tuple[type[BastionError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (NotPossible, HTTPStatus.CONFLICT),
    (BastionError, HTTPStatus.BAD_REQUEST),
)


class ControlAPI:
    """
    The paths, and what is behind them.

    @ivar app: the routes.
    """

    app = Klein()
    # A path with one "/" too many does not exist, and leads nowhere else.
    app.url_map.merge_slashes = False

    _log = Logger()

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    # Questions

    @app.route("/status", methods=["GET"])
    async def status(self, request: BoundedRequest) -> bytes:
        """
        The process, its gateways and clusters.
        """
        queryParameters(request.args, ())
        return _answer(request, await _asked(self._operations.status))

    @app.route("/hosts", methods=["GET"])
    async def hosts(self, request: BoundedRequest) -> bytes:
        """
        Every host, or those of one cluster.
        """
        given = queryParameters(request.args, (), ("cluster",))
        return _answer(request, await _asked(self._operations.hosts, given["cluster"] or None))

    @app.route("/host", methods=["GET"])
    async def host(self, request: BoundedRequest) -> bytes:
        """
        One host.
        """
        given = queryParameters(request.args, ("host",), ("cluster",))
        return _answer(request, await self._host(given))

    @app.route("/connections", methods=["GET"])
    async def connections(self, request: BoundedRequest) -> bytes:
        """
        Every connection.
        """
        queryParameters(request.args, ())
        return _answer(request, await _asked(self._operations.connections))

    @app.route("/penalties", methods=["GET"])
    async def penalties(self, request: BoundedRequest) -> bytes:
        """
        Every waiting time.
        """
        queryParameters(request.args, ())
        return _answer(request, await _asked(self._operations.penalties))

    @app.route("/explain", methods=["GET"])
    async def explain(self, request: BoundedRequest) -> bytes:
        """
        Which host a login would go to.
        """
        given = queryParameters(request.args, ("user", "gateway"), ("from",))
        source = _source(given["from"]) if given["from"] else None
        explanation = _asked(self._operations.explain, given["user"], given["gateway"], source)
        return _answer(request, await explanation)

    # Changes

    @app.route("/hosts/drain", methods=["POST"])
    async def drain(self, request: BoundedRequest) -> bytes:
        """
        No new sessions for a host.
        """
        return await self._change(request, self._operations.drain, "reason")

    @app.route("/hosts/enable", methods=["POST"])
    async def enable(self, request: BoundedRequest) -> bytes:
        """
        A host takes logins again.
        """
        return await self._change(request, self._operations.enable, "reason")

    @app.route("/hosts/disable", methods=["POST"])
    async def disable(self, request: BoundedRequest) -> bytes:
        """
        A host is out.
        """
        return await self._change(request, self._operations.disable, "reason")

    @app.route("/hosts/accept-key", methods=["POST"])
    async def acceptKey(self, request: BoundedRequest) -> bytes:
        """
        The key that a host has offered is its own.
        """
        return await self._change(request, self._operations.acceptKey, "fingerprint", needed=True)

    @app.route("/connections/close", methods=["POST"])
    async def close(self, request: BoundedRequest) -> bytes:
        """
        A connection ends.
        """
        given = bodyParameters(bodyOf(request), ("reference",), ("reason",))
        close, operator = self._operations.close, request.operator
        closing = _changed(close, given["reference"], given["reason"], operator)
        return _answer(request, await closing)

    @app.route("/penalties/lift", methods=["POST"])
    async def lift(self, request: BoundedRequest) -> bytes:
        """
        Somebody need not wait any longer.
        """
        given = bodyParameters(bodyOf(request), ("source",), ("account",))
        lift, operator = self._operations.lift, request.operator
        return _answer(request, await _changed(lift, given["source"], given["account"], operator))

    async def _change(
        self, request: BoundedRequest, change: Callable[..., Any], name: str, needed: bool = False
    ) -> bytes:
        """
        Change something about a host.

        @param name: the parameter that the change takes beside the host.
        """
        always, perhaps = ["host"], ["cluster"]
        (always if needed else perhaps).append(name)
        given = bodyParameters(bodyOf(request), always, perhaps)
        operator = request.operator
        host = await self._host(given)
        done = _changed(change, host["host"], given[name], host["cluster"], operator)
        return _answer(request, await done)

    async def _host(self, given: dict[str, str]) -> HostStatus:
        hosts = await _asked(self._operations.hosts, given["cluster"] or None)
        return hostCalled(given["host"], hosts)

    # Refusals

    @app.handle_errors(Exception)
    def refuse(self, request: Any, failure: Failure) -> bytes:
        """
        Say why not.
        """
        error = failure.value
        if isinstance(error, RefusedRequest):
            return _answer(request, {"error": str(error)}, error.status)
        if isinstance(error, HTTPException):
            return _refusedByHTTP(request, error)
        for kind, status in _STATUSES:
            if isinstance(error, kind):
                return _answer(request, {"error": str(error)}, status)
        self._log.failure("{path} failed", failure, path=request.path.decode("ascii", "replace"))
        told = {"error": "the bastion has failed at this; its log says more"}
        return _answer(request, told, HTTPStatus.INTERNAL_SERVER_ERROR)


def _refusedByHTTP(request: BoundedRequest, error: HTTPException) -> bytes:
    for name, value in error.get_headers():
        if name == "Allow":
            request.setHeader(name, value)
    path, method = (
        quoted(each.decode("utf-8", "replace")) for each in (request.path, request.method)
    )
    sentences = {
        HTTPStatus.NOT_FOUND: f"there is no path {path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{path} does not know the method {method}",
    }
    status = HTTPStatus(error.code or HTTPStatus.BAD_REQUEST)
    return _answer(request, {"error": sentences.get(status, status.phrase)}, status)


def _answer(request: BoundedRequest, answer: object, status: HTTPStatus = HTTPStatus.OK) -> bytes:
    told = json.dumps(answer, allow_nan=False).encode("ascii") + b"\n"
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"content-length", b"%d" % len(told))
    return told


async def _asked(question: Callable[..., Any], *given: Any) -> Any:
    return await maybeDeferred(question, *given)


async def _changed(change: Callable[..., Any], *given: Any) -> Any:
    """
    A change that has begun is brought to its end, even if nobody waits for it.
    """
    waiting: Deferred[Any] = Deferred()
    maybeDeferred(change, *given).addCallbacks(waiting.callback, waiting.errback)
    return await waiting


def _source(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise WrongParameters(f"{quoted(text)} is not an IP address") from None


class ControlSite(Site):
    """
    Speaks HTTP for the API, and keeps no log of it: the changes are in the audit log.
    """

    noisy = False

    def __init__(self, operations: Operations, reactor: IReactorTime) -> None:
        resource = ControlAPI(operations).app.resource()
        super().__init__(resource, BoundedRequest, reactor=reactor, parsePOSTFormSubmission=False)

    def startFactory(self) -> None:
        """
        See L{Site}, which would look at the time every second, for its log.
        """

    def stopFactory(self) -> None:
        """
        See L{Site}.
        """

    def log(self, request: Request) -> None:
        """
        See L{Site}.
        """
