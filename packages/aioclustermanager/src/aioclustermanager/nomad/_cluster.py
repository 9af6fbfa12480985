"""Allocations, deployments, nodes and namespaces."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import cast

from .._http import NotFound, Repeat
from ._agent import Agent, segment
from ._logs import Log
from ._types import Allocation, Deployment, Evaluation, Namespace, Node, Registered, Stream

PER_PAGE = 500


class Allocations:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def items(self, *, per_page: int = PER_PAGE) -> AsyncGenerator[Allocation, None]:
        """Yield the allocations of the namespace, a page at a time."""
        async with aclosing(self._agent.pages('allocations', per_page)) as pages:
            async for page in pages:
                for allocation in page:
                    yield allocation

    async def get(self, allocation_id: str) -> Allocation:
        """Return an allocation. Raises NotFound."""
        return cast('Allocation', (await self._agent.read(f'allocation/{segment(allocation_id)}')).value)

    async def of_job(self, job_id: str) -> AsyncGenerator[list[Allocation], None]:
        """Yield the allocations of a job, the oldest first: now, and whenever they changed."""
        async with aclosing(self._agent.follow(f'job/{segment(job_id)}/allocations')) as states:
            async for answer in states:
                yield sorted(answer.value or [], key=lambda allocation: allocation.get('CreateIndex', 0))

    async def wait(
        self, allocation_id: str, accepts: Callable[[Allocation | None], bool], *, timeout_s: float | None = None
    ) -> Allocation | None:
        """Return an allocation as soon as it is accepted; None stands for none. Raises WaitTimedOut."""
        path = f'allocation/{segment(allocation_id)}'
        return cast('Allocation | None', await self._agent.wait(path, accepts, timeout_s=timeout_s))

    async def stop(self, allocation_id: str) -> str:
        """Stop an allocation; the scheduler replaces it if its job wants it. Returns the ID of the evaluation."""
        path = f'allocation/{segment(allocation_id)}/stop'
        answer = await self._agent.write('POST', path, repeat=Repeat.SAFE)  # it is stopped once
        return str(answer.value['EvalID'])

    async def log(self, allocation_id: str, task: str, *, stream: Stream = 'stdout', tail: int | None = None) -> bytes:
        """Return what a task has written until now, or the last bytes of it. Raises NotFound if it has not started."""
        return await Log(self._agent, allocation_id, task, stream).whole(tail)

    async def follow_log(
        self, allocation_id: str, task: str, *, stream: Stream = 'stdout', tail: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield what a task has written and writes, in pieces, until it is dead; no byte is missing, none comes twice.

        Waits for a task that has not started; raises NotFound if there is no such allocation. `tail` leaves out all
        but the last bytes of what is there, and needs a token that may read files (read-fs).
        """
        async with aclosing(Log(self._agent, allocation_id, task, stream).follow(tail)) as pieces:
            async for piece in pieces:
                yield piece


class Deployments:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def items(self, *, per_page: int = PER_PAGE) -> AsyncGenerator[Deployment, None]:
        """Yield the deployments of the namespace, a page at a time."""
        async with aclosing(self._agent.pages('deployments', per_page)) as pages:
            async for page in pages:
                for deployment in page:
                    yield deployment

    async def get(self, deployment_id: str) -> Deployment:
        """Return a deployment. Raises NotFound."""
        return cast('Deployment', (await self._agent.read(f'deployment/{segment(deployment_id)}')).value)

    async def allocations(self, deployment_id: str) -> list[Allocation]:
        path = f'deployment/allocations/{segment(deployment_id)}'
        return cast('list[Allocation]', (await self._agent.read(path)).value or [])

    async def wait(
        self, deployment_id: str, accepts: Callable[[Deployment | None], bool], *, timeout_s: float | None = None
    ) -> Deployment | None:
        """Return a deployment as soon as it is accepted; None stands for none. Raises WaitTimedOut."""
        path = f'deployment/{segment(deployment_id)}'
        return cast('Deployment | None', await self._agent.wait(path, accepts, timeout_s=timeout_s))

    async def pause(self, deployment_id: str, *, pause: bool = True) -> None:
        """Pause a deployment, or let it go on."""
        body = {'DeploymentID': deployment_id, 'Pause': pause}
        await self._agent.write('POST', f'deployment/pause/{segment(deployment_id)}', body, repeat=Repeat.SAFE)

    async def promote(self, deployment_id: str) -> None:
        """Let the canaries of all groups take over."""
        body = {'DeploymentID': deployment_id, 'All': True}
        await self._agent.write('POST', f'deployment/promote/{segment(deployment_id)}', body)

    async def fail(self, deployment_id: str) -> Registered:
        """End a deployment as failed; with AutoRevert the job goes back to its last stable version."""
        answer = await self._agent.write('POST', f'deployment/fail/{segment(deployment_id)}')
        return cast('Registered', answer.value)


