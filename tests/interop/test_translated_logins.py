"""
Clients and hosts that speak different methods: a client that knows only
C{password} at a host that knows only C{keyboard-interactive} with one hidden
prompt, and the other way round.  Without the bastion they cannot meet.
"""

from __future__ import annotations

import os

import paramiko
import pytest
from harness import accounts, clients, paramikoclient
from harness.asyncclient import Answers, login
from harness.dialogues import DIALOGUES, PASSWORD
from harness.openssh import ssh
from harness.programs import program
from harness.putty import plink

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("bastion")]

PASSWORD_ONLY = ["-oPreferredAuthentications=password"]
KEYBOARD_ONLY = ["-oPreferredAuthentications=keyboard-interactive"]


@pytest.mark.parametrize("kind", ["pam-kbdint", "odd"])
def test_passwordOfOpenssh(to, kind):
    assert ssh(to(kind), "echo in", options=PASSWORD_ONLY).ok().text


def test_passwordOfOpensshWrongThenRight(to):
    route = to("pam-kbdint")
    answers = [accounts.newPassword(), route.password]
    done = ssh(route, "echo in", options=PASSWORD_ONLY, answers=answers).ok()
    assert done.text == "in"
    assert len(done.prompts) == 2


@pytest.mark.parametrize(
    "account", ["ordinary", "one-hidden", "notice-then-prompt", "zero-prompts"]
)
def test_passwordWhereAtMostOneHiddenPromptIsAsked(to, account):
    """
    Notices without a prompt are no obstacle.
    """
    done = ssh(to("odd").as_(account), "hello", options=PASSWORD_ONLY).ok()
    assert done.text == f"hello {account}"


def test_passwordOfPlink(to):
    assert plink(to("pam-kbdint"), "echo in").ok().text == "in"


def test_passwordOfDbclient(to):
    route = to("pam-kbdint")
    directory = route.newDirectory()
    folder = directory / ".ssh"
    folder.mkdir(mode=0o700)
    os.link(route.knownHosts(), folder / "known_hosts")
    env = clients.environment(directory, DROPBEAR_PASSWORD=route.password)
    line = [program("dbclient"), "-p", str(route.port), "-l", route.account]
    done = clients.run([*line, route.address, "echo in"], env)
    assert done.ok().text == "in"


def test_passwordOfParamiko(to):
    route = to("pam-kbdint")
    with paramikoclient.transport(route) as transport:
        assert transport.auth_password(route.account, route.password, fallback=False) == []
        assert transport.is_authenticated()


def test_wrongPasswordOfParamiko(to):
    route = to("pam-kbdint")
    with paramikoclient.transport(route) as transport:
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_password(route.account, accounts.newPassword(), fallback=False)
        assert transport.auth_password(route.account, route.password, fallback=False) == []


@pytest.mark.parametrize("account", ["two-prompts", "two-hidden", "three-rounds", "echo-on"])
def test_passwordIsNotEnoughForMorePrompts(to, bastionEvents, account):
    """
    And is not tried as an answer to a prompt that shows what is typed.
    """
    answers = Answers(passwords=[PASSWORD])
    done = login(to("odd").as_(account), answers, methods="password")
    assert done.failure == "PermissionDenied"
    assert bastionEvents("login.refused") == 1


def test_expiredPasswordCannotBeChangedByAPasswordAlone(to, expired):
    route = to("pam-kbdint").as_(expired.name, expired.password)
    done = ssh(route, "true", options=PASSWORD_ONLY)
    assert done.status == 255
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("kind", ["password-only", "dropbear"])
def test_keyboardInteractiveAtAHostThatKnowsPasswordsOnly(to, kind):
    done = ssh(to(kind), "echo in", options=KEYBOARD_ONLY).ok()
    assert done.text == "in"
    assert len(done.prompts) == 1


def test_keyboardInteractiveWrongThenRight(to):
    route = to("password-only")
    answers = [accounts.newPassword(), route.password]
    done = ssh(route, "echo in", options=KEYBOARD_ONLY, answers=answers).ok()
    assert done.text == "in"
    assert len(done.prompts) == 2


def test_promptOfTheBastionIsOneHiddenOne(to):
    answers = Answers([[PASSWORD]])
    done = login(to("odd").as_("plain"), answers, methods="keyboard-interactive")
    asked = [event for event in done.events if event[0] == "asked"]
    assert [len(event[4]) for event in asked] == [1]
    assert asked[0][4][0][1] is False
    assert done.output == "hello plain"


def test_keyboardInteractiveKeepsToTheHostWhereItCan(to):
    """
    The host's own dialogue is not replaced by a translated one.
    """
    for account in ("two-prompts", "three-rounds"):
        rounds = [list(each.answers) for each in DIALOGUES[account]]
        methods = "keyboard-interactive,password"
        done = login(to("odd").as_(account), Answers(rounds), methods=methods)
        assert done.output == f"hello {account}"
