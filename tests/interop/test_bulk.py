"""
Much data, and readers that are slower than writers.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess

import pytest
from harness import clients
from harness.openssh import prepare, session, ssh
from harness.waiting import until

pytestmark = pytest.mark.interop

MIB = 1 << 20


def test_uploadArrivesWhole(to, payload):
    done = ssh(to("pam"), "sha256sum", data=payload.data).ok()
    assert done.text.split()[0] == payload.digest


def test_downloadArrivesWhole(to, payload):
    assert payload.matches(ssh(to("pam"), f"cat {payload.path}").ok().stdout)


def test_bothDirectionsAtOnce(to, payload):
    assert payload.matches(ssh(to("pam"), "cat", data=payload.data).ok().stdout)


def test_fourDownloadsAtOnce(to, payload):
    prepared = [prepare(to("pam"), f"cat {payload.path} | tee >(wc -c >&2)") for _ in range(4)]
    processes = [clients.start(each.command, each.environment) for each in prepared]
    try:
        digests = [digestOf(process) for process in processes]
    finally:
        for process in processes:
            clients.end(process)
    assert digests == [payload.digest] * 4


def digestOf(process):
    """
    The digest of what a program prints; nothing is kept.
    """
    hashed = hashlib.sha256()
    while part := process.stdout.read(MIB):
        hashed.update(part)
    return hashed.hexdigest()


@pytest.mark.slow
def test_twoGibibytesDown(to):
    command = "openssl enc -aes-128-ctr -pass pass:x -nosalt -in /dev/zero 2>/dev/null"
    command += f" | head -c {2048 * MIB} | tee >(sha256sum >&2)"
    with session(to("pam"), command) as process:
        found = digestOf(process)
        process.wait(60)
        assert process.stderr.read().decode().split()[-2] == found


@pytest.mark.slow
def test_twoGibibytesUp(to):
    block = os.urandom(MIB)
    expected = hashlib.sha256()
    with session(to("pam"), "sha256sum") as process:
        for _ in range(2048):
            expected.update(block)
            process.stdin.write(block)
        process.stdin.close()
        assert process.stdout.read().decode().split()[0] == expected.hexdigest()
        assert process.wait(60) == 0
        process.stdin = None


def received(process):
    """
    How many bytes a process has read so far, from anywhere.
    """
    with open(f"/proc/{process.pid}/io") as counts:
        return int(counts.readline().split()[1])


def stalled(measure):
    """
    Wait until a number does not change any more.
    """
    seen = []

    def same():
        seen.append(measure())
        return len(seen) > 25 and len(set(seen[-25:])) == 1

    until(same, 30, "nothing moves any more")


def bastionTraffic(theSite):
    """
    How many bytes the bastion has read, or nothing without a bastion.
    """
    if theSite.gateway is None:
        return 0
    with open(f"/proc/{theSite.gateway.server.pid}/io") as counts:
        return int(counts.readline().split()[1])


def memory(theSite):
    """
    The bastion's memory in KiB, or nothing without a bastion.
    """
    return theSite.gateway.rss() if theSite.gateway else 0


def test_stoppedReaderStopsTheWriterAndNobodyElse(to, theSite):
    ssh(to("pam"), f"head -c {64 * MIB} /dev/zero").ok()
    before = memory(theSite)
    size = 256 * MIB
    with session(to("pam"), f"head -c {size} /dev/zero") as process:
        process.stdout.read(MIB)
        os.kill(process.pid, signal.SIGSTOP)
        stalled(lambda: bastionTraffic(theSite))
        assert memory(theSite) - before < 4096
        moved = ssh(to("pam"), f"head -c {32 * MIB} /dev/zero").ok().stdout
        assert len(moved) == 32 * MIB
        assert ssh(to("pam-kbdint"), "echo new").ok().text == "new"
        assert memory(theSite) - before < 4096
        os.kill(process.pid, signal.SIGCONT)
        rest = sum(len(part) for part in iter(lambda: process.stdout.read(MIB), b""))
        assert rest == size - MIB
        assert process.wait(30) == 0


def test_commandThatDoesNotReadStopsTheUpload(to, theSite):
    """
    The other direction: the host does not take what the client sends.
    """
    ssh(to("pam"), "cat >/dev/null", data=bytes(64 * MIB)).ok()
    before = memory(theSite)
    command = "read line; cat | wc -c"
    with session(to("pam"), f"echo $$; kill -STOP $$; {command}") as process:
        pid = int(process.stdout.readline())
        os.set_blocking(process.stdin.fileno(), False)
        written = []

        def full():
            try:
                written.append(os.write(process.stdin.fileno(), bytes(65536)))
            except BlockingIOError:
                return True
            return False

        until(full, 30, "the pipe is full")
        stalled(lambda: bastionTraffic(theSite))
        until(full, 30, "the pipe is full")
        assert sum(written) < 32 * MIB
        assert memory(theSite) - before < 4096
        assert ssh(to("pam"), "echo alive").ok().text == "alive"
        os.kill(pid, signal.SIGCONT)
        os.set_blocking(process.stdin.fileno(), True)
        process.stdin.write(b"\n")
        process.stdin.close()
        process.stdin = None
        assert process.wait(30) == 0


def test_readerThatLeavesEarlyEndsTheSession(to):
    """
    C{ssh host 'cat /dev/zero' | head -c1}.
    """
    prepared = prepare(to("pam"), "cat /dev/zero")
    with clients.running(prepared.command, prepared.environment) as process:
        head = subprocess.run(["head", "-c1"], stdin=process.stdout, capture_output=True)
        assert head.stdout == b"\0"
        process.stdout.close()
        process.stdout = None
        assert process.wait(30) != 0
