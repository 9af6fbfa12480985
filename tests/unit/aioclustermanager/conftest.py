"""Fixtures for asyncio code."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest_asyncio


@pytest_asyncio.fixture
async def no_leaks() -> AsyncIterator[None]:
    """The test leaves no task running and no socket open (ResourceWarnings are errors)."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f'tasks still run: {left}'
    gc.collect()
