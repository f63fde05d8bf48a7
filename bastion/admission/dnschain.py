"""
From the records of a reply to the answer (pure).

A name may be the alias of another one (CNAME), and that of a third: a network of less
than 256 addresses has its reverse names so (RFC 2317).  What does not belong to this
chain was not asked for and is not believed, whoever sent it.
"""

from __future__ import annotations

from attrs import frozen

from bastion.admission.dnsmessage import CNAME, BadReply, Question, Record, Reply
from bastion.admission.dnsnames import Labels

#: How many aliases one answer may have.
MAX_ALIASES = 8
#: What stands for the time that a reply does not say, in seconds.
UNSAID = 0


@frozen
class Answer:
    """
    What was asked for.

    @ivar data: the addresses or names; none when there is none.
    @ivar ttl: for how long that is true, in seconds.
    """

    data: tuple[bytes | Labels, ...]
    ttl: int


@frozen
class Chain:
    """
    The way from a question to its answer.

    @ivar question: what is asked now.
    @ivar aliases: how many there were.
    @ivar ttl: for how long they are true, in seconds.
    """

    question: Question
    aliases: int = 0
    ttl: int = 0x7FFFFFFF

    def follow(self, reply: Reply) -> Answer | Chain:
        """
        Go on with a reply.

        @return: the answer, or what is to be asked next: the reply ended on the way.
        @raise BadReply: when it leads nowhere.
        """
        name, aliases, ttl = self.question.name, self.aliases, self.ttl
        while True:
            data = self._of(reply, name, self.question.type)
            if data:
                values = tuple(dict.fromkeys(record.data for record in data))
                return Answer(values, min(ttl, *(record.ttl for record in data)))
            alias = self._of(reply, name, CNAME)
            if not alias:
                break
            name = _name(alias[0])
            ttl = min(ttl, alias[0].ttl)
            aliases += 1
            if aliases > MAX_ALIASES:
                raise BadReply("it has too many aliases")
        ended = reply.code or reply.negativeTtl is not None or aliases == self.aliases
        if ended:
            return Answer((), min(ttl, reply.negativeTtl or UNSAID))
        if not name or any(b"." in label for label in name):
            raise BadReply("an alias cannot be asked for")
        return Chain(Question(name, self.question.type), aliases, ttl)

    def _of(self, reply: Reply, name: Labels, kind: int) -> list[Record]:
        return [each for each in reply.answers if (each.name, each.type) == (name, kind)]


def _name(record: Record) -> Labels:
    assert isinstance(record.data, tuple)
    return record.data
