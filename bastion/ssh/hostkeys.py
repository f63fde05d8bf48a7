"""
Host keys: what a public one looks like, and the bastion's own, which are read
from files and made when they are missing.

The files have the names, the format and the permissions that OpenSSH gives
them (sshd(8), ssh-keygen(1)), so that its tools read them and that the keys of
an sshd can be moved here.  A key that is there is never replaced: to the users
a new one looks like an attack.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import shlex
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.conch.ssh.keys import EncryptedKeyError, Key

from bastion.algorithms import HOST_KEYS, keyFormat
from bastion.interfaces import BastionError
from bastion.wire import Malformed, Reader, shown

_FORMATS = frozenset(keyFormat(name) for name in HOST_KEYS)

# SEC 1 section 2.3.3: an uncompressed point is 4 and two coordinates.
_POINT_SIZES = {b"nistp256": 65, b"nistp384": 97, b"nistp521": 133}

# A private key of 16,384 bits takes less than a quarter of this.
_LARGEST_FILE = 64 * 1024

_REPLACE = "move it and its .pub away and a new one is made (users will be warned that it changed)"


class HostKeyError(BastionError):
    """
    The bastion cannot use or make its host keys.

    @ivar problems: every reason, each a sentence with the file and the remedy.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@frozen
class _Kind:
    """
    One of the keys that a bastion has.

    @ivar name: the file in the directory.
    @ivar format: the key format, RFC 4253 section 6.6.
    @ivar generate: makes a new one.
    """

    name: str
    format: bytes
    generate: Callable[[], ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey]


_KINDS = (
    _Kind("ssh_host_ed25519_key", b"ssh-ed25519", ed25519.Ed25519PrivateKey.generate),
    _Kind("ssh_host_rsa_key", b"ssh-rsa", lambda: rsa.generate_private_key(65537, 3072)),
)

# Conch's own methods carry no annotations.
_keyFromString: Callable[..., Key] = Key.fromString
_publicBlob: Callable[[Key], bytes] = Key.blob
_sshType: Callable[[Key], bytes] = Key.sshType


def fingerprint(blob: bytes) -> str:
    """
    A public key as people compare it, in the form that OpenSSH prints.
    """
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).rstrip(b"=").decode("ascii")


def blobFormat(blob: bytes) -> bytes:
    """
    The key format of a public key blob (RFC 4253 section 6.6, RFC 5656 section
    3.1, RFC 8709 section 4).

    @raise Malformed: when it is no whole key of a type that we know.
    """
    reader = Reader(blob)
    name = reader.string(64)
    if name not in _FORMATS:
        raise Malformed(f"unknown key type {shown(name)!r}")
    if name == b"ssh-ed25519":
        whole = len(reader.string()) == 32
    elif name == b"ssh-rsa":
        whole = len(reader.string()) > 0 and len(reader.string()) > 0
    else:
        curve, point = reader.string(), reader.string()
        size = _POINT_SIZES.get(curve)
        whole = name.endswith(curve) and len(point) == size and point.startswith(b"\4")
    reader.end()
    if not whole:
        raise Malformed(f"a damaged key of type {shown(name)}")
    return name


def loadHostKeys(directory: Path) -> dict[bytes, Key]:
    """
    The host keys kept in a directory; the missing ones are made first, but
    only when those that are there are good.

    @return: the private keys by key format, preferred first.
    @raise HostKeyError: with all problems of all files.
    """
    found: dict[bytes, Key] = {}
    problems: list[str] = []
    for kind in _KINDS:
        try:
            key = _read(directory / kind.name, kind)
        except HostKeyError as error:
            problems.extend(error.problems)
        else:
            if key is not None:
                found[kind.format] = key
    if problems:
        raise HostKeyError(*problems)
    keys = {}
    for kind in _KINDS:
        path = directory / kind.name
        keys[kind.format] = found[kind.format] if kind.format in found else _make(path, kind)
        _completePublicHalf(path, keys[kind.format])
    return keys


def _read(path: Path, kind: _Kind) -> Key | None:
    """
    @return: the key; L{None} when there is no such file.
    """
    try:
        # Without O_NONBLOCK a FIFO of this name would stop the start for ever.
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            problems = _permissionProblems(path, os.fstat(file.fileno()))
            if problems:
                raise HostKeyError(*problems)
            text = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        if path.is_symlink():
            raise HostKeyError(
                f"{path}: is a symbolic link to nothing; restore what it names or remove it"
            ) from None
        return None
    except OSError as error:
        raise HostKeyError(
            f"{path}: cannot be read ({error.strerror}); make it a file of the bastion's user: "
            f"chown {os.geteuid()} {shlex.quote(str(path))}"
        ) from error
    return _parse(path, kind, text)


