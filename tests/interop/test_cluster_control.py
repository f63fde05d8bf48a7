"""
C{bastionctl} at a bastion that runs: what it shows, what it does, and how it ends.
"""

from __future__ import annotations

import json

import pytest
from harness.clusters import STAY
from harness.openssh import session
from harness.waiting import until

pytestmark = pytest.mark.interop

DONE, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3


def rows(text):
    """
    The words of each line of a table.
    """
    return [line.split() for line in text.splitlines()]


def test_statusShowsGatewaysAndClusters(cluster):
    status = cluster.control.ask("status")
    assert status["pid"] == cluster.gateway.server.pid
    plans = cluster.gateway.plans
    assert {each["name"]: each["cluster"] for each in status["gateways"]} == {n: n for n in plans}
    nice = next(each for each in status["clusters"] if each["name"] == "nice")
    assert (nice["hosts"], nice["strategy"]) == (6, "least-sessions")

    table = cluster.control.run("status").ok().text
    assert f"process {status['pid']}" in table
    assert ["nice", "6"] in [row[:2] for row in rows(table)]


def test_hostsShowHowTheyAre(cluster):
    cluster.allUp("nice")
    third = cluster.six[2].target
    until(lambda: cluster.control.hosts("nice")[third]["last_check"], 10, "it was checked")
    with cluster.held([cluster.route("nice", 0, "nice3")]):
        hosts = cluster.control.ask("hosts", "--cluster", "nice")
        table = cluster.control.run("hosts", "--cluster", "nice").ok().text
    assert [each["host"] for each in hosts] == [host.target for host in cluster.six]
    third = hosts[2]
    assert (third["state"], third["sessions"], third["last_problem"]) == ("up", 1, "")
    assert 0 < third["latency_ms"] < 5000
    assert third["known_keys"] == [cluster.six[2].keys[0].fingerprint]
    name, header, *lines = rows(table)
    assert (name, header[:4]) == (["nice"], ["HOST", "STATE", "FOR", "SESSIONS"])
    assert [line[:2] for line in lines] == [[host.target, "up"] for host in cluster.six]
    assert [line[3] for line in lines] == ["0", "0", "1", "0", "0", "0"]


def test_limitIsShown(cluster):
    with cluster.held([cluster.route("limited")]):
        table = cluster.control.run("hosts", "--cluster", "limited").ok().text
    assert {line[3] for line in rows(table)[2:]} <= {"0/2", "1/2", "0/1", "1/1"}


def test_hostIsDrainedAndEnabled(cluster):
    host = cluster.six[3].target
    drain = ["drain", host, "--cluster", "nice"]
    assert cluster.control.run(*drain).ok().text == f"{host} of nice: drain, 0 sessions"
    twice = cluster.control.run(*drain)
    assert (twice.status, twice.stdout) == (REFUSED, b"")
    assert f"{host} is drained already; `bastionctl enable {host}`" in twice.stderr
    assert f"{host} is drain: drained by an operator" in cluster.control.run("hosts").ok().text
    enabled = cluster.control.ask("enable", host, "--cluster", "nice")
    assert enabled["state"] == "suspect"
    cluster.control.becomes("nice", host, "up")


def test_connectionIsShownAndClosed(cluster):
    route = cluster.route("nice", 1, "nice2")
    options = ["-b", "127.0.0.24"]
    with session(route, STAY, options=options) as process:
        assert process.stdout.readline() == b"nice2\n"
        (shown,) = cluster.control.ask("connections")
        account = cluster.accounts[1].name
        assert shown["account"] == account
        assert (shown["gateway"], shown["source"]) == ("nice", "127.0.0.24")
        assert (shown["host"], shown["phase"]) == (cluster.hosts["nice2"].target, "session")
        assert shown["client"].startswith("SSH-2.0-OpenSSH_")
        assert shown["channels"] == 1
        assert shown["bytes_to_client"] > 0
        reference = shown["reference"]
        _, line = rows(cluster.control.run("connections").ok().text)
        assert line[:4] == [reference, "nice", "127.0.0.24", account]

        closing = cluster.control.run("close", reference.lower(), "--reason", "it is late")
        assert closing.ok().text == f"connection {reference}: closed"
        assert process.wait(20) == 255
        told = process.stderr.read().decode()
    assert f"An operator has closed the connection. (reference {reference})" in told
    until(lambda: not cluster.control.ask("connections"), 10, "it is gone")
    closed = [each for each in cluster.gateway.audit("nice") if each["reference"] == reference][-1]
    assert closed["reason"] == "an operator closed it: it is late"
    assert cluster.control.run("close", reference).status == REFUSED
    assert cluster.control.run("connections").ok().text == "there are no connections"


