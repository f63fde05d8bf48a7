"""
What programs written with asyncssh do.
"""

from __future__ import annotations

import asyncio

import asyncssh
import pytest
from harness import peers
from harness.asyncclient import Answers, connect, login, perform
from harness.waiting import freePort

pytestmark = pytest.mark.interop


def test_commandWithItsStreamsAndStatus(to):
    async def work():
        async with connect(to("pam")) as connection:
            done = await connection.run("cat; echo err >&2; exit 7", input="in")
            return done.stdout, done.stderr, done.exit_status

    assert perform(work) == ("in", "err\n", 7)


@pytest.mark.parametrize("methods", ["password", "keyboard-interactive"])
def test_eachMethodLogsIn(to, methods):
    route = to("pam")
    answers = Answers([[route.password]], [route.password])
    assert login(route, answers, methods, "echo in").output == "in"


def test_exitSignalArrivesWhole(to):
    """
    With the core flag, the message and its language.
    """

    async def work():
        async with connect(to("odd")) as connection:
            return (await connection.run("die TERM")).exit_signal

    assert perform(work) == ("TERM", True, "it hurt \u2620", "en")


def test_signalReachesTheCommand(to):
    async def work():
        async with connect(to("pam")) as connection:
            command = "trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 0.1; done"
            process = await connection.create_process(command)
            assert await process.stdout.readline() == "ready\n"
            process.send_signal("USR1")
            done = await process.wait()
            return done.stdout, done.exit_status

    assert perform(work) == ("got it\n", 3)


def test_breakAndWindowAndSignalArriveInOrder(to):
    async def work():
        async with connect(to("odd")) as connection:
            process = await connection.create_process("echo", term_type="vt100", term_size=(90, 30))
            process.send_break(700)
            process.change_terminal_size(101, 41)
            process.send_signal("INT")
            process.stdin.write("bye\n")
            return (await process.wait()).stdout.split("\r\n")[:-1]

    expected = ["terminal vt100 (90, 30)", "break 700", "size 101 41", "signal INT"]
    assert perform(work) == expected


def test_manyChannelsAtOnceOnOneConnection(to):
    async def work():
        async with connect(to("pam")) as connection:
            jobs = [connection.run(f"cat; echo {n}", input="x" * 100_000) for n in range(40)]
            return [done.stdout[-3:].strip("x\n") for done in await asyncio.gather(*jobs)]

    assert perform(work) == [str(n) for n in range(40)]


def test_channelsOfAllKindsAtOnce(to, user):
    async def work(port):
        async with connect(to("pam")) as connection, connection.start_sftp_client() as sftp:
            reader, writer = await connection.open_connection("127.0.0.1", port)
            await sftp.mkdir(f"{user.home}/made-by-asyncssh")
            writer.write(b"x" * 300_000)
            writer.write_eof()
            listener = await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", port)
            back = await asyncio.to_thread(
                lambda: peers.exchange(peers.connect(listener.get_port()), b"y")
            )
            listener.close()
            names = await sftp.listdir(str(user.home))
            return len(await reader.read()), back, "made-by-asyncssh" in names

    with peers.tcpEcho() as port:
        assert perform(lambda: work(port)) == (300_005, b"y[end]", True)


def test_refusedChannelTellsTheReason(bothWays):
    nobody = freePort()

    def attempt(way):
        async def work():
            async with connect(way("pam")) as connection:
                with pytest.raises(asyncssh.ChannelOpenError) as refusal:
                    await connection.open_connection("127.0.0.1", nobody)
                return refusal.value.code, refusal.value.reason

        return perform(work)

    direct, through = bothWays(attempt)
    assert through == direct


def test_tinyWindowsAndPackets(to):
    """
    The limits that the two ends give each other hold across the bastion.
    """

    async def work():
        async with connect(to("pam")) as connection:
            done = await connection.run(
                "head -c 200000 /dev/zero", window=1000, max_pktsize=256, encoding=None
            )
            return len(done.stdout)

    assert perform(work) == 200_000


@pytest.mark.parametrize("size", [1 << 18, 1 << 20, 1 << 22])
def test_hugeWindowsAndPackets(to, payload, size):
    async def work():
        async with connect(to("pam")) as connection:
            done = await connection.run(
                f"cat {payload.path}", window=1 << 30, max_pktsize=size, encoding=None
            )
            return done.stdout

    assert payload.matches(perform(work))


@pytest.mark.parametrize("size", [1 << 18, 1 << 20, 1 << 22])
def test_packetsThatNeitherEndFindsTooLargeAreNotTooLargeForUs(algorithms, payload, size):
    """
    Each end is told to send what the bastion takes.
    """

    async def work():
        async with connect(algorithms.through("asyncssh-huge")) as connection:
            done = await connection.run(
                "cat", input=payload.data, window=1 << 22, max_pktsize=size, encoding=None
            )
            return done.stdout

    assert payload.matches(perform(work))


def test_sftpBothWays(to, user, payload):
    there, back = user.home / "there-asyncssh", to("pam").newDirectory() / "back"

    async def work():
        async with connect(to("pam")) as connection, connection.start_sftp_client() as sftp:
            await sftp.put(str(payload.path), str(there))
            await sftp.get(str(there), str(back))

    perform(work)
    assert payload.isIn(there)
    assert payload.isIn(back)


def test_clientsRekeyByBytesAndTime(to, payload):
    async def work():
        more = {"rekey_bytes": 1 << 20, "rekey_seconds": 1}
        async with connect(to("rekey"), **more) as connection:
            done = await connection.run(f"cat {payload.path}", encoding=None)
            return done.stdout

    assert payload.matches(perform(work))


def test_keepalives(to):
    async def work():
        more = {"keepalive_interval": 0.3, "keepalive_count_max": 10}
        async with connect(to("alive"), **more) as connection:
            return (await connection.run("sleep 6; echo alive")).stdout

    assert perform(work) == "alive\n"


def test_environmentArrives(to):
    async def work():
        async with connect(to("pam")) as connection:
            return (await connection.run("echo $TESTVAR", env={"TESTVAR": "a b"})).stdout

    assert perform(work) == "a b\n"


def test_closedConnectionIsClosedProperly(to, bastionEvents):
    async def work():
        async with connect(to("pam")) as connection:
            await connection.run("true")
        await connection.wait_closed()

    perform(work)
    assert bastionEvents("login.accepted") in (None, 1)
