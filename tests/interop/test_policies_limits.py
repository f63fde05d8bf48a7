"""
How long sessions may last, and how fast they may be, as the programs of users meet it.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import clients, putty
from harness.clients import environment
from harness.openssh import prepare, sftp, ssh
from harness.payload import Payload
from harness.programs import program
from harness.ruled import RATE, shared, started
from harness.terminal import Terminal
from harness.waiting import until

pytestmark = pytest.mark.interop

ruled = pytest.fixture(scope="module")(started)

SIZE = 3 * RATE
#: What may come at once where a ceiling was not used for a while; see docs/policies.md.
BURST = RATE // 4


@pytest.fixture(scope="module")
def payload(theSite):
    """
    3 MiB.
    """
    return Payload(theSite.directory / "three-mebibytes", SIZE)


def timed(work):
    """
    How many seconds something takes.
    """
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_ceilingHoldsBothWaysAndSomebodyTypes(ruled, user, payload):
    """
    A file there, another one back, and a terminal, on one connection.
    """
    route = ruled.route("slow")
    there, back = user.home / "there-slow", route.newDirectory() / "back"
    with shared(route) as options, ThreadPoolExecutor(2) as pool:
        typing = prepare(route, options=["-tt", *options])
        with Terminal(typing.command, typing.environment) as screen:
            screen.expect("ready> ")
            copies = [
                pool.submit(timed, lambda line=line: sftp(route, line, options=options).ok())
                for line in (f"put {payload.path} {there}", f"get {payload.path} {back}")
            ]
            for key in "echo typing":
                screen.type(key)
                screen.expect(key)
            screen.type("\r")
            screen.expect("\ntyping")
            seconds = [copy.result() for copy in copies]
            screen.type("exit 3\r")
            assert screen.ended() == 3
    assert payload.isIn(there)
    assert payload.isIn(back)
    assert min(seconds) >= (SIZE - BURST) / RATE


def test_sessionsOfAnAccountShareItsCeiling(ruled, payload):
    """
    Two connections.
    """
    route = ruled.route("slow")
    prepared = prepare(route, f"head -c {RATE} {payload.path}")
    began = time.monotonic()
    with (
        clients.running(prepared.command, prepared.environment) as first,
        clients.running(prepared.command, prepared.environment) as second,
    ):
        read = [each.communicate(timeout=30)[0] for each in (first, second)]
    assert time.monotonic() - began >= (2 * RATE - BURST) / RATE
    assert read == [payload.data[:RATE]] * 2


def test_whereNoCeilingIsSessionsAreAsBefore(ruled, payload):
    assert payload.matches(ssh(ruled.route("everything"), f"cat {payload.path}").ok().stdout)


def plinkAtTerminal(route):
    """
    Somebody at a terminal with plink.
    """
    line = [program("plink"), "-ssh", *putty.common(route), "-pw", route.password, "-t"]
    return Terminal([*line, route.address], environment(route.newDirectory()))


#: What is read of each limit: before the end, and at it.
SENTENCES = {
    "idle": (
        "gateway: this session ends in 30 seconds, unless something is sent: "
        "it may be idle for 1 minute",
        "Nothing was sent for 1 minute.",
    ),
    "short": (
        "gateway: this session ends in 30 seconds: it may last 1 minute",
        "A session may last 1 minute.",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("gateway", SENTENCES)
def test_limitIsToldAndEndsTheSession(ruled, gateway):
    """
    Three programs at once: two terminals, and a command that waits.
    """
    notice, goodbye = SENTENCES[gateway]
    route = ruled.route(gateway)
    typing = prepare(route, options=["-tt"])
    waiting = prepare(route, "exec sleep 600")
    with (
        Terminal(typing.command, typing.environment) as first,
        plinkAtTerminal(route) as second,
        clients.running(waiting.command, waiting.environment) as process,
    ):
        for screen in (first, second):
            screen.expect("ready> ")
        for screen in (first, second):
            screen.expect(re.escape(notice), 50)
        for screen in (first, second):
            screen.expect(re.escape(goodbye), 50)
        assert first.ended() == 255
        assert second.ended() == 1
        errors = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 255
    assert f"{notice}\r\n" in errors
    assert goodbye in errors
    reasons = {
        "idle": "the session was idle",
        "short": "the session lasted for as long as it may",
    }

    def closed():
        events = ruled.gateway.audit(gateway)
        return [each["reason"] for each in events if each["event"] == "connection.closed"]

    until(lambda: closed() == [reasons[gateway]] * 3, 10, "the ends are in the log")