def test_explainSaysWhereALoginGoes(cluster):
    account = cluster.accounts[2].name
    drained = cluster.six[0].target
    cluster.control.ask("drain", drained, "--cluster", "nice", "--reason", "new disks")
    asked = ["explain", "--user", account, "--gateway", "nice"]
    try:
        assert cluster.where("nice", 2, "nice4") == "nice4"
        told = cluster.control.ask(*asked, "--from", "127.0.0.1")
        table = cluster.control.run(*asked).ok().text
        assert cluster.where("nice", 2) == "nice4"
    finally:
        cluster.control.ask("enable", drained, "--cluster", "nice")
    assert told["chosen"] == told["sticky"]["host"] == cluster.hosts["nice4"].target
    assert told["why"] == "the account comes back to it"
    assert {each["host"] for each in told["candidates"]} == {h.target for h in cluster.six[1:]}
    assert told["passed_over"] == [{"host": drained, "state": "drain", "why": "drain: new disks"}]
    assert f"{account} by nice to nice: {told['chosen']}" in table
    assert [drained, "drain", "drain:", "new", "disks"] in rows(table)


def test_explainTakesNobodysTurn(cluster):
    asked = ["explain", "--user", "anybody", "--gateway", "round-robin"]
    chosen = {cluster.control.ask(*asked)["chosen"] for _ in range(3)}
    assert chosen == {cluster.hosts[cluster.where("round-robin")].target}


def test_explainKnowsTheHostsThatUsersName(cluster):
    login = cluster.route("nice", 3, "nice6").account
    told = cluster.control.ask("explain", "--user", login, "--gateway", "nice")
    assert (told["account"], told["chosen"]) == (
        cluster.accounts[3].name,
        cluster.hosts["nice6"].target,
    )
    told = cluster.control.ask("explain", "--user", "anybody%nice9", "--gateway", "nice")
    assert (told["chosen"], told["why"]) == (None, "There is no host nice9 here.")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["drain", "nice9"], REFUSED, "nice9"),
        (["drain", "127.0.0.71"], REFUSED, "--cluster"),
        (["enable", "127.0.0.71", "--cluster", "nice"], REFUSED, "is in service"),
        (["accept-key", "127.0.0.71", "--cluster", "nice"], USAGE, "--fingerprint"),
        (["close", "NOBODY"], REFUSED, "there is no connection NOBODY"),
        (["hosts", "--cluster", "nise"], REFUSED, "there is no cluster nise; there are: nice"),
        (["explain", "--user", "johnson", "--gateway", "nise"], REFUSED, "no gateway nise"),
        (["explain", "--user", "johnson"], USAGE, "--gateway"),
        (["drain"], USAGE, "HOST"),
        ([], USAGE, "COMMAND"),
        (["--socket", "/nowhere/control.sock", "status"], UNREACHABLE, "/nowhere/control.sock"),
        (["--config", "/nowhere.toml", "status"], UNREACHABLE, "/nowhere.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refusalHasACodeAndASentence(cluster, arguments, status, words):
    done = cluster.control.run(*arguments)
    assert (done.status, done.stdout) == (status, b"")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_configurationOfTheRunningBastionHasNoProblems(cluster):
    path = str(cluster.gateway.configuration)
    assert cluster.control.run("check-config", path).ok().text == f"{path}: no problems"
    answer = json.loads(cluster.control.run("--json", "check-config", path).ok().stdout)
    assert answer == {"file": path, "problems": []}