class Evaluations:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def get(self, evaluation_id: str) -> Evaluation:
        """Return an evaluation. Raises NotFound."""
        return cast('Evaluation', (await self._agent.read(f'evaluation/{segment(evaluation_id)}')).value)

    async def wait(
        self, evaluation_id: str, accepts: Callable[[Evaluation | None], bool], *, timeout_s: float | None = None
    ) -> Evaluation | None:
        """Return an evaluation as soon as it is accepted; None stands for none. Raises WaitTimedOut."""
        path = f'evaluation/{segment(evaluation_id)}'
        return cast('Evaluation | None', await self._agent.wait(path, accepts, timeout_s=timeout_s))


class Nodes:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def items(self, *, per_page: int = PER_PAGE) -> AsyncGenerator[Node, None]:
        """Yield the nodes, a page at a time; their Attributes are not in it."""
        async with aclosing(self._agent.pages('nodes', per_page)) as pages:
            async for page in pages:
                for node in page:
                    yield node

    async def get(self, node_id: str) -> Node:
        """Return a node. Raises NotFound."""
        return cast('Node', (await self._agent.read(f'node/{segment(node_id)}')).value)

    async def set_eligible(self, node_id: str, *, eligible: bool) -> None:
        """Let the scheduler place allocations on a node, or no longer; those that run there stay."""
        body = {'NodeID': node_id, 'Eligibility': 'eligible' if eligible else 'ineligible'}
        await self._agent.write('POST', f'node/{segment(node_id)}/eligibility', body, repeat=Repeat.SAFE)


class Namespaces:
    """Those of Nomad (1.0 and later)."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def items(self, prefix: str = '', *, per_page: int = PER_PAGE) -> AsyncGenerator[Namespace, None]:
        """Yield the namespaces that the token may see."""
        async with aclosing(self._agent.pages('namespaces', per_page, {'prefix': prefix})) as pages:
            async for page in pages:
                for namespace in page:
                    yield namespace

    async def find(self, name: str) -> Namespace | None:
        """Return a namespace, None if there is none."""
        return cast('Namespace | None', (await self._agent.find(f'namespace/{segment(name)}')).value)

    async def wait(
        self, name: str, accepts: Callable[[Namespace | None], bool], *, timeout_s: float | None = None
    ) -> Namespace | None:
        """Return a namespace as soon as it is accepted; None stands for none. Raises WaitTimedOut."""
        path = f'namespace/{segment(name)}'
        return cast('Namespace | None', await self._agent.wait(path, accepts, timeout_s=timeout_s))

    async def apply(self, name: str, *, description: str = '') -> None:
        """Create a namespace, or change it to this."""
        body = {'Name': name, 'Description': description}
        await self._agent.write('POST', f'namespace/{segment(name)}', body, repeat=Repeat.SAFE)

    async def delete(self, name: str) -> bool:
        """Delete a namespace; False if there was none. Raises Conflict while jobs run in it."""
        try:
            await self._agent.write('DELETE', f'namespace/{segment(name)}')
        except NotFound as error:
            return error.repeated  # the first try was carried out, its answer lost
        return True
