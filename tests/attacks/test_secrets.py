"""
Attack A24: a password that ends up where somebody reads it.  Each story brings one of its
own past the bastion, by a way of its own: by every method, in every state, in messages that
are no such messages, to hosts that go away or talk nonsense, and through faults of the
bastion itself.  Then it is in no log at any level, no record, no file, no traceback, and
nothing that is there shows it of itself.
"""

from __future__ import annotations

import base64
import gc
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacking.client import RIGHT, Client, password, request
from attacking.host import REFUSED, Host
from attacking.records import Records
from attacking.stages import Stage
from twisted.internet.defer import fail
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from bastion.auth import checkers, client, exchange, server
from bastion.gateway import entrance
from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.hosts.selector import Stickiness
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_DEBUG,
    MSG_DISCONNECT,
    MSG_EXT_INFO,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
    MSG_KEXINIT,
    MSG_PING,
    MSG_SERVICE_REQUEST,
    MSG_UNIMPLEMENTED,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    byte,
    nameList,
    string,
    uint32,
)

DIALOGUE = request(b"keyboard-interactive", string(b"") * 2)
QUESTION = string(b"") * 3 + uint32(1) + string(b"Password: ") + byte(0)
TWO_QUESTIONS = string(b"") * 3 + uint32(2) + (string(b"Word: ") + byte(0)) * 2
CHANGE = string(b"Your password is old.") + string(b"")
PASSWORD_ONLY = nameList((b"password",)) + byte(0)
DIALOGUE_ONLY = nameList((b"keyboard-interactive",)) + byte(0)
MORE = nameList((b"keyboard-interactive",)) + byte(1)

FAILURE, SUCCESS = MSG_USERAUTH_FAILURE, MSG_USERAUTH_SUCCESS
REQUEST, RESPONSE = MSG_USERAUTH_REQUEST, MSG_USERAUTH_INFO_RESPONSE
ASK = MSG_USERAUTH_INFO_REQUEST

Story = Callable[["Telling"], None]


def changing(old: bytes, new: bytes) -> bytes:
    """
    The request that changes a password.
    """
    return request(b"password", byte(1) + string(old) + string(new))


class Telling:
    """
    A client with a secret, and its host.

    @ivar secret: the client's.
    """

    def __init__(self, site: Any, secret: bytes) -> None:
        self.site = site
        self.secret = secret
        site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)

    def comes(self, until: Stage = Stage.LOGIN, offer: bytes = REFUSED, **own: Any) -> Telling:
        """
        The client arrives.

        @param offer: how the host wants to go on.
        """
        if until is Stage.LOGIN:
            self.site.makeHost["nice1"] = lambda: Host(until=Stage.SERVICE)
            self.client = self.site.connects(Client(until=Stage.LOGIN, **own))
            return self.host(FAILURE, offer)
        if until is Stage.SESSION:
            self.site.honest("nice1")
        self.client = self.site.connects(Client(until=until, **own))
        return self

    def says(self, number: int, payload: bytes = b"") -> Telling:
        """
        The client says something, if it still can.
        """
        if not self.client.gone:
            self.site.sends(self.client, number, payload)
        return self

    def password(self) -> Telling:
        """
        The client says the secret as its password.
        """
        return self.says(REQUEST, password(self.secret))

    def answers(self, *more: bytes) -> Telling:
        """
        The client says it as an answer.
        """
        words = (self.secret, *more)
        return self.says(RESPONSE, uint32(len(words)) + b"".join(map(string, words)))

    def host(self, number: int, payload: bytes = b"") -> Telling:
        """
        The host says something, if it still can.
        """
        if not self.site.host.gone:
            self.site.sends(self.site.host, number, payload)
        return self

    def hostGoes(self, how: str = "abortConnection") -> Telling:
        """
        The host goes away.
        """
        getattr(self.site.tcp(self.site.host), how)()
        self.site.settle()
        return self


def cut(size: int) -> Story:
    """
    A password whose message ends too early.
    """
    return lambda t: t.comes().says(REQUEST, password(t.secret)[:-size]) and None


def wrongly(number: int, until: Stage = Stage.LOGIN) -> Story:
    """
    A password in another message.
    """
    return lambda t: t.comes(until).says(number, password(t.secret)) and None


def method(name: bytes) -> Story:
    """
    A password by a method that has none.
    """
    fields = byte(0) + string(b"x")
    return lambda t: (
        t.comes().says(REQUEST, request(name, fields + string(t.secret))).password() and None
    )


