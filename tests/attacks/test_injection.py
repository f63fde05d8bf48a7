"""
Attack A22: texts of strangers that a log, a terminal or an operator's tool would obey
(CVE-2025-61984, CVE-2019-6109, CVE-2019-6110).  Whatever a peer says about itself, each
event is one line of printable ASCII, of a bounded length; what a host says to its own user
is the host's, and is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacking.client import Client, opening, password, request
from attacking.exchange import HOST_KEY, KEX_METHOD, Lists
from attacking.host import REFUSED, Host
from attacking.records import Records
from attacking.stages import Stage
from attrs import evolve
from zope.interface import implementer

from bastion.admission.accounts import AccountRule, AccountRules
from bastion.admission.dnsrule import DnsRule, Mode
from bastion.admission.rules import Rules
from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.testing.dnsmemory import MemoryDns
from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_DEBUG,
    MSG_DISCONNECT,
    MSG_GLOBAL_REQUEST,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_REQUEST,
    byte,
    nameList,
    shown,
    string,
    uint32,
)

TEXTS = {
    "a line of its own": b'x\r\n{"event": "login.accepted", "account": "root"}\r\ny',
    "a carriage return": b"root\rjohnson",
    "a title": b"\x1b]0;owned\x07",
    "a clipboard": b"\x1b]52;c;cm0gLXJmIH4K\x07\x1bP+q\x1b\\",
    "eight bits": b"\x9b2J\x9d0;owned\x9c",
    "eight bits in UTF-8": "\u009b2J".encode(),
    "backwards": "\u202egro.elpmaxe\u2066".encode(),
    "other line ends": "a\u2028b\u2029c\u0085d\x0b\x0c".encode(),
    "zeros": b"root\0johnson\0",
    "no UTF-8": b"\xff\xfe\xc3(\xed\xa0\x80",
    "escaped already": b"\\x1b]0;\\n\\",
    "fields": b"{account} {log_failure} {fields[x]} %s %n",
    "HTML": b"<script>alert(1)</script>'\"",
    "30 KiB": b"\x1b[2J" * 7500,
    "64 KiB": b"\x1b[2J" * (16 << 10),
}
eachText = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
#: More than this is not sent in one text before the login.
MOST = 30_000

Say = Callable[[Any, bytes], None]


@implementer(ISessionPolicy)
class Never:
    """
    Refuses everything to one account.
    """

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        return Verdict("not here") if login.account == b"refused" else ALLOW


@pytest.fixture
def site(siteOf: Callable[..., Any]) -> Any:
    """
    A site where those who fail have to wait, and one account may do nothing.
    """
    admission = {"penalties": "on", "penalty_exempt": ()}
    return siteOf(admission=admission, policies=(Never(),))


@pytest.fixture
def records(site: Any, tmp_path: Path) -> Iterator[Records]:
    """
    What is written down; while it is, somebody else is there, who hears nothing of it.
    """
    records = Records(site, tmp_path)
    other = site.connects(Client(), "192.0.2.100")
    other.opens()
    site.settle()
    heard = len(other.heard)
    yield records
    records.check()
    records.close()
    assert not other.gone
    assert other.heard[heard:] == []


def session(site: Any, account: bytes = b"johnson") -> Client:
    """
    A client with a channel, or one that got none.
    """
    client: Client = site.connects(Client(account=account))
    client.opens()
    site.settle()
    return client


def says(number: int, fields: Callable[[bytes], bytes], until: Stage) -> Say:
    """
    A client that sends a message with the text in it.
    """
    return lambda site, text: site.sends(site.connects(Client(until=until)), number, fields(text))


def hostSays(number: int, fields: Callable[[bytes], bytes], until: Stage) -> Say:
    """
    The same with a host.
    """
    return lambda site, text: site.sends(site.attacker("host", until), number, fields(text))


def algorithms(text: bytes) -> Lists:
    """
    What nobody has.
    """
    name = text[:8000]
    return Lists((KEX_METHOD,), (HOST_KEY,), (name,) * 3, (name,), (b"none",))


def asIdentification(site: Any, text: bytes) -> None:
    """
    What a client is called; and what it is called by those who see that it is there.
    """
    name = b"SSH-2.0-" + text.replace(b"\n", b"")[:200] + b"_"
    client = site.connects(Client(version=name))
    assert client.stage is Stage.SESSION


def asAlgorithms(site: Any, text: bytes) -> None:
    """
    What it has of ciphers.
    """
    assert site.connects(Client(lists=algorithms(text), until=Stage.ASKED)).gone


def asNoIdentification(site: Any, text: bytes) -> None:
    """
    What somebody says who speaks no SSH.
    """
    assert site.writes(site.connects(Client(until=Stage.CONNECTED)), text + b"\n")


def asAccount(site: Any, text: bytes) -> None:
    """
    Who logs in; so often that the account has to wait.
    """
    for number in range(6):
        site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
        client = site.connects(Client(until=Stage.DECIDING, account=text[:256]))
        guess = b"guess %d" % number
        for _ in range(4):
            if not client.gone:
                site.sends(site.host, MSG_USERAUTH_FAILURE, REFUSED)
                site.sends(client, MSG_USERAUTH_REQUEST, password(guess, text[:256]))
    site.honest("nice1")


def asMethod(site: Any, text: bytes) -> None:
    """
    How.
    """
    client = site.connects(Client(until=Stage.LOGIN))
    site.sends(client, MSG_USERAUTH_REQUEST, request(text[:64]))


def inASession(number: int, fields: Callable[[bytes], bytes]) -> Say:
    """
    A user who asks for something; and one whom a policy refuses it.
    """

    def say(site: Any, text: bytes) -> None:
        for account in (b"johnson", b"refused"):
            site.sends(session(site, account), number, fields(text))

    return say


def asked(name: bytes, *texts: bytes) -> bytes:
    """
    A channel request.
    """
    return uint32(0) + string(name) + byte(1) + b"".join(map(string, texts))


def tcpip(text: bytes) -> bytes:
    """
    Where a forwarding goes to.
    """
    return string(text) + uint32(22) + string(text) + uint32(4711)


def goodbye(text: bytes) -> bytes:
    """
    The payload of SSH_MSG_DISCONNECT.
    """
    return uint32(11) + string(text) + string(text[:64])


def terminal(text: bytes) -> bytes:
    """
    The request of a terminal.
    """
    return asked(b"pty-req", text) + uint32(80) * 4 + string(text)


def hostIsCalled(site: Any, text: bytes) -> None:
    """
    What a host says before its identification, and in it.
    """
    name = b"SSH-2.0-" + text.replace(b"\n", b"")[:200] + b"_"
    host = site.attacker("host", Stage.CONNECTED, version=name)
    site.writes(host, text[:4000].replace(b"SSH-", b"") + b"\r\n")
    host.goes(Stage.SESSION)
    site.settle()
    site.clock.advance(6)
    site.settle()


def hostOpens(site: Any, text: bytes) -> None:
    """
    What a host would open.
    """
    host = site.attacker("host", Stage.SESSION)
    site.sends(host, MSG_CHANNEL_OPEN, opening(7, type=text))
    site.sends(host, MSG_CHANNEL_OPEN, opening(8, type=b"forwarded-tcpip", data=tcpip(text)))


def hostRefuses(site: Any, text: bytes) -> None:
    """
    What it says of a channel that it does not open.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.SESSION)
    client = site.connects(Client())
    site.sends(client, MSG_CHANNEL_OPEN, opening(3, type=b"direct-tcpip", data=tcpip(text)))
    refusal = uint32(3) + uint32(2) + string(text) + string(b"")
    site.sends(site.host, MSG_CHANNEL_OPEN_FAILURE, refusal)


