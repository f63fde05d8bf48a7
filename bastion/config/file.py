"""
The one place where the configuration touches the disk.
"""

from __future__ import annotations

from pathlib import Path

from bastion.config.load import load
from bastion.config.problems import ConfigurationError, Problem
from bastion.config.readers import Installed
from bastion.config.schema import Configuration


def read(path: Path, installed: Installed) -> Configuration:
    """
    Read the configuration in a file.

    @param installed: tells the extensions of a role, by name.
    @raise ConfigurationError: with every problem, in the order of the file.
    """
    # Absolute, so that a daemon that changes its directory finds its files.
    path = path.absolute()
    return load(_text(path), path.parent, installed)


def _text(path: Path) -> str:
    try:
        return decoded(path.read_bytes())
    except FileNotFoundError:
        problem = "there is no such file; check its name"
    except IsADirectoryError:
        problem = "this is a directory; name the file in it"
    except PermissionError:
        problem = "it may not be read by the user that runs this; change its permissions"
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    except ValueError as error:
        problem = str(error)
    raise ConfigurationError([Problem(str(path), problem)])


def decoded(content: bytes) -> str:
    """
    The text in a file.

    @raise ValueError: if it is not UTF-8; says where.
    """
    try:
        # Some editors put a byte order mark in front, which TOML does not know.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8; save the file as UTF-8") from None