def nonsense(number: int, payload: bytes, by: str = "password") -> Story:
    """
    A host that answers a password, or an answer, with what is no answer.
    """

    def story(t: Telling) -> None:
        if by == "password":
            t.comes().password().host(number, payload)
        else:
            t.comes().says(REQUEST, DIALOGUE).host(ASK, QUESTION).answers().host(number, payload)

    return story


def inTheClear(until: Stage) -> Story:
    """
    Somebody who does not wait for the keys.
    """

    def story(t: Telling) -> None:
        t.comes(until)
        t.site.writes(t.client, password(t.secret) + b"\n" + t.client.packet(REQUEST, t.secret))

    return story


def tooMany(t: Telling) -> None:
    """
    More requests than may wait.
    """
    t.comes()
    words = [t.client.packet(REQUEST, password(t.secret)) for _ in range(20)]
    t.site.writes(t.client, b"".join(words))


def tooLate(t: Telling) -> None:
    """
    The time is over while the host is thinking.
    """
    t.comes().password()
    t.site.network.advance(t.site.admission.login_grace_time + 1)


def dismissed(t: Telling) -> None:
    """
    An operator ends it.
    """
    t.comes().says(REQUEST, DIALOGUE).host(ASK, QUESTION).answers()
    t.site.factory.dismissAll("stop", "The gateway is being stopped.")
    t.site.settle()


def sixTimes(t: Telling) -> None:
    """
    Until no attempt is left.
    """
    t.comes()
    for _ in range(6):
        t.password().host(FAILURE, REFUSED)


