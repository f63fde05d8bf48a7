"""
Users change their passwords through SSH, in the dialogue of the host.
"""

from __future__ import annotations

import pytest
from harness import accounts
from harness.asyncclient import Answers, login
from harness.comparison import same
from harness.dialogues import CHANGED_PASSWORD, PASSWORD
from harness.openssh import prepare, ssh
from harness.terminal import Terminal

pytestmark = pytest.mark.interop

KEYBOARD = "keyboard-interactive"


def test_expiredPasswordIsChangedInTheDialogueOfPam(to, directly, theSite):
    seen = []
    for way in (directly, to):
        account = theSite.expiring
        account.setPassword(accounts.newPassword())
        account.expirePassword()
        old, new = account.password, accounts.newPassword()
        route = way("pam").as_(account.name, old)
        answers = [old, old, new, new]
        done = ssh(
            route, "echo in", answers=answers, options=[f"-oPreferredAuthentications={KEYBOARD}"]
        )
        assert done.ok().text == "in"
        seen.append(done)
        assert ssh(route.as_(account.name, new), "echo new").ok().text == "new"
    same(*seen)
    assert len(seen[0].prompts) == 4


def test_newPasswordThatPamDoesNotLikeIsAskedAgain(to, directly, theSite):
    seen = []
    for way in (directly, to):
        account = theSite.expiring
        account.setPassword(accounts.newPassword())
        account.expirePassword()
        old = account.password
        answers = [old, old, "ab", "cd"]
        options = ["-oNumberOfPasswordPrompts=1"]
        route = way("pam-kbdint").as_(account.name, old)
        seen.append(ssh(route, "true", answers=answers, options=options))
        assert seen[-1].status == 255
    same(*seen)


def test_expiredPasswordIsChangedOnTheTerminalOfTheSession(to, expired):
    """
    As sshd does it after the C{password} method.
    """
    old, new = expired.password, accounts.newPassword()
    options = ["-tt", "-oPreferredAuthentications=password"]
    prepared = prepare(to("pam").as_(expired.name, old), options=options)
    with Terminal(prepared.command, prepared.environment) as screen:
        for pattern, text in (("Current password: ", old), ("New pass", new), ("Retype", new)):
            screen.expect(pattern)
            screen.type(text + "\r")
        screen.expect("updated successfully")
        screen.ended()
    assert ssh(to("pam").as_(expired.name, new), "echo new").ok().text == "new"


@pytest.mark.parametrize(
    ("account", "changes"),
    [
        ("change-password", [(PASSWORD, CHANGED_PASSWORD)]),
        ("change-password", [(PASSWORD, "x")]),
        ("change-password", [("x", CHANGED_PASSWORD)]),
        ("change-twice", [(PASSWORD, "simple"), (PASSWORD, CHANGED_PASSWORD)]),
        ("change-password", []),
    ],
)
def test_changeRequestOfThePasswordMethod(bothWays, account, changes):
    answers = Answers(passwords=[PASSWORD], changes=changes)
    direct, through = bothWays(
        lambda way: login(way("odd").as_(account), answers, methods="password")
    )
    assert through == direct
    right = changes[-1:] == [(PASSWORD, CHANGED_PASSWORD)]
    assert (through.output == f"hello {account}") is right


def test_changeRequestAnsweredByOpenssh(bothWays):
    answers = [PASSWORD, PASSWORD, CHANGED_PASSWORD, CHANGED_PASSWORD]
    options = ["-oPreferredAuthentications=password"]
    direct, through = bothWays(
        lambda way: ssh(
            way("odd").as_("change-password"), "hello", answers=answers, options=options
        )
    )
    same(direct, through)
    assert through.ok().text == "hello change-password"
