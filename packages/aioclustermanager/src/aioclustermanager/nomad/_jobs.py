"""Jobs: register, update, scale, stop, dispatch, force, and watch. Each change happens once or is an error."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar, cast

from .._http import Conflict, ConnectionFailed, NotFound, Repeat, ServerError
from . import _payloads
from ._agent import Agent, segment
from ._differences import Change, differences
from ._types import (
    Allocation,
    Deployment,
    Dispatched,
    Evaluation,
    Job,
    JobStub,
    Registered,
    ScaleStatus,
)

PER_PAGE = 500
T = TypeVar('T')


class Jobs:
    """The jobs of a namespace."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    # reading

    async def items(
        self, prefix: str = '', *, meta: bool = False, per_page: int = PER_PAGE
    ) -> AsyncGenerator[JobStub, None]:
        """Yield the jobs whose ID begins so, a page at a time. `meta` shows theirs (Nomad 1.6)."""
        async with aclosing(self._agent.pages('jobs', per_page, {'prefix': prefix, 'meta': meta})) as pages:
            async for page in pages:
                for stub in page:
                    yield stub

    async def get(self, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        return cast('Job', (await self._agent.read(_path(job_id))).value)

    async def find(self, job_id: str) -> Job | None:
        """Return a job, None if there is none."""
        return cast('Job | None', (await self._agent.find(_path(job_id))).value)

    async def allocations(self, job_id: str, *, earlier: bool = False) -> list[Allocation]:
        """Return the allocations of a job, the oldest first; `earlier` also those of purged jobs of this ID."""
        found = (await self._agent.read(f'{_path(job_id)}/allocations', {'all': earlier})).value or []
        return sorted(found, key=lambda allocation: allocation.get('CreateIndex', 0))

    async def evaluations(self, job_id: str) -> list[Evaluation]:
        """Return the evaluations of a job; one that is blocked says in FailedTGAllocs why there is no place."""
        return cast('list[Evaluation]', (await self._agent.read(f'{_path(job_id)}/evaluations')).value or [])

    async def deployments(self, job_id: str) -> list[Deployment]:
        """Return the deployments of a service."""
        return cast('list[Deployment]', (await self._agent.read(f'{_path(job_id)}/deployments')).value or [])

    async def scale_status(self, job_id: str) -> ScaleStatus:
        """Return how many allocations each group should have and has. Raises NotFound."""
        return cast('ScaleStatus', (await self._agent.read(f'{_path(job_id)}/scale')).value)

    # watching

    async def follow(self, job_id: str) -> AsyncGenerator[Job | None, None]:
        """Yield a job now and whenever it changed; None while there is none. Goes on through all that passes."""
        async with aclosing(self._agent.follow(_path(job_id))) as states:
            async for answer in states:
                yield answer.value

    async def changes(self, prefix: str = '') -> AsyncGenerator[Change, None]:
        """Yield every job as added, then what changes. What is over within one round trip may be seen as one change."""
        known: dict[Any, Any] = {}
        async with aclosing(self._agent.follow('jobs', {'prefix': prefix})) as states:
            async for answer in states:
                found = {(stub.get('Namespace'), stub['ID']): stub for stub in answer.value or []}
                for change in differences(known, found):
                    yield change
                known = found

    async def wait(
        self, job_id: str, accepts: Callable[[Job | None], bool], *, timeout_s: float | None = None
    ) -> Job | None:
        """Return a job as soon as it is accepted; None stands for none. Raises WaitTimedOut."""
        return cast('Job | None', await self._agent.wait(_path(job_id), accepts, timeout_s=timeout_s))

    # changing

    async def create(self, job: Job) -> Registered:
        """Register a job that is not there. Raises Conflict if one of this ID is."""
        return await self.register(job, expect=0)

    async def register(self, job: Job, *, expect: int | None = None, preserve_counts: bool = False) -> Registered:
        """Register a job, or its next version.

        expect: the JobModifyIndex of the version that was read, 0 for none; Conflict is raised when it is another.
        Without it the job becomes what is given, whatever it was before.
        preserve_counts: leave the counts of groups as they are on the server.

        An answer that got lost is asked for again; a registration that had been carried out is not carried out twice.
        """
        if expect is not None:
            return await self._register(job, expect, preserve_counts)
        return await self._until_unchanged(job['ID'], lambda found: self._register(job, _index(found), preserve_counts))

    async def update(self, job_id: str, change: Callable[[Job], Job | None]) -> Registered | None:
        """Read a job, change it and register it, anew if somebody changes it meanwhile. Raises NotFound.

        change: given the job, returns what it should be, or None to leave it as it is (then None is returned).

        Raises Conflict with `repeated` set when an answer got lost and somebody changed the job since: whether our
        change was made then, only the job can tell.
        """

        async def attempt(found: Job | None) -> Registered | None:
            if found is None:
                raise NotFound(f'there is no job {job_id} to change', status=404)
            changed = change(found)
            return None if changed is None else await self._register(changed, _index(found), preserve_counts=False)

        return await self._until_unchanged(job_id, attempt)

    async def scale(self, job_id: str, count: int, *, group: str = '', message: str = '') -> Registered:
        """Set how many allocations a group should have; the first group if none is named. Raises NotFound.

        Nomad refuses (BadRequest) while a deployment of the job is under way; `update` knows no such limit.
        """
        group = group or (await self.get(job_id))['TaskGroups'][0]['Name']
        body = {'Count': count, 'Target': {'Group': group}, 'Message': message or f'scaled to {count}'}
        try:
            answer = await self._agent.write('POST', f'{_path(job_id)}/scale', body)
        except (ConnectionFailed, ServerError):
            status = await self.scale_status(job_id)  # carried out or not: this tells
            if status['TaskGroups'].get(group, {}).get('Desired') != count:
                raise
            return await self._found(job_id, status.get('JobModifyIndex', 0))
        return cast('Registered', answer.value)

    async def stop(self, job_id: str, *, purge: bool = False) -> bool:
        """Stop a job; False if there was none. `purge` makes Nomad forget it at once."""
        try:
            await self._agent.write('DELETE', _path(job_id), query={'purge': purge})
        except NotFound as error:
            return error.repeated  # the first try was carried out, its answer lost
        return True

    async def dispatch(
        self, job_id: str, payload: bytes = b'', meta: Mapping[str, str] | None = None, *, token: str = ''
    ) -> Dispatched:
        """Run a parameterized job once. Raises NotFound, and Invalid for what its rules forbid.

        token: dispatches with the same token are one, for as long as Nomad remembers the job; by default a new one.
        """
        answer = await self._agent.write(
            'POST',
            f'{_path(job_id)}/dispatch',
            _payloads.dispatch(payload, meta),
            repeat=Repeat.SAFE,  # Nomad knows the token again
            query={'idempotency_token': token or _payloads.new_token()},
        )
        return cast('Dispatched', answer.value)

    async def force(self, job_id: str) -> str:
        """Run a periodic job now; returns the ID of the evaluation.

        Nothing is repeated once the server may have acted: after a ConnectionFailed look for a child of the job.
        """
        return str((await self._agent.write('POST', f'{_path(job_id)}/periodic/force')).value['EvalID'])

    async def evaluate(self, job_id: str, *, force_reschedule: bool = False) -> Registered:
        """Let the scheduler look at a job again, and at its failed allocations if they are to be replaced now."""
        body = {'JobID': job_id, 'EvalOptions': {'ForceReschedule': force_reschedule}}
        answer = await self._agent.write('POST', f'{_path(job_id)}/evaluate', body, repeat=Repeat.SAFE)
        return cast('Registered', answer.value)

    async def _register(self, job: Job, expect: int, preserve_counts: bool) -> Registered:
        body = _payloads.registration(job, self._agent.namespace, expect, preserve_counts)
        try:
            answer = await self._agent.write('POST', 'jobs', body, repeat=Repeat.SAFE)  # the index admits one of them
        except Conflict as error:
            found = await self.find(job['ID']) if error.repeated else None
            if found is None or not _payloads.contains(found, body['Job']):
                raise
            return await self._found(job['ID'], _index(found))  # it was an earlier try that changed the index
        return cast('Registered', answer.value)

    async def _found(self, job_id: str, index: int) -> Registered:
        """Return what the answer that got lost would have said."""
        evaluations = sorted(await self.evaluations(job_id), key=lambda each: each.get('CreateIndex', 0))
        made = [each['ID'] for each in evaluations if each.get('CreateIndex', 0) >= index]
        return {'JobModifyIndex': index, 'EvalID': made[0] if made else ''}

    async def _until_unchanged(self, job_id: str, attempt: Callable[[Job | None], Awaitable[T]]) -> T:
        """Attempt a change of what is read, again while others change it first."""
        for _ in range(10):
            try:
                return await attempt(await self.find(job_id))
            except Conflict as error:
                if error.repeated:  # nobody can tell whose change it is
                    raise
                conflict = error
        raise conflict


def _path(job_id: str) -> str:
    return f'job/{segment(job_id)}'


def _index(job: Job | None) -> int:
    return job.get('JobModifyIndex', 0) if job else 0
