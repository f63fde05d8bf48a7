"""
DNS servers in memory: each knows the same zone, and time is a clock that is moved by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from bastion.admission.dnsmessage import BadReply, Question, Reply, number, reply
from bastion.admission.dnsports import Server
from bastion.admission.dnsresolver import Resolver
from bastion.admission.dnsverdict import NoAnswer
from bastion.admission.reversedns import MAX_PENDING, ReverseDns
from bastion.testing.dnsreplies import Query, Sending, sendings
from bastion.testing.dnszone import Zone

#: The number of every question.
_NUMBER = 1


class MemoryDns:
    """
    The servers, and what is asked of them.

    @ivar zone: what they know.
    @ivar servers: which there are.
    @ivar silent: those of them that say nothing.
    @ivar broken: those of them that cannot be asked.
    @ivar asked: what was asked, in order: the server, the name, the type, and whether
        by TCP.
    @ivar open: how many questions are neither answered nor cancelled.
    """

    def __init__(
        self,
        zone: str = "",
        clock: Clock | None = None,
        servers: Sequence[Server] = (("192.0.2.53", 53),),
    ) -> None:
        self.clock = Clock() if clock is None else clock
        self.zone = Zone.read(zone)
        self.servers = list(servers)
        self.silent: set[Server] = set()
        self.broken: set[Server] = set()
        self.asked: list[tuple[Server, str, int, bool]] = []
        self.open = 0
        self._counts: Counter[Question] = Counter()

    def resolver(self) -> Resolver:
        """
        One that asks these servers.
        """
        return Resolver(
            lambda: self.servers,
            lambda server, question: self.ask(server, question, False),
            lambda server, question: self.ask(server, question, True),
            self.clock,
        )

    def reverseDns(self, maxPending: int = MAX_PENDING) -> ReverseDns:
        """
        One that asks these servers.
        """
        return ReverseDns(self.resolver().resolve, self.clock, maxPending=maxPending)

    def ask(self, server: Server, question: Question, byTcp: bool) -> Deferred[Reply]:
        """
        Ask one server, once.
        """
        self.asked.append((server, b".".join(question.name).decode(), question.type, byTcp))
        if server in self.broken:
            return fail(NoAnswer(f"{server[0]} cannot be asked"))
        asked: Deferred[Reply] = Deferred(lambda _: None)
        self.open += 1
        asked.addBoth(self._over)
        if server not in self.silent:
            before = self._counts[question]
            self._counts[question] += 1
            query = Query(_NUMBER, question.name, question.type, byTcp, before)
            for sending in sendings(query, self.zone):
                self._send(sending, question, asked)
        return asked

    def _over(self, result: Any) -> Any:
        self.open -= 1
        return result

    def _send(self, sending: Sending, question: Question, asked: Deferred[Reply]) -> None:
        if sending.delay:
            self.clock.callLater(sending.delay, self._arrive, sending, question, asked)
        else:
            self._arrive(sending, question, asked)

    def _arrive(self, sending: Sending, question: Question, asked: Deferred[Reply]) -> None:
        expected = number(sending.message) == _NUMBER and not sending.elsewhere
        if not expected or asked.called:
            return
        try:
            heard = reply(sending.message, question)
        except BadReply as error:
            asked.errback(NoAnswer(str(error)))
            return
        if heard is not None:
            asked.callback(heard)
