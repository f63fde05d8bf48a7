"""
What is built can be installed and run elsewhere.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: object, cwd: Path) -> str:
    """
    Run a program; its output.
    """
    done = subprocess.run(
        [str(each) for each in command], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    An environment of its own, with nothing but the wheel in it.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("bastion-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    constraints = ("--constraint", ROOT / "constraints.txt")
    run(*pip, "--python", python, "install", "--no-compile", *constraints, wheel, cwd=folder)
    return folder / "venv"


def test_theWheelBringsThePlugin(installed: Path, tmp_path: Path) -> None:
    text = run(installed / "bin" / "twistd", "bastion", "--help", cwd=tmp_path)
    assert "--config" in text


def test_theWheelBringsTheExtensions(installed: Path, tmp_path: Path) -> None:
    script = (
        "from bastion.config.installed import installed\n"
        "from bastion.interfaces import IHealthCheck, IStrategy\n"
        "from bastion.state import IStateStore\n"
        "for role in (IStrategy, IHealthCheck, IStateStore):\n"
        "    print(*installed(role))"
    )
    lines = run(installed / "bin" / "python", "-c", script, cwd=tmp_path).splitlines()
    assert lines == [
        "least-bandwidth least-sessions ordered quickest random round-robin user-hash",
        "handshake identification tcp",
        "memory",
    ]


def test_theWheelDoesNotBringTwistedsOwnFiles(installed: Path) -> None:
    (plugins,) = installed.glob("lib/python3*/site-packages/twisted/plugins")
    ours = {path.name for path in plugins.glob("bastion_*.py")}
    assert ours == {"bastion_service.py", "bastion_extensions.py"}