LOGIN, SESSION = Stage.LOGIN, Stage.SESSION
FROM_CLIENTS: dict[str, Say] = {
    "identification": asIdentification,
    "no identification": asNoIdentification,
    "algorithms": asAlgorithms,
    "account": asAccount,
    "long account": says(50, lambda text: request(b"none", account=text), Stage.SERVICE),
    "service": says(MSG_SERVICE_REQUEST, string, Stage.KEYED),
    "service behind": says(50, lambda t: string(b"j") + string(t) + string(b"x"), Stage.SERVICE),
    "method": asMethod,
    "goodbye before keys": says(MSG_DISCONNECT, goodbye, Stage.IDENTIFIED),
    "goodbye": says(MSG_DISCONNECT, goodbye, Stage.KEYED),
    "goodbye in a login": says(MSG_DISCONNECT, goodbye, LOGIN),
    "goodbye in a session": says(MSG_DISCONNECT, goodbye, SESSION),
    "a word for debugging": says(MSG_DEBUG, lambda text: byte(1) + string(text) * 2, LOGIN),
    "global request": inASession(MSG_GLOBAL_REQUEST, lambda text: string(text) + byte(1)),
    "forwarding": inASession(
        MSG_GLOBAL_REQUEST, lambda t: string(b"tcpip-forward") + byte(1) + string(t) + uint32(22)
    ),
    "channel": inASession(MSG_CHANNEL_OPEN, lambda text: opening(1, type=text)),
    "target": inASession(
        MSG_CHANNEL_OPEN, lambda text: opening(1, type=b"direct-tcpip", data=tcpip(text))
    ),
    "path": inASession(
        MSG_CHANNEL_OPEN,
        lambda text: opening(1, type=b"direct-streamlocal@openssh.com", data=tcpip(text)),
    ),
    "request": inASession(MSG_CHANNEL_REQUEST, asked),
    "TERM": inASession(MSG_CHANNEL_REQUEST, terminal),
    "name of a variable": inASession(MSG_CHANNEL_REQUEST, lambda t: asked(b"env", t, b"x")),
    "variable": inASession(MSG_CHANNEL_REQUEST, lambda text: asked(b"env", b"LANG", text)),
    "command": inASession(MSG_CHANNEL_REQUEST, lambda text: asked(b"exec", text)),
    "subsystem": inASession(MSG_CHANNEL_REQUEST, lambda text: asked(b"subsystem", text)),
}
FROM_HOSTS: dict[str, Say] = {
    "identification": hostIsCalled,
    "algorithms": lambda site, text: site.attacker("host", Stage.ASKED, lists=algorithms(text)),
    "service": hostSays(MSG_SERVICE_ACCEPT, string, Stage.KEYED),
    "goodbye before keys": hostSays(MSG_DISCONNECT, goodbye, Stage.IDENTIFIED),
    "goodbye": hostSays(MSG_DISCONNECT, goodbye, Stage.KEYED),
    "goodbye in a login": hostSays(MSG_DISCONNECT, goodbye, LOGIN),
    "goodbye behind a password": hostSays(MSG_DISCONNECT, goodbye, Stage.DECIDING),
    "goodbye in a session": hostSays(MSG_DISCONNECT, goodbye, SESSION),
    "methods": hostSays(MSG_USERAUTH_FAILURE, lambda text: string(text) + byte(0), LOGIN),
    "channel": hostOpens,
    "refusal": hostRefuses,
    "global request": hostSays(MSG_GLOBAL_REQUEST, lambda text: string(text) + byte(1), SESSION),
}


