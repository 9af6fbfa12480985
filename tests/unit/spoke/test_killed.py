"""An agent that dies at any of its requests: the next one finishes what it began (SPOKE_KILLS=all: at every one)."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from aioclustermanager.kubernetes import Transport
from spoke import _certificates, _given, _validity
from spoke._names import Names
from spoke._secrets import decoded

MOMENTS = range(1, 31) if os.environ.get('SPOKE_KILLS') == 'all' else (7, 11, 15)


class Death:
    """From the k-th request of agents on, nothing is answered any more, as if the process were gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, carried_out: bool) -> None:
        self.left, self.came = at, asyncio.Event()
        self.is_over = False
        real = Transport.request

        async def request(transport: Transport, *arguments: Any, **more: Any) -> Any:
            if self.is_over or _given.USER_AGENT.encode() not in transport._common:
                return await real(transport, *arguments, **more)
            self.left -= 1
            if self.left == 0 and carried_out:
                await real(transport, *arguments, **more)
            if self.left <= 0:
                self.came.set()
                await asyncio.Event().wait()
            return await real(transport, *arguments, **more)

        monkeypatch.setattr(Transport, 'request', request)


@pytest.mark.asyncio
@pytest.mark.parametrize('carried_out', [False, True], ids=['before', 'after'])
@pytest.mark.parametrize('at', MOMENTS)
async def test_41_killed_at_a_request_and_started_again_it_joins_with_one_request_more_at_most(
    world: Any, monkeypatch: pytest.MonkeyPatch, at: int, carried_out: bool
) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    death = Death(monkeypatch, at, carried_out=carried_out)
    agent = world.start(world.config())
    joined = asyncio.ensure_future(world.joined())
    await asyncio.wait([asyncio.ensure_future(death.came.wait()), joined], return_when=asyncio.FIRST_COMPLETED)
    await world.stop(agent, joined)
    world.tasks.remove(agent)
    death.came.set()
    await asyncio.sleep(0)
    death.is_over = True
    names = Names(world.name, 'b2c4d')
    secret = await world.secret()
    assert secret is None or _validity.is_consistent(dict(decoded(secret).data), names)
    for path in world.dir.glob('*'):
        assert path.stat().st_size > 0
    world.start(world.config())
    await world.joined()
    assert len(await world.requests()) <= 2
    assert _certificates.fits(
        (world.dir / 'tls.key').read_bytes(), _certificates.chain((world.dir / 'tls.crt').read_bytes())
    )
    assert await world.secret('hub-kubeconfig-secret-pending') is None
