"""
The login is the host's: its questions, its words, its verdict.

Each dialogue is held twice, directly and through the bastion, and what the
client was told must be the same.
"""

from __future__ import annotations

import re

import paramiko
import pytest
from harness import accounts, dialogues, paramikoclient
from harness.asyncclient import Answers, login
from harness.comparison import same
from harness.dialogues import DIALOGUES
from harness.openssh import prepare, ssh
from harness.sshd import BANNER
from harness.terminal import Terminal
from harness.waiting import until

pytestmark = pytest.mark.interop

KEYBOARD = "keyboard-interactive"

#: The host's own method.  OpenSSH would prefer keyboard-interactive, which the
#: bastion translates; the user is then asked in other words.
NATIVE = {
    "password-only": ["-oPreferredAuthentications=password"],
    "partial": ["-oPreferredAuthentications=password,keyboard-interactive"],
}

#: Those whose dialogue comes to an end.
ACCOUNTS = [name for name in DIALOGUES if name != "vanish"]


def answersOf(account):
    """
    The right answers, round by round, without the rounds that ask nothing.
    """
    return [list(each.answers) for each in DIALOGUES[account] if each.prompts]


def flat(rounds):
    """
    The answers one after the other.
    """
    return [answer for each in rounds for answer in each]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_everyQuestionIsRelayedAsItWasAsked(bothWays, account):
    answers = Answers(answersOf(account) or [[""]])
    direct, through = bothWays(lambda way: login(way("odd").as_(account), answers))
    assert through == direct
    if account != "no-password":
        assert through.output == f"hello {account}"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_opensshShowsEveryQuestionAsItWasAsked(bothWays, account):
    answers = flat(answersOf(account))
    direct, through = bothWays(lambda way: ssh(way("odd").as_(account), "hello", answers=answers))
    same(direct, through)
    assert through.stdout == direct.stdout


@pytest.mark.parametrize("account", [name for name in ACCOUNTS if answersOf(name)])
def test_wrongAnswersFailAsTheyDoDirectly(bothWays, account):
    wrong = ["wrong"] * len(answersOf(account)[0])
    answers = Answers([wrong, wrong])
    direct, through = bothWays(lambda way: login(way("odd").as_(account), answers))
    assert through.events == direct.events
    assert through.failure and not through.output


def test_hostThatVanishesDuringTheLoginIsNotASuccess(bothWays):
    """
    The bastion may add a sentence that says so.
    """
    answers = Answers(answersOf("vanish"))
    direct, through = bothWays(lambda way: login(way("odd").as_("vanish"), answers))
    assert through.events[: len(direct.events)] == direct.events
    assert {event[0] for event in through.events[len(direct.events) :]} <= {"banner"}
    assert direct.failure and through.failure


def test_lastRoundWrongIsAFailureOfTheWhole(bothWays):
    answers = Answers([*answersOf("three-rounds")[:2], ["no"]])
    direct, through = bothWays(lambda way: login(way("odd").as_("three-rounds"), answers))
    assert through == direct
    assert through.failure


def test_wrongAnswerThenTheRightOnes(bothWays):
    answers = Answers([["wrong"], *answersOf("three-rounds")])
    direct, through = bothWays(lambda way: login(way("odd").as_("three-rounds"), answers))
    assert through == direct
    assert through.output == "hello three-rounds"


def test_bannerComesFromTheHost(bothWays):
    direct, through = bothWays(lambda way: ssh(way("pam"), "true").ok())
    assert through.stderr.replace("\r", "") == BANNER
    same(direct, through)


def test_accountThatNeedsNoProofNeedsNone(to):
    done = ssh(to("odd").as_(dialogues.OPEN_ACCOUNT), "hello", answers=[]).ok()
    assert done.text == "hello open"
    assert not done.prompts


def test_accountWithoutAnyMethodIsRefused(bothWays):
    account = dialogues.CLOSED_ACCOUNT
    direct, through = bothWays(lambda way: ssh(way("odd").as_(account), "hello"))
    same(direct, through)
    assert through.status == 255


@pytest.mark.parametrize("kind", ["pam", "pam-kbdint", "password-only", "second"])
def test_wrongPasswordThenTheRightOne(bothWays, to, kind):
    right = to(kind).password
    answers = [accounts.newPassword(), right]
    direct, through = bothWays(
        lambda way: ssh(way(kind), "echo in", answers=answers, options=NATIVE.get(kind, []))
    )
    same(direct, through)
    assert through.ok().text == "in"