def _permissionProblems(path: Path, status: os.stat_result) -> list[str]:
    """
    Why this file is no place for a secret; symbolic links are followed, and
    what counts is the file at their end.
    """
    if not stat.S_ISREG(status.st_mode):
        return [f"{path}: is not a regular file; {_REPLACE}"]
    problems = []
    quoted = shlex.quote(str(path))
    if status.st_uid not in (0, os.geteuid()):
        problems.append(
            f"{path}: belongs to user {status.st_uid}, who could replace it; "
            f"chown {os.geteuid()} {quoted}"
        )
    if status.st_mode & 0o077:
        problems.append(
            f"{path}: its mode {stat.S_IMODE(status.st_mode):04o} lets other users at the key; "
            f"chmod 600 {quoted}"
        )
    return problems


def _parse(path: Path, kind: _Kind, text: bytes) -> Key:
    """
    The errors below are not chained, for those of the parsers can quote the key.
    """
    try:
        key = _keyFromString(text, type="PRIVATE_OPENSSH")
        if len(text) > _LARGEST_FILE or not _agreesWithPublicHalf(key, text):
            raise ValueError
    except EncryptedKeyError:
        raise HostKeyError(
            f"{path}: is encrypted with a passphrase, and nobody is there to type it; "
            f"remove it: ssh-keygen -p -N '' -f {shlex.quote(str(path))}"
        ) from None
    except Exception:
        raise HostKeyError(
            f"{path}: is not a whole private key in OpenSSH's format; restore it from a backup, "
            f"or {_REPLACE}"
        ) from None
    if _sshType(key) != kind.format:
        raise HostKeyError(
            f"{path}: holds a key of type {shown(_sshType(key))} instead of {shown(kind.format)}; "
            f"{_REPLACE}"
        )
    return key


def _agreesWithPublicHalf(key: Key, text: bytes) -> bool:
    """
    Whether the public half stored in the file (OpenSSH's PROTOCOL.key) is that
    of the private one.  Any 32 bytes are an Ed25519 key, so that a damaged one
    would be served as a new identity; of the older PEM files, which hold no
    Ed25519 keys, the parser checks the numbers against each other.
    """
    if not text.startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----"):
        return True
    decoded = base64.b64decode(b"".join(text.strip().splitlines()[1:-1]))
    reader = Reader(decoded.removeprefix(b"openssh-key-v1\0"))
    for _ in ("cipher", "kdf", "kdf options"):
        reader.string()
    reader.uint32()
    return reader.string() == _publicBlob(key)


def _make(path: Path, kind: _Kind) -> Key:
    """
    Make a key and its file.  Should another process be quicker, its key counts.
    """
    text = kind.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _install(path, text, 0o600)
    except OSError as error:
        raise HostKeyError(
            f"{path}: cannot be made ({error.strerror}); let the bastion's user write to "
            f"{path.parent}, or make the key there: ssh-keygen -N '' -t {shown(kind.format[4:])} "
            f"-f {shlex.quote(str(path))}"
        ) from error
    installed = _read(path, kind)
    if installed is None:
        raise HostKeyError(f"{path}: was removed as soon as it was made; start again")
    return installed


def _install(path: Path, content: bytes, mode: int) -> None:
    """
    Make a file appear whole or not at all, whatever happens on the way.

    @raise FileExistsError: when there is one of this name; it stays as it is.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # the umask may have taken bits away
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces anything.
        os.link(temporary, path)
    finally:
        os.unlink(temporary)
    _syncDirectory(path.parent)


def _syncDirectory(directory: Path) -> None:
    """
    Let the names of new files outlast a power failure.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _completePublicHalf(path: Path, key: Key) -> None:
    """
    Put the public half, to be handed to users, beside a private key that lacks
    it: a new one, or one that a crash left alone.
    """
    public = path.with_name(path.name + ".pub")
    # Like OpenSSH, with a comment to tell it by in a list of keys.
    comment = f"bastion@{socket.gethostname()}".encode()
    text = b" ".join((_sshType(key), base64.b64encode(_publicBlob(key)), comment)) + b"\n"
    # The bastion does not need it: a directory that only root may write to is
    # no reason not to start.
    with contextlib.suppress(OSError):
        if not public.exists():
            _install(public, text, 0o644)
