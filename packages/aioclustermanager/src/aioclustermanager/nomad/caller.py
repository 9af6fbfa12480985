"""The caller: what a program asks of Nomad, with the methods, arguments and answers of 0.3.44.

Namespaces are emulated by job IDs that begin with them, unless the configuration says `'namespaces': 'real'`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import ModuleType
from typing import Any

from .. import _http
from .._old_errors import as_of_old
from ..exceptions import ConflictCallException, NotFoundEndpointException
from . import _templates, const
from ._absent import Absent
from ._agent import Query
from ._operations import DELETE_OPS, GET_OPS, POST_OPS, WATCH_OPS
from ._requests import Json, Requests, lines
from ._types import Job, JobStub
from .client import Client, WaitTimedOut
from .executions_list import NomadExecutionList
from .job import NomadJob
from .job_list import NomadJobList
from .namespace import NomadNamespace
from .node_list import NomadNodeList

__all__ = [
    'DELETE_OPS',
    'GET_OPS',
    'POST_OPS',
    'WATCH_OPS',
    'ConflictCallException',
    'NomadCaller',
    'NotFoundEndpointException',
]
logger = logging.getLogger(__name__)
_JOB_S = 3600.0


class NomadCaller(Requests, Absent):
    """A Nomad agent. `client` is the typed client it stands on."""

    constants: ModuleType = const
    _type = 'nomad'

    @property
    def type(self) -> str:
        return self._type

    @property
    def _emulates(self) -> bool:
        return not self.client.settings.real_namespaces

    def _in(self, namespace: str) -> Client:
        """Return the client of the namespace that Nomad knows."""
        return self.client if self._emulates else self.client.within(namespace)

    def _id(self, namespace: str, name: str) -> str:
        return _templates.emulated_id(namespace, name) if self._emulates else name

    # namespaces, nodes, quotas

    async def get_namespace(self, namespace: str) -> NomadNamespace | None:
        """Return a namespace; an emulated one is always there."""
        if self._emulates:
            return NomadNamespace(name=namespace)
        found = await self.client.namespaces.find(namespace)
        return None if found is None else NomadNamespace(data=found)

    async def create_namespace(self, namespace: str) -> bool:
        if not self._emulates:
            with as_of_old():
                await self.client.namespaces.apply(namespace)
        return True

    async def delete_namespace(self, namespace: str) -> bool:
        """Purge the jobs of a namespace, and delete it if it is a real one."""
        for job in await self.list_jobs(namespace):
            await self.delete_job(namespace, job.id)  # which looks whose it is: lists of Nomad before 1.6 do not tell
        if not self._emulates:
            with as_of_old():
                await self.client.namespaces.delete(namespace)
        return True

    async def get_nodes(self) -> NomadNodeList:
        return NomadNodeList(data=[node async for node in self.client.nodes.items()])

    async def define_quota(self, namespace: str, cpu_limit: Any = None, mem_limit: Any = None) -> None:
        """Do nothing: quotas are a matter of Nomad Enterprise."""
        logger.warning(
            'no limit of %s is set (cpu %s, memory %s): Nomad has no quotas', namespace, cpu_limit, mem_limit
        )

    # jobs

    async def get_job(self, namespace: str, name: str) -> NomadJob | None:
        """Return a job, None if there is none."""
        found = await self._in(namespace).jobs.find(self._id(namespace, name))
        if found is None or not self._is_of(namespace, found):
            return None
        return NomadJobList([found], namespace, emulated=self._emulates).values()[0]

    async def list_jobs(self, namespace: str) -> NomadJobList:
        """Return all jobs of a namespace, of whatever type, in the order of their IDs."""
        prefix = _templates.emulated_id(namespace, '') if self._emulates else ''
        stubs = self._in(namespace).jobs.items(prefix, meta=self._emulates)
        found = [stub async for stub in stubs if self._is_of(namespace, stub)]
        return NomadJobList(found, namespace, emulated=self._emulates)

    def _is_of(self, namespace: str, job: Job | JobStub) -> bool:
        """Whether a job whose ID begins like those of an emulated namespace is not another's."""
        return not self._emulates or _templates.owner(job) in (None, namespace)

    async def create_job(
        self,
        namespace: str,
        name: str,
        image: str,
        command: list[str] | None = None,
        args: list[str] | None = None,
        cpu_limit: Any = None,
        mem_limit: Any = None,
        envvars: Mapping[str, Any] | None = None,
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        **kw: Any,
    ) -> Json:
        """Register a job; returns Nomad's answer. Raises ConflictCallException if there is one of this name.

        cpu_limit is in MHz, mem_limit in MB. Also understood: nomad_constraints, docker_network_mode, templates,
        datacenters. What Nomad has no place for (volumeMounts, envFrom, requests) is ignored.
        """
        del volumeMounts, envFrom
        job = NomadJob(
            namespace, name, image, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
            envvars=envvars, volumes=volumes, entrypoint=entrypoint, **{'datacenters': [self.datacenters], **kw},
        )  # fmt: skip
        if not self._emulates:
            job._raw = _templates.renamed(job.payload(), name)
        with as_of_old():
            return dict(await self._in(namespace).jobs.create(job.payload()['Job']))

    async def delete_job(self, namespace: str, name: str, wait: bool = False, purge: bool = True) -> bool:
        """Stop a job; True also if there was none. Raises WaitTimedOut."""
        if await self.get_job(namespace, name) is None:
            return True
        await self._in(namespace).jobs.stop(self._id(namespace, name), purge=purge)
        if wait:
            await self.wait_deleted('job', namespace, name)
        return True

    async def get_scale_deploy(self, namespace: str, name: str) -> int | None:
        """Return how many allocations of its first group a job should have, None if there is no such job."""
        job = await self.get_job(namespace, name)
        return None if job is None else job.scale

    async def set_scale_deploy(self, namespace: str, name: str, scale: int) -> Json:
        """Set how many allocations the first group of a job should have; returns Nomad's answer.

        What others change at the same time is kept. Raises NotFoundEndpointException.
        """

        def change(found: Job) -> Job:
            if not self._is_of(namespace, found):
                raise _http.NotFound(f'there is no job {name} in {namespace}', status=404)
            first, *others = found['TaskGroups']
            return {**found, 'TaskGroups': [{**first, 'Count': scale}, *others]}

        with as_of_old():
            return dict(await self._in(namespace).jobs.update(self._id(namespace, name), change) or {})

    # executions

    async def get_job_executions(self, namespace: str, name: str) -> NomadExecutionList:
        """Return the allocations of a job, the oldest first."""
        found = await self._in(namespace).jobs.allocations(self._id(namespace, name))
        return NomadExecutionList(data=found)

    async def get_execution_log(self, namespace: str, job_id: str, execution_id: str) -> str | None:
        """Return what an allocation has written (stdout), None if it is not there or has not started."""
        client = self._in(namespace)
        try:
            task = await self._task(namespace, job_id, execution_id)
            return (await client.allocations.log(execution_id, task)).decode('utf-8', 'replace')
        except _http.NotFound:
            return None

    async def get_execution_log_watch(
        self, namespace: str, job_id: str, execution_id: str
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines of an allocation as they are written (stdout), with their ends, until its task has ended.

        Raises NotFoundEndpointException if there is no such allocation.
        """
        with as_of_old():
            task = await self._task(namespace, job_id, execution_id)
            pieces = self._in(namespace).allocations.follow_log(execution_id, task)
            async with aclosing(lines(pieces)) as found:
                async for line in found:
                    yield line

    async def _task(self, namespace: str, job_id: str, execution_id: str) -> str:
        """Return the task whose log is meant: the one named like the job, or the only one there is. Raises NotFound."""
        own = self._id(namespace, job_id)
        states = (await self._in(namespace).allocations.get(execution_id)).get('TaskStates') or {}
        return own if own in states or len(states) != 1 else next(iter(states))

    async def delete_execution(
        self, namespace: str, job_id: str, execution_id: str, wait: bool = False, purge: bool = True
    ) -> bool:
        """Stop an allocation; Nomad starts another if the job wants it. `purge` means nothing here."""
        del purge
        try:
            await self._in(namespace).allocations.stop(execution_id)
        except _http.NotFound:
            return True
        if wait:
            await self.wait_deleted('execution', namespace, job_id, execution_id)
        return True

    # waits: WaitTimedOut, which is an asyncio.TimeoutError, when the time is over

    async def wait_added(self, kind: str, namespace: str, name: str | None = None, timeout: float = 30) -> Any:
        """Wait until a job (by name) or an execution (by its ID) is there and no longer pending; returns its JSON.

        An emulated namespace is there at once, a real one when it shows.
        """
        if kind == 'namespace':
            return await self._wait_namespace(namespace, timeout)
        return await self._wait(kind, namespace, name, _is_begun, timeout)

    async def wait_deleted(
        self,
        kind: str,
        namespace: str,
        name: str | None = None,
        execution_id: str | None = None,
        timeout: float = 30,
    ) -> bool:
        """Wait until a job or an execution is gone or at its end, or until a namespace has no jobs; True then."""
        if kind == 'namespace':
            return await self._wait_no_jobs(namespace, timeout)
        await self._wait(kind, namespace, execution_id if kind == 'execution' else name, _is_ended, timeout)
        return True

    async def _wait(self, kind: str, namespace: str, name: str | None, accepts: Any, timeout_s: float) -> Any:
        if kind not in ('job', 'execution') or not name:
            raise ValueError(f'wait for which of job, execution and namespace, and of what name? Not {kind} {name}')
        client = self._in(namespace)
        if kind == 'execution':
            return await client.allocations.wait(name, accepts, timeout_s=timeout_s)
        return await client.jobs.wait(self._id(namespace, name), accepts, timeout_s=timeout_s)

    async def _wait_namespace(self, namespace: str, timeout_s: float) -> bool:
        if not self._emulates:
            await self.client.namespaces.wait(namespace, lambda found: found is not None, timeout_s=timeout_s)
        return True

    async def _wait_no_jobs(self, namespace: str, timeout_s: float) -> bool:
        if not self._emulates:
            await self.client.namespaces.wait(namespace, lambda found: found is None, timeout_s=timeout_s)
            return True
        query: Query = {'prefix': _templates.emulated_id(namespace, ''), 'meta': True}
        await self._door.wait(
            'jobs',
            lambda stubs: not any(self._is_of(namespace, stub) for stub in stubs or []),
            query=query,
            timeout_s=timeout_s,
        )
        return True

    async def wait_for_job(self, namespace: str, name: str) -> int | None:
        """Wait until a job has ended, well or not; 1 if its last allocation ended well, else 0.

        None if there is no such job, if it is purged meanwhile, and after one hour.
        """
        try:
            job = await self._wait('job', namespace, name, _is_ended, _JOB_S)
        except WaitTimedOut:
            return None
        if job is None:
            return None
        return 1 if (await self.get_job_executions(namespace, name)).is_done() else 0

    async def wait_for_execution_status(self, namespace: str, name: str) -> str:
        """Wait for the allocations of a job; see ClusterManager.wait_for_job_execution_status."""
        told = asyncio.ensure_future(self._executions_status(namespace, name))
        ended = asyncio.ensure_future(self._wait('job', namespace, name, _is_ended, _JOB_S))
        try:
            await asyncio.wait({told, ended}, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                return told.result()
            ended.result()
            return _told(await self.get_job_executions(namespace, name)) or const.ERROR
        finally:
            for task in (told, ended):
                task.cancel()
            await asyncio.gather(told, ended, return_exceptions=True)

    async def _executions_status(self, namespace: str, name: str) -> str:
        states = self._in(namespace).allocations.of_job(self._id(namespace, name))
        async with aclosing(states):
            async for allocations in states:
                if told := _told(NomadExecutionList(data=allocations)):
                    return told
        raise RuntimeError('what is followed ended by itself')


def _is_begun(found: Any) -> bool:
    """Whether a job or an allocation is there and no longer pending."""
    return found is not None and _status(found) != const.PENDING


def _is_ended(found: Any) -> bool:
    """Whether a job or an allocation is gone or at its end."""
    return found is None or _status(found) in (const.DEAD, const.SUCCEEDED, const.FAILED, 'lost')


def _status(found: Any) -> str:
    return str(found.get('ClientStatus') or found.get('Status') or '')


def _told(executions: NomadExecutionList) -> str | None:
    """Return what the executions of a job say of it; None while they say nothing."""
    if executions.has_failed_anytime():
        return const.ERROR
    if executions.is_running():
        return const.RUNNING
    return const.SUCCEEDED if len(executions) and executions.is_done() else None