@pytest.mark.parametrize("kind", ["pam-kbdint", "password-only", "partial"])
def test_onlyWrongPasswordsFailInTheHostsWords(bothWays, kind):
    answers = [accounts.newPassword()] * 12
    options = ["-oNumberOfPasswordPrompts=2", *NATIVE.get(kind, [])]
    direct, through = bothWays(
        lambda way: ssh(way(kind), "echo in", answers=answers, options=options)
    )
    same(direct, through)
    assert "Permission denied" in through.stderr


def test_unknownAccountLooksLikeAWrongPassword(bothWays):
    options = ["-oNumberOfPasswordPrompts=1"]
    direct, through = bothWays(
        lambda way: ssh(way("pam-kbdint").as_("nobody-here"), "true", options=options)
    )
    same(direct, through)
    assert through.status == 255


def test_tooManyFailuresEndTheConnection(bothWays):
    wrong = [accounts.newPassword()] * 12
    options = ["-oNumberOfPasswordPrompts=12", *NATIVE["password-only"]]
    direct, through = bothWays(
        lambda way: ssh(way("password-only"), "true", answers=wrong, options=options)
    )
    same(direct, through)
    assert "Too many authentication failures" in through.stderr


@pytest.mark.parametrize("kind", ["pam", "pam-kbdint", "password-only", "partial", "odd"])
def test_listOfMethodsIsTheHostsWithoutPublickey(to, directly, kind):
    expected = paramikoclient.methods(directly(kind))
    route = to(kind)
    if route.bastion:
        # The two that the bastion translates into each other are offered both.
        wanted = expected - {"publickey"}
        assert wanted <= paramikoclient.methods(route) <= {"password", KEYBOARD}
    assert expected


def test_partialSuccessAsksForTheRest(bothWays):
    direct, through = bothWays(
        lambda way: ssh(way("partial"), "echo in", options=["-v", *NATIVE["partial"]])
    )
    assert through.ok().text == "in"
    assert through.prompts == direct.prompts
    assert len(through.prompts) == 2
    assert "partial success" in through.stderr
    lists = [
        re.findall("Authentications that can continue: (.*)", each.stderr)
        for each in (direct, through)
    ]
    assert lists[0][-1].strip() == lists[1][-1].strip() == KEYBOARD


def test_partialSuccessThenAWrongAnswer(bothWays, to):
    answers = [to("partial").password, accounts.newPassword(), to("partial").password]
    direct, through = bothWays(
        lambda way: ssh(way("partial"), "echo in", answers=answers, options=NATIVE["partial"])
    )
    same(direct, through)
    assert through.ok().text == "in"


def test_partialSuccessSeenByParamiko(to):
    with paramikoclient.transport(to("partial")) as transport:
        route = to("partial")
        remaining = transport.auth_password(route.account, route.password, fallback=False)
        assert remaining == [KEYBOARD]
        rest = transport.auth_interactive(
            route.account, lambda title, text, prompts: [route.password for _ in prompts]
        )
        assert rest == []
        assert transport.is_authenticated()


# One connection, one account, one attempt at a time


def test_changeOfTheAccountWithinAConnectionIsRefused(to):
    route = to("pam")
    with paramikoclient.transport(route) as transport:
        with pytest.raises(paramiko.SSHException):
            transport.auth_none("somebody-else")
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.auth_password(route.account, route.password, fallback=False)
        assert not transport.is_authenticated()


def test_changeOfTheAccountAfterAPromptIsRefused(to):
    route = to("pam")
    with paramikoclient.transport(route) as transport:
        with pytest.raises(paramiko.SSHException):
            transport.auth_interactive("somebody-else", lambda *_: [accounts.newPassword()])
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.auth_password(route.account, route.password, fallback=False)
        assert not transport.is_authenticated()


def test_nothingHappensBeforeTheLogin(to):
    """
    A channel that is opened too early opens nothing.
    """
    with paramikoclient.transport(to("pam")) as transport:
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.open_session(timeout=3)
        assert not transport.is_authenticated()


def test_clientThatLeavesAtThePromptIsForgotten(to, theSite):
    log = theSite.hosts["pam-kbdint"].server
    before = log.size()
    prepared = prepare(to("pam-kbdint"), "true")
    environment = {k: v for k, v in prepared.environment.items() if "ASKPASS" not in k}
    with Terminal(prepared.command, environment) as screen:
        screen.expect("[Pp]assword: ")
        assert screen.interrupt() != 0
    until(lambda: "by authenticating user" in log.text(before), 10, "the host is told")