STORIES: dict[str, Story] = {
    # By each method
    "refused": lambda t: t.comes().password().host(FAILURE, REFUSED) and None,
    "accepted": lambda t: t.comes().password().host(SUCCESS) and None,
    "half": lambda t: t.comes().password().host(FAILURE, MORE) and None,
    "six times": sixTimes,
    "answer refused": lambda t: (
        t.comes().says(REQUEST, DIALOGUE).host(ASK, QUESTION).answers().host(FAILURE, REFUSED)
        and None
    ),
    "answer accepted": lambda t: (
        t.comes().says(REQUEST, DIALOGUE).host(ASK, QUESTION).answers().host(SUCCESS) and None
    ),
    "three rounds": lambda t: (
        t.comes()
        .says(REQUEST, DIALOGUE)
        .host(ASK, QUESTION)
        .answers()
        .host(ASK, TWO_QUESTIONS)
        .answers(t.secret)
        .host(ASK, QUESTION)
        .answers()
        .host(FAILURE, REFUSED)
        and None
    ),
    "too many answers": lambda t: (
        t.comes()
        .says(REQUEST, DIALOGUE)
        .host(ASK, QUESTION)
        .answers(*[t.secret] * 9)
        .host(FAILURE, REFUSED)
        and None
    ),
    "changed": lambda t: (
        t.comes()
        .password()
        .host(ASK, CHANGE)
        .says(REQUEST, changing(t.secret, t.secret + b"2"))
        .host(SUCCESS)
        and None
    ),
    "change refused": lambda t: (
        t.comes()
        .password()
        .host(ASK, CHANGE)
        .says(REQUEST, changing(t.secret, t.secret))
        .host(FAILURE, REFUSED)
        and None
    ),
    "change again": lambda t: (
        t.comes()
        .password()
        .host(ASK, CHANGE)
        .says(REQUEST, changing(t.secret, b"x"))
        .host(ASK, CHANGE)
        .says(REQUEST, changing(b"x", t.secret))
        and None
    ),
    "change unasked": lambda t: t.comes().says(REQUEST, changing(b"x", t.secret)) and None,
    "change to a dialogue": lambda t: (
        t.comes(offer=DIALOGUE_ONLY)
        .says(REQUEST, changing(t.secret, t.secret))
        .host(ASK, QUESTION)
        .host(FAILURE, REFUSED)
        and None
    ),
    "password for a dialogue": lambda t: (
        t.comes(offer=DIALOGUE_ONLY).password().host(ASK, QUESTION).host(FAILURE, DIALOGUE_ONLY)
        and None
    ),
    "password for two questions": lambda t: (
        t.comes(offer=DIALOGUE_ONLY).password().host(ASK, TWO_QUESTIONS) and None
    ),
    "dialogue for a password": lambda t: (
        t.comes(offer=PASSWORD_ONLY).says(REQUEST, DIALOGUE).answers().host(FAILURE, PASSWORD_ONLY)
        and None
    ),
    "dialogue for a new password": lambda t: (
        t.comes(offer=PASSWORD_ONLY)
        .says(REQUEST, DIALOGUE)
        .answers()
        .host(ASK, CHANGE)
        .answers(b"other")
        .answers(t.secret)
        .host(FAILURE, PASSWORD_ONLY)
        and None
    ),
    "publickey": method(b"publickey"),
    "hostbased": method(b"hostbased"),
    "gssapi-with-mic": method(b"gssapi-with-mic"),
    "no such method": method(b"no-such-method"),
    "none": lambda t: t.comes().says(REQUEST, request(b"none", string(t.secret))) and None,
    "submethods": lambda t: (
        t.comes().says(REQUEST, request(b"keyboard-interactive", string(t.secret) * 2)) and None
    ),
    # Cut, longer, elsewhere
    "cut by 1": cut(1),
    "cut by 8": cut(8),
    "without a length": lambda t: (
        t.comes().says(REQUEST, request(b"password", byte(0) + t.secret)) and None
    ),
    "a length of all": lambda t: (
        t.comes().says(REQUEST, request(b"password", byte(0) + b"\xff" * 4 + t.secret)) and None
    ),
    "longer": lambda t: t.comes().says(REQUEST, password(t.secret) + t.secret) and None,
    "30 kB": lambda t: (
        t.comes().says(REQUEST, password(b"x" * 30_000 + t.secret)).host(FAILURE, REFUSED) and None
    ),
    "too long": lambda t: t.comes().says(REQUEST, password(t.secret * 2000)) and None,
    "fewer answers": lambda t: (
        t.comes()
        .says(REQUEST, DIALOGUE)
        .host(ASK, QUESTION)
        .says(RESPONSE, uint32(3) + string(t.secret))
        and None
    ),
    "answers to nothing": lambda t: t.comes().answers() and None,
    "a word for debugging": wrongly(MSG_DEBUG),
    "ignored": wrongly(MSG_IGNORE),
    "not understood": wrongly(MSG_UNIMPLEMENTED),
    "extension": wrongly(MSG_EXT_INFO, Stage.KEYED),
    "service": wrongly(MSG_SERVICE_REQUEST),
    "keys": wrongly(MSG_KEXINIT),
    "success": wrongly(SUCCESS),
    "banner": wrongly(MSG_USERAUTH_BANNER),
    "question": wrongly(ASK),
    "answer": wrongly(RESPONSE),
    "data": wrongly(MSG_CHANNEL_DATA),
    "open": wrongly(MSG_CHANNEL_OPEN),
    "ping": wrongly(MSG_PING),
    "250": wrongly(250),
    # Before its time, and behind it
    "in the clear": inTheClear(Stage.CONNECTED),
    "in the clear, identified": inTheClear(Stage.IDENTIFIED),
    "in the clear, asked": inTheClear(Stage.ASKED),
    "in the clear, agreed": inTheClear(Stage.AGREED),
    "before the service": wrongly(REQUEST, Stage.KEYED),
    "before none": wrongly(REQUEST, Stage.SERVICE),
    "behind the login": wrongly(REQUEST, Stage.SESSION),
    "answer behind the login": wrongly(RESPONSE, Stage.SESSION),
    "request behind the login": wrongly(MSG_CHANNEL_REQUEST, Stage.SESSION),
    "global request behind the login": wrongly(MSG_GLOBAL_REQUEST, Stage.SESSION),
    "open behind the login": wrongly(MSG_CHANNEL_OPEN, Stage.SESSION),
    "250 behind the login": wrongly(250, Stage.SESSION),
    "another name": lambda t: (
        t.comes().says(REQUEST, password(t.secret, b"root")).password() and None
    ),
    "another service": lambda t: (
        t.comes(Stage.SERVICE).says(
            REQUEST, string(b"j") + string(b"ssh-other") + string(b"password") + t.secret
        )
        and None
    ),
    "too many at once": tooMany,
    "too late": tooLate,
    "dismissed": dismissed,
    "given up": lambda t: (
        t.comes().password().says(MSG_DISCONNECT, uint32(11) + string(b"") * 2) and None
    ),
    # Hosts
    "host lost": lambda t: t.comes().password().hostGoes() and None,
    "host lost behind an answer": lambda t: (
        t.comes().says(REQUEST, DIALOGUE).host(ASK, QUESTION).answers().hostGoes("loseConnection")
        and None
    ),
    "host says goodbye": nonsense(MSG_DISCONNECT, uint32(2) + string(b"no") + string(b"")),
    "half a refusal": nonsense(FAILURE, b"\0\0\0\xffpassword"),
    "no refusal": nonsense(FAILURE, b""),
    "half a question": nonsense(ASK, QUESTION[:-3], "answer"),
    "questions without an end": nonsense(ASK, string(b"") * 3 + uint32(1 << 31), "answer"),
    "half a change": nonsense(ASK, CHANGE[:-3]),
    "61": nonsense(RESPONSE, b""),
    "a channel": nonsense(MSG_CHANNEL_OPEN, b"", "answer"),
    "two successes": lambda t: t.comes().password().host(SUCCESS).host(SUCCESS) and None,
    "two refusals": lambda t: (
        t.comes().password().host(FAILURE, REFUSED).host(FAILURE, REFUSED) and None
    ),
    "banners": lambda t: t.comes().password().host(MSG_USERAUTH_BANNER, string(b"hello")) and None,
}


