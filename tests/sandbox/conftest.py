from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.practice_mailbox import PracticeMailbox
from sandbox.practice_platform import PlatformSettings
from sandbox.running import RunningPlatform, start_platform_in_thread
from tests.sandbox.conversation import MONDAY_MORNING, Authority


@pytest.fixture(scope="session")
def running_platform() -> Iterator[RunningPlatform]:
    with start_platform_in_thread() as running:
        yield running


@pytest.fixture
def platform(running_platform: RunningPlatform) -> RunningPlatform:
    """A platform that remembers nothing and whose clock stands on Monday morning."""
    running_platform.reset(PlatformSettings(seed=7, now=MONDAY_MORNING))
    return running_platform


@pytest.fixture
def authority(platform: RunningPlatform) -> Iterator[Authority]:
    talking = Authority(platform.url)
    yield talking
    talking.http.close()


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[PracticeMailbox]:
    with PracticeMailbox(tmp_path / "mail") as running:
        yield running
