"""
Where the control socket of a configuration is.
"""

from __future__ import annotations

from pathlib import Path

from bastion.admin.client import Unreachable
from bastion.admin.tables import visible
from bastion.config.load import plainValues
from bastion.config.problems import ConfigurationError
from bastion.config.readers import Place, readTable
from bastion.config.schema import BastionTable, homes

#: The control socket, in the C{state_dir}.
SOCKET = "control.sock"


def socketOf(path: Path) -> Path:
    """
    The control socket of the bastion with this configuration.

    The rest of the file is not looked at: it may be ahead of the running bastion, or
    have mistakes, and the bastion has to be reached all the same.

    @raise Unreachable: when the file does not say.
    """
    path = path.absolute()
    place = Place(path.parent, lambda role: {}, homes(), ("bastion",))
    try:
        plain = plainValues(path.read_bytes().decode("utf-8-sig"))
        stateDir = readTable(BastionTable, plain.get("bastion", {}), place).values["state_dir"]
    except OSError as error:
        problem = f"{path}: {error.strerror}"
    except (ConfigurationError, UnicodeDecodeError) as error:
        problem = f"{path}: {error}"
    except KeyError:
        problem = f"{path} has no bastion.state_dir that can be used"
    else:
        return Path(stateDir) / SOCKET
    remedy = "name another file with --config, or the control socket with --socket"
    raise Unreachable(f"{visible(problem)}; {remedy}")
