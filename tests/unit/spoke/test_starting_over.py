"""How soon an agent begins anew in place: at once, later each time, and at once again after a long life."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
import spoke
from aioclustermanager.kubernetes import Configuration
from spoke import _config
from spoke._given import Given, StartOver

from tests.unit.spoke.simulated.base import virtual
from tests.unit.spoke.simulated.loop import Loop

LIVES_S = (1.0, 1.0, 1.0, 3600.0, 1.0)


def test_an_agent_that_begins_anew_again_and_again_pauses_longer_until_a_life_was_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, lives, begun = Loop(), iter(LIVES_S), []

    class Mortal:
        def __init__(self, _: Given) -> None:
            begun.append(loop.time())

        async def run(self) -> None:
            await asyncio.sleep(next(lives))
            raise StartOver('its time has come')

    monkeypatch.setattr(_config, 'Agent', Mortal)
    monkeypatch.setattr(_config.random, 'random', lambda: 1.0)
    config = spoke.SpokeAgentConfig(spoke.AgentOptions(), spoke.SpokeAgentOptions(bootstrap_kubeconfig='/none'))
    nothing: Any = None
    side = _config._SharedSide(nothing, nothing, nothing)
    given = Given(config.common_options, config.options, {}, config.intervals, nothing, side, b'', '', nothing, nothing)
    with virtual(loop, 0), contextlib.closing(loop), pytest.raises(RuntimeError):  # there is no further life
        loop.run_until_complete(config._lives(spoke.ControllerContext(Configuration('https://none')), given))
    ended = [at + life for at, life in zip(begun, LIVES_S, strict=False)]
    pauses = [round(then - before, 3) for before, then in zip(ended, begun[1:], strict=False)]
    assert pauses[:4] == [0, 2, 4, 0]
