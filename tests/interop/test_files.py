"""
Programs that carry files: 64 MiB each way, and what else people do with them.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from harness import clients, openssh
from harness.clients import Asker, environment
from harness.openssh import configuration, remote, scp, sftp
from harness.programs import program
from harness.waiting import until

pytestmark = pytest.mark.interop


@pytest.fixture
def places(to, user, payload):
    """
    A new directory of the account on the host, and one of the client.
    """
    here = to("pam").newDirectory()
    there = user.home / here.name
    there.mkdir()
    user.give(there)
    return here, there


def test_sftpBothWays(to, places, payload):
    here, there = places
    sftp(to("pam"), f"put {payload.path} {there}/up", f"get {there}/up {here}/down").ok()
    assert payload.isIn(there / "up")
    assert payload.isIn(here / "down")


def test_sftpManagesFiles(to, places):
    here, there = places
    (here / "a").write_text("content")
    commands = [
        f"put -p {here}/a {there}/a",
        f"chmod 640 {there}/a",
        f"mkdir {there}/d",
        f"rename {there}/a {there}/d/b",
        f"symlink b {there}/d/link",
        f"ls -l {there}/d",
        f"df {there}",
    ]
    done = sftp(to("pam"), *commands).ok()
    assert (there / "d" / "b").read_text() == "content"
    assert (there / "d" / "b").stat().st_mode & 0o777 == 0o640
    assert os.readlink(there / "d" / "link") == "b"
    assert "-rw-r-----" in done.text


def test_sftpFailsAsItDoesDirectly(bothWays):
    direct, through = bothWays(lambda way: sftp(way("pam-kbdint"), "get /no/such/file"))
    assert (through.status, through.stderr) == (direct.status, direct.stderr)
    assert through.status == 1


@pytest.mark.parametrize("options", [["-s"], ["-O"]], ids=["sftp", "scp"])
def test_scpBothWays(to, places, payload, options):
    here, there = places
    route = to("pam")
    scp(route, str(payload.path), remote(route, there / "up"), options).ok()
    assert payload.isIn(there / "up")
    scp(route, remote(route, there / "up"), str(here / "down"), options).ok()
    assert payload.isIn(here / "down")


@pytest.mark.parametrize("options", [["-s"], ["-O"]], ids=["sftp", "scp"])
def test_scpCopiesTrees(to, places, options):
    here, there = places
    tree(here / "tree")
    route = to("pam")
    scp(route, str(here / "tree"), remote(route, there), ["-rp", *options]).ok()
    scp(route, remote(route, there / "tree"), str(here / "back"), ["-rp", *options]).ok()
    assert listing(here / "back") == listing(here / "tree")


def tree(root):
    """
    Some files of many sizes.
    """
    for n in range(40):
        path = root / f"d{n % 4}" / f"file {n} \u00fc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([n]) * (n * n * 37))


def listing(root):
    """
    Names and contents of all files.
    """
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def rsync(route, *arguments):
    """
    rsync by way of ssh.
    """
    home = route.newDirectory()
    asker = Asker.make(home, [route.password])
    shell = f"{program('ssh')} -F {configuration(route, home)}"
    env = environment(home, **asker.environment, RSYNC_RSH=shell)
    return clients.run([program("rsync"), *arguments], env, asker=asker)


def test_rsyncBothWays(to, places, payload):
    here, there = places
    route = to("pam")
    rsync(route, "-a", str(payload.path), remote(route, there / "up")).ok()
    assert payload.isIn(there / "up")
    rsync(route, "-a", remote(route, there / "up"), str(here / "down")).ok()
    assert payload.isIn(here / "down")


def test_rsyncSendsDifferencesOnly(to, places):
    here, there = places
    route = to("pam")
    tree(here / "tree")
    rsync(route, "-a", f"{here}/tree/", remote(route, there / "tree")).ok()
    (here / "tree" / "d0" / "new").write_text("new")
    (here / "tree" / "d1" / "file 1 \u00fc").unlink()
    done = rsync(route, "-ai", "--delete", f"{here}/tree/", remote(route, there / "tree")).ok()
    assert "deleting" in done.text
    assert listing(there / "tree") == listing(here / "tree")


def lftp(route, *commands):
    """
    lftp, which types the password at the prompt of its ssh.
    """
    home = route.newDirectory()
    shell = f"{program('ssh')} -a -x -F {configuration(route, home)}"
    script = [
        "set net:max-retries 1",
        "set net:timeout 20",
        f'set sftp:connect-program "{shell}"',
        f"open -u {route.account},{route.password} sftp://{route.address}:{route.port}",
        *commands,
    ]
    return clients.run([program("lftp"), "-c", "; ".join(script)], environment(home))


def test_lftpBothWays(to, places, payload):
    here, there = places
    commands = [f"put {payload.path} -o {there}/up", f"get {there}/up -o {here}/down"]
    lftp(to("pam"), *commands).ok()
    assert payload.isIn(there / "up")
    assert payload.isIn(here / "down")


def test_lftpMirrorsWithSeveralConnections(to, places):
    here, there = places
    tree(here / "tree")
    lftp(to("pam"), f"mirror -R -P 4 {here}/tree {there}/tree").ok()
    assert listing(there / "tree") == listing(here / "tree")
    lftp(to("pam"), f"mirror -P 4 {there}/tree {here}/back").ok()
    assert listing(here / "back") == listing(here / "tree")


def rclone(route, *arguments):
    """
    rclone, with Go's SSH library.
    """
    home = route.newDirectory()
    hidden = clients.run([program("rclone"), "obscure", route.password], environment(home)).text
    options = {
        "host": route.address,
        "port": str(route.port),
        "user": route.account,
        "pass": hidden,
        "known-hosts-file": str(route.knownHosts()),
        "shell-type": "unix",
    }
    line = [program("rclone"), "--config", str(home / "none"), "--retries", "1"]
    line += [word for key, value in options.items() for word in (f"--sftp-{key}", value)]
    return clients.run([*line, *arguments], environment(home))


@pytest.mark.parametrize("kind", ["pam", "password-only"])
def test_rcloneBothWays(to, places, payload, kind):
    here, there = places
    rclone(to(kind), "copyto", str(payload.path), f":sftp:{there}/up").ok()
    assert payload.isIn(there / "up")
    rclone(to(kind), "copyto", f":sftp:{there}/up", str(here / "down")).ok()
    assert payload.isIn(here / "down")


def test_rcloneSynchronisesTreesWithChecksums(to, places):
    here, there = places
    tree(here / "tree")
    rclone(to("pam"), "sync", str(here / "tree"), f":sftp:{there}/tree").ok()
    assert listing(there / "tree") == listing(here / "tree")
    rclone(to("pam"), "check", str(here / "tree"), f":sftp:{there}/tree").ok()


@pytest.fixture
def mounted(to, places):
    """
    The directory on the host, mounted by sshfs.
    """
    here, there = places
    route, home = to("pam"), to("pam").newDirectory()
    program("fusermount3")
    point = here / "mounted"
    point.mkdir()
    if not os.access("/dev/fuse", os.W_OK):
        pytest.skip("no /dev/fuse here: sshfs cannot mount anything")
    line = [program("sshfs"), "-f", "-F", str(configuration(route, home)), "-p", str(route.port)]
    line += ["-o", "password_stdin", remote(route, there), str(point)]
    with clients.running(line, environment(home)) as process:
        process.stdin.write(route.password.encode() + b"\n")
        process.stdin.close()
        process.stdin = None
        until(lambda: process.poll() is not None or point.is_mount(), 20, "it is mounted")
        assert process.poll() is None, process.stderr.read().decode()
        yield point
        subprocess.run([program("fusermount3"), "-u", str(point)], check=True)
        process.wait(20)


def test_sshfsBothWays(mounted, places, payload):
    _, there = places
    (mounted / "up").write_bytes(payload.data)
    assert payload.isIn(there / "up")
    os.rename(there / "up", there / "down")
    until((mounted / "down").exists, 20, "the mount shows it")
    assert payload.isIn(mounted / "down")


def test_sshfsManagesFiles(mounted, places):
    _, there = places
    tree(mounted / "tree")
    assert listing(there / "tree") == listing(mounted / "tree")
    os.rename(mounted / "tree" / "d0", mounted / "d0")
    assert (there / "d0").is_dir()


def test_tarThroughAPipe(to, places):
    """
    C{tar c | ssh host tar x}, as people move trees.
    """
    here, there = places
    tree(here / "tree")
    packed = subprocess.run(["tar", "-C", str(here), "-c", "tree"], capture_output=True, check=True)
    openssh.ssh(to("pam"), f"tar -C {there} -x", data=packed.stdout).ok()
    assert listing(there / "tree") == listing(here / "tree")
    back = openssh.ssh(to("pam"), f"tar -C {there} -c tree").ok().stdout
    (here / "back").mkdir()
    subprocess.run(["tar", "-C", str(here / "back"), "-x"], input=back, check=True)
    assert listing(here / "back" / "tree") == listing(here / "tree")
