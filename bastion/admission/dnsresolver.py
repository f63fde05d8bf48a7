"""
Asking several DNS servers, one after the other.

A server gets a while to answer, then the next one is asked beside it: a late reply is as
good as any.  One that says that it cannot answer is not asked again for this question.
One that was late is asked last for a while, so that a dead server is not waited for at
every login.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from bastion.admission.dnschain import Answer, Chain
from bastion.admission.dnsmessage import NO_ERROR, NO_SUCH_NAME, BadReply, Question, Reply
from bastion.admission.dnsports import Server
from bastion.admission.dnsverdict import NoAnswer
from bastion.admission.inflight import InFlight

#: How often a question is asked at least, if nobody answers.
TRIES = 3
#: For how long it is asked again and again, in seconds.
ASKING_TIME = 2.4
#: For how long a server that was late is asked last, in seconds.
LATE_TIME = 30.0

#: Asks one server, once; can be cancelled.
Ask = Callable[[Server, Question], Deferred[Reply]]


class Resolver:
    """
    Finds answers.  Who asks cancels what takes too long.
    """

    def __init__(
        self,
        servers: Callable[[], Sequence[Server]],
        ask: Ask,
        askAll: Ask,
        clock: IReactorTime,
    ) -> None:
        """
        @param servers: tells the servers, best first.
        @param ask: asks one by UDP.
        @param askAll: asks one by TCP.
        """
        self._servers = servers
        self._udp = ask
        self._tcp = askAll
        self.clock = clock
        self._late: dict[Server, float] = {}
        self._asking: InFlight[Question, Reply] = InFlight()

    def resolve(self, question: Question) -> Deferred[Answer]:
        """
        Find the answer to a question.

        @return: fails with L{NoAnswer}.  Can be cancelled.
        """
        return Deferred.fromCoroutine(self._resolve(Chain(question)))

    async def _resolve(self, chain: Chain) -> Answer:
        while True:
            # Asked once at a time: each time would be another chance for a forged reply.
            reply = await self._asking.wait(chain.question, _Asking(self, chain.question).begin)
            try:
                step = chain.follow(reply)
            except BadReply as error:
                raise NoAnswer(f"an answer is no good: {error}") from None
            if isinstance(step, Answer):
                return step
            chain = step

    def servers(self) -> list[Server]:
        """
        The servers, in the order in which they are asked.
        """
        now, servers = self.clock.seconds(), self._servers()
        self._late = {each: self._late[each] for each in servers if self._late.get(each, 0) > now}
        return sorted(servers, key=lambda server: self._late.get(server, 0.0))

    def ask(self, server: Server, question: Question) -> Deferred[Reply]:
        """
        Ask one server, once.
        """

        def heard(reply: Reply) -> Reply | Deferred[Reply]:
            return self._tcp(server, question) if reply.truncated else reply

        return self._udp(server, question).addCallback(heard)

    def wasLate(self, server: Server) -> None:
        """
        A server has not answered in its time.
        """
        self._late[server] = self.clock.seconds() + LATE_TIME

    def wasThere(self, server: Server) -> None:
        """
        A server has answered.
        """
        self._late.pop(server, None)


class _Asking:
    """
    One question to the servers of a resolver.
    """

    def __init__(self, resolver: Resolver, question: Question) -> None:
        self._resolver = resolver
        self._question = question
        self._reply: Deferred[Reply] = Deferred(lambda _: self._end())
        self._tries: list[Server] = []
        self._out: set[Deferred[Any]] = set()
        self._patience = 0.0
        self._timer: IDelayedCall | None = None

    def begin(self) -> Deferred[Reply]:
        """
        Ask.

        @return: fires with the first reply; fails with L{NoAnswer} as soon as every
            server has said that it cannot answer.  Can be cancelled.
        """
        servers = self._resolver.servers()
        self._tries = servers * -(-TRIES // len(servers))
        self._patience = ASKING_TIME / len(self._tries)
        self._next()
        return self._reply

    def _next(self) -> None:
        if not self._tries:
            return
        server = self._tries.pop(0)
        timer = self._resolver.clock.callLater(self._patience, self._waitedFor, server)
        self._timer = timer
        asked: Deferred[Any] = self._resolver.ask(server, self._question)
        self._out.add(asked)
        asked.addCallback(self._cbReply, server)
        asked.addErrback(self._ebFailed, server, asked, timer)

    def _waitedFor(self, server: Server) -> None:
        self._resolver.wasLate(server)
        self._next()

    def _cbReply(self, reply: Reply, server: Server) -> None:
        if reply.code not in (NO_ERROR, NO_SUCH_NAME):
            raise NoAnswer(f"{server[0]} says {reply.codeName}")
        if reply.isReferral:
            raise NoAnswer(f"{server[0]} does not ask other servers for us")
        self._resolver.wasThere(server)
        self._end()
        self._reply.callback(reply)

    def _ebFailed(
        self, failure: Failure, server: Server, asked: Deferred[Any], timer: IDelayedCall
    ) -> None:
        self._out.discard(asked)
        self._tries = [each for each in self._tries if each != server]
        wasWaitedFor = timer.active()
        if wasWaitedFor:
            timer.cancel()
        # The next one may fail or answer at once, and then it has had the last word.
        if wasWaitedFor and self._tries:
            self._next()
        elif not self._tries and not self._out:
            self._reply.errback(failure)

    def _end(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for asked in list(self._out):
            asked.cancel()
