"""
Tests of L{bastion.admission.dnschain}: records in, an answer out.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from bastion.admission.dnschain import MAX_ALIASES, Answer, Chain
from bastion.admission.dnsmessage import (
    CNAME,
    NO_ERROR,
    NO_SUCH_NAME,
    PTR,
    A,
    BadReply,
    Question,
    Record,
    Reply,
)
from bastion.admission.dnsnames import Labels, labels

NAME = labels("pc7.example.org")
HERE, THERE = b"\x7f\0\0\7", b"\x7f\0\0\x09"
QUESTION = Question(NAME, A)


def alias(name: Labels, target: Labels, ttl: int = 60) -> Record:
    """
    A name that is another's alias.
    """
    return Record(name, CNAME, ttl, target)


def host(number: int) -> Labels:
    """
    One of many names.
    """
    return labels(f"host{number}.example.org")


def follow(*records: Record, code: int = NO_ERROR, negativeTtl: int | None = None) -> object:
    """
    What becomes of a reply with these records.
    """
    return Chain(QUESTION).follow(Reply(code, False, records, negativeTtl))


def test_answerIsWhatTheNameHas() -> None:
    records = Record(NAME, A, 60, HERE), Record(NAME, A, 30, THERE), Record(NAME, A, 90, HERE)
    assert follow(*records) == Answer((HERE, THERE), 30)


@pytest.mark.parametrize("code", [NO_ERROR, NO_SUCH_NAME])
@pytest.mark.parametrize(("negativeTtl", "ttl"), [(45, 45), (None, 0)])
def test_nothingIsAnAnswer(code: int, negativeTtl: int | None, ttl: int) -> None:
    assert follow(code=code, negativeTtl=negativeTtl) == Answer((), ttl)


def test_aliasesAreFollowedInAnyOrder() -> None:
    records = (
        Record(host(2), A, 60, HERE),
        alias(host(1), host(2), 20),
        alias(NAME, host(1), 40),
    )
    assert follow(*records) == Answer((HERE,), 20)


def test_reverseNameMayBeDelegatedByAlias() -> None:
    """
    As RFC 2317 has it.
    """
    name = labels("7.2.0.192.in-addr.arpa")
    target = (b"7", b"0/25", b"2", b"0", b"192", b"in-addr", b"arpa")
    records = alias(name, target), Record(target, PTR, 60, NAME)
    answer = Chain(Question(name, PTR)).follow(Reply(NO_ERROR, False, records))
    assert answer == Answer((NAME,), 60)


def test_whatDoesNotBelongToTheChainIsNotBelieved() -> None:
    records = (
        Record(host(9), A, 60, HERE),
        Record(NAME, PTR, 60, host(9)),
        alias(host(8), host(9)),
    )
    assert follow(*records, negativeTtl=30) == Answer((), 30)


def test_nothingBehindAnAliasIsAnAnswer() -> None:
    assert follow(alias(NAME, host(1), 20), negativeTtl=45) == Answer((), 20)
    assert follow(alias(NAME, host(1)), code=NO_SUCH_NAME) == Answer((), 0)


def test_replyThatEndsOnTheWayIsFollowedByAnotherQuestion() -> None:
    step = follow(alias(NAME, host(1), 20))
    assert isinstance(step, Chain) and step.question == Question(host(1), A)
    records = alias(host(1), host(2), 40), Record(host(2), A, 60, HERE)
    assert step.follow(Reply(NO_ERROR, False, records)) == Answer((HERE,), 20)
    assert step.follow(Reply(NO_ERROR)) == Answer((), 0)


@pytest.mark.parametrize("target", [(), (b"pc7.example", b"org")])
def test_nameThatCannotBeWrittenWithDotsIsNotAskedFor(target: Labels) -> None:
    with pytest.raises(BadReply, match="an alias cannot be asked for"):
        follow(alias(NAME, target))


def test_aliasesAreCounted() -> None:
    def chain(length: int) -> tuple[Record, ...]:
        names = [NAME, *(host(number) for number in range(length))]
        aliases = (alias(*pair) for pair in pairwise(names))
        return (*aliases, Record(names[-1], A, 60, HERE))

    assert follow(*chain(MAX_ALIASES)) == Answer((HERE,), 60)
    with pytest.raises(BadReply, match="too many aliases"):
        follow(*chain(MAX_ALIASES + 1))


def test_aliasesAreCountedOverAllReplies() -> None:
    chain = Chain(QUESTION)
    for number in range(MAX_ALIASES):
        reply = Reply(NO_ERROR, False, (alias(chain.question.name, host(number)),))
        step = chain.follow(reply)
        assert isinstance(step, Chain)
        chain = step
    with pytest.raises(BadReply, match="too many aliases"):
        chain.follow(Reply(NO_ERROR, False, (alias(chain.question.name, NAME),)))


@pytest.mark.parametrize("names", [(NAME, NAME), (NAME, host(1), NAME)])
def test_loopEnds(names: tuple[Labels, ...]) -> None:
    with pytest.raises(BadReply, match="too many aliases"):
        follow(*(alias(*pair) for pair in pairwise(names)))
