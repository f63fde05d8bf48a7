"""
Tests of L{bastion.admin.service}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from operating.answers import STATUS
from operating.operations import FakeOperations
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from zope.interface.verify import verifyObject

from bastion.admin.client import ControlClient, Unreachable
from bastion.admin.service import controlService
from bastion.gateway.service import CannotListen


@pytest_twisted.ensureDeferred
async def test_serviceAnswersWhileItRuns(operations: FakeOperations, tmp_path: Path) -> None:
    service: Any = controlService(operations, tmp_path, reactor)
    verifyObject(IService, service)
    client = ControlClient(tmp_path / "control.sock")
    with pytest.raises(Unreachable):
        client.ask("/status")

    with capturedLogs() as logs:
        service.privilegedStartService()
        service.startService()
    assert await deferToThread(client.ask, "/status") == STATUS
    (event,) = [event for event in logs if "path" in event]
    assert event["path"] == str(client.path)

    await service.stopService()
    with pytest.raises(Unreachable):
        client.ask("/status")


@pytest_twisted.ensureDeferred
async def test_serviceCanBeStartedAgain(operations: FakeOperations, tmp_path: Path) -> None:
    service: Any = controlService(operations, tmp_path, reactor)
    for _ in range(2):
        service.privilegedStartService()
        service.startService()
        await service.stopService()
    assert service.stopService() is None


def test_socketIsMadeByTheUserThatTheProcessEndsUpAs(
    operations: FakeOperations, tmp_path: Path
) -> None:
    """
    Whatever is opened with privileges is open before that.
    """
    service: Any = controlService(operations, tmp_path, reactor)
    service.privilegedStartService()
    assert [path.name for path in tmp_path.iterdir()] == ["control.lock"]
    assert service.stopService() is None


def test_secondBastionInADirectoryDoesNotEvenOpenWhatIsInIt(
    operations: FakeOperations, tmp_path: Path
) -> None:
    first: Any = controlService(operations, tmp_path, reactor)
    first.privilegedStartService()
    second: Any = controlService(operations, tmp_path, reactor)
    with pytest.raises(CannotListen) as caught, capturedLogs() as logs:
        second.privilegedStartService()
    assert str(caught.value).startswith(f"the control socket: {tmp_path}/control.lock is locked")
    assert [event["problem"] for event in logs] == [str(caught.value).partition(": ")[2]]
    assert second.stopService() is None
    assert first.stopService() is None
    second.privilegedStartService()
    assert second.stopService() is None
