"""
A bastion that does nothing but to answer, and what asks it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

# What the tests share is a package beside them.
sys.path.insert(0, str(Path(__file__).parent))

import pytest
import pytest_twisted
from operating.console import Said, Typed, say
from operating.operations import FakeOperations
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from bastion.admin.service import controlService


@pytest.fixture
def operations() -> FakeOperations:
    """
    A bastion that does nothing.
    """
    return FakeOperations()


@pytest_twisted.async_yield_fixture
async def bastionctl(operations: FakeOperations, tmp_path: Path) -> Any:
    """
    C{bastionctl} beside a running bastion: give it arguments, and what is typed if there
    is a terminal.
    """
    service: Any = controlService(operations, tmp_path, reactor)
    service.privilegedStartService()
    service.startService()
    socket = str(tmp_path / "control.sock")

    def ask(*arguments: str, typed: str | None = None) -> Awaitable[Said]:
        stdin = io.StringIO() if typed is None else Typed(typed)
        return deferToThread(say, ["--socket", socket, *arguments], stdin)

    yield ask
    await service.stopService()