@pytest.fixture
def site(siteOf: Callable[..., Any], tmp_path: Path) -> Any:
    """
    A site that keeps what it can: who failed, and which account is where.
    """
    site = siteOf(admission={"penalties": "on", "penalty_exempt": ()})
    store = MemoryStore(MemoryOptions())
    store.open(site.clock, tmp_path)
    site._selector.store, site._selector.stickiness = store, Stickiness(3600.0)
    return site


@pytest.fixture
def records(site: Any, tmp_path: Path) -> Iterator[Records]:
    """
    What is written down.
    """
    records = Records(site, tmp_path)
    yield records
    records.close()


def forms(secret: bytes) -> list[bytes]:
    """
    What a secret may look like: as it is, and as tools write bytes.
    """
    encoded = base64.b64encode(secret).rstrip(b"=")[:-1]
    return [secret, secret.hex().encode(), encoded, secret[::-1], secret.upper()]


def look(site: Any, records: Records, secret: bytes) -> None:
    """
    See that it is nowhere.
    """
    gc.collect()
    written = [records.text, "\n".join(site.log), "\n".join(records.screen())]
    written += [verbose(event) for event in site.failures]
    files = [path for path in records.directory.rglob("*") if path.is_file()]
    assert records.directory / "audit.jsonl" in files
    for form in forms(secret):
        assert [path for path in files if form in path.read_bytes()] == []
        assert [text for text in written if form.decode() in text] == []


def verbose(event: LogEvent) -> str:
    """
    All that can be got of a failure in a log.
    """
    failure = failureOf(event)
    return failure.getTraceback(detail="verbose") + repr(failure.__dict__)


def failureOf(event: LogEvent) -> Failure:
    """
    What has failed.
    """
    failure: Failure = event.get("log_failure") or event["failure"]
    return failure


def shownOf(*roots: Any) -> list[str]:
    """
    What the objects of the bastion and of Twisted show of themselves that can be reached.
    """
    found, seen, ahead = [], set(), list(roots)
    while ahead:
        each = ahead.pop()
        if id(each) in seen or isinstance(each, type | types.ModuleType):
            continue
        seen.add(id(each))
        module = type(each).__module__
        if module.startswith("bastion.testing") or module.startswith("attacking"):
            continue
        if module.startswith(("bastion.", "twisted.")):
            found += [repr(each), str(each)]
        isFunction = isinstance(each, types.FunctionType)
        ahead += (each.__closure__ or ()) if isFunction else gc.get_referents(each)
    return found


@pytest.mark.parametrize("story", STORIES)
def test_secretIsNowhere(site: Any, records: Records, story: str) -> None:
    """
    Neither while its connection is there, nor when it is over.
    """
    number = [*STORIES].index(story)
    told = Telling(site, b"canary-%02d-6e1f0a" % number)
    STORIES[story](told)
    look(site, records, told.secret)
    for shown in shownOf(*site.factory.connections):
        assert told.secret.decode() not in shown

    for each in site.clients:
        site.tcp(each).abortConnection()
    site.settle()
    site.clock.advance(120)
    site._selector.store.close()
    look(site, records, told.secret)
    assert site.failures == []


def test_storiesAreAsManyAsTheyShallBe() -> None:
    assert len(STORIES) >= 50


@pytest.mark.parametrize("answer", [False, True])
def test_secretThatAHostIsDecidingOnShowsNowhere(site: Any, records: Records, answer: bool) -> None:
    """
    It is there, and what holds it says that of itself at most.
    """
    told = Telling(site, b"canary-held-6e1f0a")
    if answer:
        told.comes().says(REQUEST, DIALOGUE).host(ASK, QUESTION).answers()
    else:
        told.comes().password()
    shown = shownOf(*site.factory.connections)

    assert "<1 secrets>" in shown
    assert any("UserAuthServer" in each for each in shown)
    for form in forms(told.secret):
        assert [each for each in shown if form.decode() in each] == []
    look(site, records, told.secret)


