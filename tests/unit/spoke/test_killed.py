"""An agent that dies at any of its requests: the next one finishes what it began (SPOKE_KILLS=all: at every one).

And one that dies while it writes a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aioclustermanager.kubernetes import Transport, resources
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

    async def is_gone() -> bool:
        return await world.secret('hub-kubeconfig-secret-pending') is None

    await world.until(is_gone)


MORTAL = 'import signal, spoke._cli; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); raise SystemExit(spoke._cli.main())'
FILES = ('agent-name', 'cluster-name', 'kubeconfig', 'tls.crt', 'tls.key')


@contextlib.contextmanager
def mortal_agent(world: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command, in a process that the kernel kills where it writes more to a file than its limit lets it."""
    management = world.spoke_cluster.kubeconfig(world.folder / 'management.kubeconfig')
    command = [
        sys.executable, '-B', '-c', MORTAL, 'agent', f'--bootstrap-kubeconfig={world.bootstrap}', '--agent-id=b2c4d',
        f'--spoke-cluster-name={world.name}', f'--hub-kubeconfig-dir={world.dir}', f'--kubeconfig={management}',
        '--listen=127.0.0.1:0', f'--namespace={world.namespace}', '--disable-leader-election',
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.asyncio
async def test_41_killed_in_the_middle_of_a_file_it_leaves_the_old_one_and_goes_on_with_the_secret(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    with mortal_agent(world) as process:
        await world.joined()
        old = {name: (world.dir / name).read_bytes() for name in FILES}
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (len(old['tls.key']) // 2, resource.RLIM_INFINITY))
        await world.spoke.delete(resources.SECRETS, 'hub-kubeconfig-secret', world.namespace)
        assert await asyncio.to_thread(process.wait, 60) == -signal.SIGXFSZ
    new = decoded(await world.secret()).data
    assert new['tls.crt'] != old['tls.crt'], 'it died before it wrote the files'
    assert {name: (world.dir / name).read_bytes() for name in FILES} == old
    assert {path.stat().st_mode & 0o777 for path in world.dir.iterdir()} == {0o600}
    world.start(world.config())

    async def are_as_the_secret() -> bool:
        return {path.name: path.read_bytes() for path in world.dir.iterdir()} == new

    await world.until(are_as_the_secret)
    assert decoded(await world.secret()).data == new
    assert len(await world.requests()) == 2
