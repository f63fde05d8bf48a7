"""
The bastion's own host keys, which are read from files.  Those that it cannot do
without are made when they are missing.

The files have the names, the format and the permissions that OpenSSH gives
them (sshd(8), ssh-keygen(1)), so that its tools read them and that the keys of
an sshd can be moved here.  A key that is there is never replaced: to the users
a new one looks like an attack.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shlex
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.conch.ssh.keys import EncryptedKeyError, Key

from bastion.interfaces import BastionError
from bastion.ssh.signing import HostKey
from bastion.wholefile import create
from bastion.wire import Reader, shown

# A private key of 16,384 bits takes less than a quarter of this.
_LARGEST_FILE = 64 * 1024

_AWAY = "move it and its .pub away"


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
    @ivar formats: the key formats (RFC 4253 section 6.6) that it may have, each with
        what makes ssh-keygen(1) make it.
    @ivar generate: makes a new one; L{None} for a key that is the operator's to make.
    """

    name: str
    formats: Mapping[bytes, str]
    generate: Callable[[], ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey] | None = None

    @property
    def replace(self) -> str:
        """
        How to be rid of a bad one, and what comes of it.
        """
        if self.generate is None:
            return f"{_AWAY} (the bastion has no such key then)"
        return f"{_AWAY} and a new one is made (users will be warned that it changed)"


# The preferred ones first.
_KINDS = (
    _Kind(
        "ssh_host_ed25519_key", {b"ssh-ed25519": "-t ed25519"}, ed25519.Ed25519PrivateKey.generate
    ),
    _Kind(
        "ssh_host_ecdsa_key",
        {
            b"ecdsa-sha2-nistp256": "-t ecdsa",
            b"ecdsa-sha2-nistp384": "-t ecdsa -b 384",
            b"ecdsa-sha2-nistp521": "-t ecdsa -b 521",
        },
    ),
    _Kind(
        "ssh_host_rsa_key", {b"ssh-rsa": "-t rsa"}, lambda: rsa.generate_private_key(65537, 3072)
    ),
)

_OPENSSH = (Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())

# Conch's own methods carry no annotations.
_keyFromString: Callable[..., Key] = HostKey.fromString
_publicBlob: Callable[[Key], bytes] = Key.blob
_sshType: Callable[[Key], bytes] = Key.sshType


def keygenCommand(directory: Path, keyFormat: bytes) -> str:
    """
    How an operator makes a key of this format for L{loadHostKeys}.
    """
    (kind,) = (kind for kind in _KINDS if keyFormat in kind.formats)
    path = shlex.quote(str(directory / kind.name))
    return f"ssh-keygen -N '' {kind.formats[keyFormat]} -f {path}"


def loadHostKeys(directory: Path) -> dict[bytes, Key]:
    """
    The host keys kept in a directory: Ed25519, RSA, and ECDSA if there is one.
    Of the first two, missing ones are made, but only when those that are there
    are good.

    @return: the private keys by key format, preferred first.
    @raise HostKeyError: with all problems of all files.
    """
    found: dict[str, Key] = {}
    problems: list[str] = []
    for kind in _KINDS:
        try:
            key = _read(directory / kind.name, kind)
        except HostKeyError as error:
            problems.extend(error.problems)
        else:
            if key is not None:
                found[kind.name] = key
    if problems:
        raise HostKeyError(*problems)
    keys = {}
    for kind in _KINDS:
        path = directory / kind.name
        if kind.generate is not None and kind.name not in found:
            found[kind.name] = _make(path, kind, kind.generate().private_bytes(*_OPENSSH))
        if kind.name in found:
            key = found[kind.name]
            keys[_sshType(key)] = key
            _completePublicHalf(path, key)
    return keys


def _read(path: Path, kind: _Kind) -> Key | None:
    """
    @return: the key; L{None} when there is no such file.
    """
    try:
        # Without O_NONBLOCK a FIFO of this name would stop the start for ever.
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            problems = _permissionProblems(path, kind, os.fstat(file.fileno()))
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


def _permissionProblems(path: Path, kind: _Kind, status: os.stat_result) -> list[str]:
    """
    Why this file is no place for a secret; symbolic links are followed, and
    what counts is the file at their end.
    """
    if not stat.S_ISREG(status.st_mode):
        return [f"{path}: is not a regular file; {kind.replace}"]
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
        keyFormat = _sshType(key)  # fails for a curve that SSH does not have
    except EncryptedKeyError:
        raise HostKeyError(
            f"{path}: is encrypted with a passphrase, and nobody is there to type it; "
            f"remove it: ssh-keygen -p -N '' -f {shlex.quote(str(path))}"
        ) from None
    except Exception:
        raise HostKeyError(
            f"{path}: is not a whole private key in OpenSSH's format; restore it from a backup, "
            f"or {kind.replace}"
        ) from None
    if keyFormat not in kind.formats:
        raise HostKeyError(
            f"{path}: holds a key of type {shown(keyFormat)} instead of "
            f"{' or '.join(map(shown, kind.formats))}; {kind.replace}"
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


def _make(path: Path, kind: _Kind, text: bytes) -> Key:
    """
    Make the file of a new key.  Should another process be quicker, its key counts.
    """
    keyFormat = next(iter(kind.formats))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            create(path, text)
    except OSError as error:
        raise HostKeyError(
            f"{path}: cannot be made ({error.strerror}); let the bastion's user write to "
            f"{path.parent}, or make the key there: {keygenCommand(path.parent, keyFormat)}"
        ) from error
    installed = _read(path, kind)
    if installed is None:
        raise HostKeyError(f"{path}: was removed as soon as it was made; start again")
    return installed


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
            create(public, text, 0o644)