@eachText
@pytest.mark.parametrize("say", FROM_CLIENTS.values(), ids=FROM_CLIENTS)
def test_textOfAClientIsALineThatDoesNothing(
    site: Any, records: Records, say: Say, text: bytes
) -> None:
    say(site, text)
    records.check()


@eachText
@pytest.mark.parametrize("say", FROM_HOSTS.values(), ids=FROM_HOSTS)
def test_textOfAHostIsALineThatDoesNothing(
    site: Any, records: Records, say: Say, text: bytes
) -> None:
    say(site, text)
    records.check()


@eachText
def test_operatorReadsWhatItWas(site: Any, records: Records, text: bytes) -> None:
    """
    In both logs, and of a connection that is there on the screen, too.
    """
    name, word, text = text[:64], shown(text[:64]), text[:MOST]
    site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.DECIDING, account=name))
    assert any(word in line for line in records.screen())
    assert all(line.isascii() and line.isprintable() for line in records.screen(80))
    site.sends(client, MSG_DISCONNECT, goodbye(text))

    closed = records.events()[-1]
    assert (closed["event"], closed["account"]) == ("connection.closed", word)
    assert closed["reason"] == f"the client left: {shown(text)}"
    assert f"the client left: {shown(text)}" in records.text


@eachText
def test_userReadsAnAccountEscaped(site: Any, records: Records, text: bytes) -> None:
    """
    A sentence of ours is no way to bring somebody's text to a terminal: of who follows a
    link such as C{ssh://...@gateway}, say.
    """
    rules = AccountRules([AccountRule("johnson"), AccountRule("*", gateways=["ill"])])
    site.factory.doors = evolve(site.factory.doors, accounts=lambda: rules)
    client = site.connects(Client(until=Stage.LOGIN, account=text[:256]))

    assert client.gone
    assert client.goodbye[1].isascii()
    assert client.goodbye[1].decode().isprintable()
    assert client.goodbye[1].startswith(f"The account {shown(text[:256], 64)} cannot".encode())