# Faults of ours

SECRET = b"canary-fault-6e1f0a"


class Fault(Exception):
    """
    What nobody expects.
    """


def faulty(*_: Any, **__: Any) -> Any:
    """
    In the place of what works.
    """
    # What a frame has in it when it fails.
    word = SECRET
    raise Fault(f"{len(word)} bytes")


async def faultyLater(*_: Any, **__: Any) -> Any:
    """
    The same in the place of a coroutine.
    """
    faulty()


FAULTS: dict[str, tuple[Any, str, Any]] = {
    "checker": (checkers.HostChecker, "requestAvatarId", faulty),
    "checker, later": (checkers.HostChecker, "requestAvatarId", lambda *_: fail(Fault("late"))),
    "realm": (checkers.HostRealm, "requestAvatar", faulty),
    "user": (checkers.HostUser, "__init__", faulty),
    "attempt": (exchange.Exchange, "attempt", faultyLater),
    "way": (exchange, "way", faulty),
    "verdict": (exchange.Exchange, "_concluded", faulty),
    "unchanged": (exchange.Exchange, "_unchanged", faultyLater),
    "question": (exchange.Exchange, "_questioned", faultyLater),
    "may try": (entrance.Entrance, "mayTry", faultyLater),
    "may enter": (entrance.Entrance, "mayEnter", faultyLater),
    "digest": (entrance.Entrance, "digest", faulty),
    "request to the host": (client.UserAuthClient, "request", faulty),
    "answer to the host": (client.UserAuthClient, "answer", faulty),
    "request": (server.UserAuthServer, "_try", faulty),
    "answer": (server.UserAuthServer, "_answered", faulty),
    "refusal": (server.UserAuthServer, "_ebRefused", faulty),
    "success": (server.UserAuthServer, "_cbAccepted", faulty),
    "sending": (client.UserAuthClient, "_send", faulty),
}


@pytest.mark.parametrize("where", FAULTS)
@pytest.mark.parametrize("answer", [False, True], ids=["password", "answer"])
@pytest.mark.parametrize("verdict", [FAILURE, SUCCESS], ids=["refused", "accepted"])
def test_faultOfOursTellsNoSecret(
    site: Any,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    answer: bool,
    verdict: int,
) -> None:
    """
    It ends the login at most; where it is written down, there are no variables with it.
    """
    told = Telling(site, SECRET)
    told.comes()
    if answer:
        told.says(REQUEST, DIALOGUE).host(ASK, QUESTION)
    with monkeypatch.context() as patching:
        patching.setattr(*FAULTS[where])
        if answer:
            told.answers()
        else:
            told.password()
        told.host(verdict, REFUSED if verdict == FAILURE else b"")
        site.tcp(told.client).abortConnection()
        site.settle()

    look(site, records, SECRET)
    for event in site.failures:
        assert all([*each[3], *each[4]] == [] for each in failureOf(event).frames)
    assert all(SECRET.decode() not in each.getTraceback() for each in site.uncaught)
    assert expected(site) <= 2


def expected(site: Any) -> int:
    """
    Take what has failed for settled: it was meant to.

    @return: how often it was.
    """
    count = len(site.failures) + len(site.uncaught)
    site.failures.clear()
    site.uncaught.clear()
    return count


def test_faultsAreWrittenDown(site: Any, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Or the tests above would say nothing.
    """
    told = Telling(site, SECRET)
    told.comes()
    with monkeypatch.context() as patching:
        patching.setattr(exchange.Exchange, "_concluded", faulty)
        told.password().host(FAILURE, REFUSED)

    assert told.client.gone
    assert b"for a reason inside the gateway" in told.client.goodbye[1]
    assert "Traceback" in records.text
    assert f"{len(SECRET)} bytes" in records.text
    assert "in faulty" in records.text
    assert expected(site) == 1


def test_secretsThatAreThereAreFound(site: Any, records: Records) -> None:
    """
    The search finds what it looks for.
    """
    client = site.connects(Client(until=Stage.LOGIN, account=SECRET))
    assert not client.gone
    with pytest.raises(AssertionError):
        look(site, records, SECRET)
    assert any(SECRET.decode() in each for each in shownOf(*site.factory.connections))
    assert RIGHT.decode() not in records.text