# What is the host's to say


@eachText
def test_bannersOfTheHostAreItsOwn(site: Any, records: Records, text: bytes) -> None:
    banner = string(text[:MOST]) + string(b"en")
    host = site.attacker("host", LOGIN)
    site.sends(host, MSG_USERAUTH_BANNER, banner)

    assert site.client.last(MSG_USERAUTH_BANNER) == banner


@eachText
def test_promptsOfTheHostAreItsOwn(site: Any, records: Records, text: bytes) -> None:
    text = text[: MOST // 4]
    questions = string(text) * 2 + string(b"en") + uint32(1) + string(text) + byte(0)
    site.makeHost["nice1"] = lambda: Host(until=LOGIN)
    client = site.connects(Client(until=LOGIN))
    dialogue = request(b"keyboard-interactive", string(b"") * 2)
    site.sends(client, MSG_USERAUTH_REQUEST, dialogue)
    site.sends(site.host, MSG_USERAUTH_INFO_REQUEST, questions)

    assert client.last(MSG_USERAUTH_INFO_REQUEST) == questions
    site.honest("nice1")


@eachText
def test_lastWordsOfTheHostAreItsOwnOnceItIsChosen(
    site: Any, records: Records, text: bytes
) -> None:
    """
    Those of a host that the user has not come to are the operator's to read.
    """
    host = site.attacker("host", SESSION)
    site.sends(host, MSG_DISCONNECT, goodbye(text))
    assert site.client.goodbye == (11, text)

    text = text[:MOST]
    early = site.attacker("host", Stage.SERVICE)
    site.sends(early, MSG_DISCONNECT, goodbye(b"early" + text))
    site.clock.advance(3)
    site.settle()
    assert site.client.stage is SESSION
    assert all(b"early" not in payload for _, payload in site.client.heard)
    assert f"it ended the connection: early{shown(b'early' + text)[5:]}" in records.text


@eachText
def test_hostGetsWhatItsUserHasAskedFor(site: Any, records: Records, text: bytes) -> None:
    """
    It is the host that knows what a terminal, a variable and a command are.
    """
    client = session(site)
    payloads = [terminal(text), asked(b"env", text, text), asked(b"exec", text)]
    for payload in payloads:
        site.sends(client, MSG_CHANNEL_REQUEST, payload)

    assert [each for number, each in site.host.heard if number == MSG_CHANNEL_REQUEST] == payloads


# Names in the DNS

PTRS = [
    r"ev\027]0;owned\007il.example.org",
    r"a\010b.example.org",
    r"\155\050J.example.org",
    r"\226\128\174.example.org",
    r"a\000b.example.org",
    r"a\255\254.example.org",
    "x" * 63 + "." + "y" * 63 + "." + "z" * 63 + ".example.org",
    r"$\(id\).example.org",
    r"-oProxyCommand\=id.example.org",
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("name", PTRS)
def test_nameInTheDnsIsShownWhenAHostCanHaveIt(
    site: Any, records: Records, name: str, mode: Mode
) -> None:
    zone = f"198.51.100.7 PTR {name}\n192.0.2.200 HOST pc.example.org\n"
    rule = DnsRule(MemoryDns(zone, site.clock).reverseDns(), mode)
    site.factory.doors = evolve(site.factory.doors, rules=Rules([rule]))
    client = site.connects(Client())

    assert client.gone is (mode is Mode.REQUIRE)
    if client.gone:
        assert client.goodbye[1].decode("ascii").isprintable()
    (told,) = site.named("login.refused") + site.named("admission.reported")
    seen = "z.example.org, and that name has no" if name.startswith("x") else "has no valid name"
    assert seen in told["reason"]


@pytest.mark.parametrize("names", [nameList((b"password", TEXTS["a title"])), b"\0\0\0\1\x1b"])
def test_methodsOfTheHostArePassedOnIfTheyAreKnown(site: Any, names: bytes) -> None:
    host = site.attacker("host", Stage.SERVICE)
    site.sends(host, MSG_USERAUTH_FAILURE, names + byte(0))

    offered = site.client.last(MSG_USERAUTH_FAILURE)
    assert b"\x1b" not in offered
