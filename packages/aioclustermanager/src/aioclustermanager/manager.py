"""One way to run things on Kubernetes and on Nomad: what a program does not care to tell apart.

Every method asks the caller, which is one orchestrator's. Without further words a method raises what the caller raises:
errors of the client, and NotFoundEndpointException and ConflictCallException for writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from .exceptions import ConflictCallException, NotFoundEndpointException

logger = logging.getLogger('aioclustermanager')


class ClusterManager:
    """Runs things through a caller; closing it is its owner's business."""

    def __init__(self, caller: Any) -> None:  # the callers share names, and not all arguments
        self._caller = caller
        self._const = caller.constants

    @property
    def caller(self) -> Any:
        return self._caller

    # namespaces and nodes

    async def create_namespace(self, namespace: str) -> bool:
        """Create a namespace and wait until it shows; False if there was one."""
        if await self._caller.get_namespace(namespace) is not None:
            return False
        try:
            await self._caller.create_namespace(namespace)
        except ConflictCallException:
            return False  # somebody else was quicker
        _noted(await self._caller.wait_added('namespace', namespace), 'namespace', namespace, 'is not there yet')
        return True

    async def delete_namespace(self, namespace: str) -> bool:
        """Delete a namespace and wait until it is gone; False if there was none.

        A namespace takes as long as what is in it. After the caller's time-out the answer is True too, and a warning
        is logged: `caller.wait_deleted('namespace', NAME, timeout=...)` tells.
        """
        if await self._caller.get_namespace(namespace) is None:
            return False
        await self._caller.delete_namespace(namespace)
        _noted(await self._caller.wait_deleted('namespace', namespace), 'namespace', namespace, 'is still there')
        return True

    async def get_nodes(self) -> Any:
        return await self._caller.get_nodes()

    async def define_quota(self, name: str, cpu_limit: str | None = None, mem_limit: str | None = None) -> bool:
        """Limit the namespace `name`: what its pods request and what they may use, together."""
        await self._caller.define_quota(name, cpu_limit=cpu_limit, mem_limit=mem_limit)
        return True

    # jobs

    async def create_job(
        self,
        namespace: str,
        name: str,
        image: str,
        command: list[str] | None = None,
        args: list[str] | None = None,
        cpu_limit: str | None = None,
        mem_limit: str | None = None,
        cpu_request: str | None = None,
        mem_request: str | None = None,
        envvars: Mapping[str, str] | None = None,
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        delete: bool = False,
        timeout: float = 30,
        wait: bool = True,
        **kw: Any,
    ) -> bool:
        """Create a job; False if there was one of this name. `delete` puts the new one in its place."""
        if not await self._is_free('job', namespace, name, delete=delete):
            return False
        return await self._made(
            'job', namespace, name, self._caller.create_job(
                namespace, name, image, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
                cpu_request=cpu_request, mem_request=mem_request, envvars=dict(envvars or {}), volumes=volumes,
                volumeMounts=volumeMounts, envFrom=envFrom, entrypoint=entrypoint, **kw,
            ), replaced=delete, wait=wait, timeout=timeout,
        )  # fmt: skip

    async def list_jobs(self, namespace: str) -> Any:
        return await self._caller.list_jobs(namespace)

    async def get_job(self, namespace: str, name: str) -> Any:
        """Return a job, None if there is none."""
        return await self._caller.get_job(namespace, name)

    async def delete_job(self, namespace: str, name: str, wait: bool = False, purge: bool = True) -> Any:
        """Delete a job; True also if there was none, False if it is still there when `wait` gives up."""
        return await self._caller.delete_job(namespace, name, wait=wait, purge=purge)

    async def cleanup_jobs(self, namespace: str) -> int:
        """Delete all jobs, wait until they are gone, and return how many are left."""
        names = [job.id for job in await self.list_jobs(namespace)]
        for name in names:
            await self.delete_job(namespace, name, wait=False, purge=True)
        for name in names:
            _noted(await self._caller.wait_deleted('job', namespace, name), 'job', name, 'is still there')
        return len(await self.list_jobs(namespace))

    async def wait_for_job(self, namespace: str, name: str) -> int | None:
        """Wait until a job has ended, well or not, and return how many of its pods ended well.

        None if there is no such job, if it is deleted meanwhile, and after one hour.
        """
        found: int | None = await self._caller.wait_for_job(namespace, name)
        return found

    # executions

    async def list_jobs_executions(self, namespace: str) -> dict[str, Any]:
        """Return the executions of all jobs, by job."""
        names = [job.id for job in await self.list_jobs(namespace)]
        found = await _together([self._caller.get_job_executions(namespace, name) for name in names])
        return dict(zip(names, found, strict=True))

    async def list_job_executions(self, namespace: str, job_id: str) -> Any:
        return await self._caller.get_job_executions(namespace, job_id)

    async def get_execution_log(self, namespace: str, job_id: str, execution_id: str) -> str | None:
        """Return what an execution has written, None if there is no such execution."""
        found: str | None = await self._caller.get_execution_log(namespace, job_id, execution_id)
        return found

    async def get_execution_log_watch(self, namespace: str, job_id: str, execution_id: str) -> AsyncIterator[bytes]:
        """Yield the lines of a log, as they are written, until the execution has ended."""
        async for line in self._caller.get_execution_log_watch(namespace, job_id, execution_id):
            yield line

    async def delete_execution(self, namespace: str, job_id: str, execution_id: str, purge: bool = True) -> Any:
        """Delete an execution and wait until it is gone; as `delete_job`."""
        return await self._caller.delete_execution(namespace, job_id, execution_id, wait=True, purge=purge)

    async def wait_for_job_execution_status(self, namespace: str, name: str) -> Any:
        """Wait for executions of a job; return the orchestrator's ERROR as soon as one failed, RUNNING as soon as one
        runs, SUCCEEDED as soon as one ended well, in this order. A job that is gone is an ERROR."""
        return await self._caller.wait_for_execution_status(namespace, name)

    async def waiting_jobs(self, namespace: str) -> list[Any]:
        """Return the jobs that have no execution yet."""
        return [job for job, executions in (await self.list_jobs_executions(namespace)).items() if not len(executions)]

    async def running_jobs(self, namespace: str) -> list[Any]:
        """Return the jobs of which an execution runs."""
        return [
            job for job, executions in (await self.list_jobs_executions(namespace)).items() if executions.is_running()
        ]

    # scale

    async def get_scale_deploy(self, namespace: str, name: str) -> int | None:
        """Return how many pods there are, None if there is no such deployment."""
        found: int | None = await self._caller.get_scale_deploy(namespace, name)
        return found

    async def set_scale_deploy(self, namespace: str, name: str, scale: int) -> Any:
        """Set how many pods there should be; returns the server's answer."""
        return await self._caller.set_scale_deploy(namespace, name, scale)

    async def get_scale_statefulset(self, namespace: str, name: str) -> int | None:
        """Return how many pods there are, None if there is no such set."""
        found: int | None = await self._caller.get_scale_statefulset(namespace, name)
        return found

    async def set_scale_statefulset(self, namespace: str, name: str, scale: int) -> Any:
        """Set how many pods there should be; returns the server's answer."""
        return await self._caller.set_scale_statefulset(namespace, name, scale)

    # TensorFlow

    async def install_tfjobs(self, namespace: str, cloud: str | None = None, install_helm: bool = False) -> bool:
        """Say whether the cluster can run TFJobs: True, or an error that says what it needs. Installs nothing.

        0.3.44 installed an operator by helm 2, whose server part is gone, as are the charts: `namespace`, `cloud` and
        `install_helm` have no meaning any more.

        Raises:
            NotFoundEndpointException: the cluster serves no TFJobs.
        """
        del cloud, install_helm
        served = await self._caller.tfjob_versions()
        if not served:
            raise NotFoundEndpointException(
                f'cannot run TFJobs in {namespace}: the cluster serves no kubeflow.org; install the Kubeflow training '
                'operator (https://www.kubeflow.org/docs/components/training), then pass version="v1" to these methods'
            )
        return True

    async def create_tfjob(
        self,
        namespace: str,
        name: str,
        image: str,
        command: list[str] | None = None,
        args: list[str] | None = None,
        cpu_limit: str | None = None,
        mem_limit: str | None = None,
        envvars: Mapping[str, str] | None = None,
        workers: int = 1,
        ps: int = 1,
        masters: int = 1,
        tb_gs: str | None = None,
        delete: bool = False,
        **kw: Any,
    ) -> bool:
        """Create a TFJob; False if there was one of this name. `version='v1'` for today's operators."""
        version = {key: kw[key] for key in ('version',) if key in kw}
        if await self._caller.get_tfjob(namespace, name, **version) is not None:
            if not delete:
                return False
            await self._caller.delete_tfjob(namespace, name, wait=True, **version)
        await self._caller.create_tfjob(
            namespace, name, image, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
            envvars=dict(envvars or {}), workers=workers, ps=ps, masters=masters, tb_gs=tb_gs, **kw,
        )  # fmt: skip
        return True

    async def get_tfjob(self, namespace: str, name: str, **kw: Any) -> Any:
        return await self._caller.get_tfjob(namespace, name, **kw)

    async def delete_tfjob(self, namespace: str, name: str, wait: bool = False, **kw: Any) -> Any:
        return await self._caller.delete_tfjob(namespace, name, wait=wait, **kw)

    async def list_tfjobs(self, namespace: str, **kw: Any) -> Any:
        """Return the TFJobs, None where the cluster serves none."""
        return await self._caller.list_tfjobs(namespace, **kw)

    # configuration

    async def get_config_maps(self, namespace: str, labels: Mapping[str, str] | None = None) -> Any:
        """Return the list of config maps that have the labels, as the server gives it."""
        return await self._caller.get_config_maps(namespace, labels)

    # deployments

    async def list_deploy_pods(self, namespace: str, name: str) -> Any:
        """Return the pods of a deployment. Raises NotFoundEndpointException if there is none."""
        return await self._pods(namespace, name, 'deployment', await self.get_deploy(namespace, name))

    async def list_deploys(self, namespace: str) -> Any:
        return await self._caller.list_deploys(namespace)

    async def get_deploy(self, namespace: str, name: str) -> Any:
        """Return a deployment, None if there is none."""
        return await self._caller.get_deploy(namespace, name)

    async def delete_deploy(self, namespace: str, name: str, wait: bool, timeout: float = 60) -> Any:
        """Delete a deployment; as `delete_job`."""
        return await self._caller.delete_deploy(namespace, name, wait=wait, timeout=timeout)

    async def deploy_wait_available(self, namespace: str, name: str, timeout: float = 60) -> Any:
        """Wait until a deployment is available; True then, False after the time-out (0.3.44: None both times)."""
        return await self._caller.wait_available('deploy', namespace, name=name, timeout=timeout)

    async def create_deploy(
        self,
        namespace: str,
        name: str,
        image: str,
        labels: Mapping[str, str],
        command: list[str] | None = None,
        args: list[str] | None = None,
        cpu_limit: str | None = None,
        mem_limit: str | None = None,
        cpu_request: str | None = None,
        mem_request: str | None = None,
        envvars: Mapping[str, str] | None = None,
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        replicas: int = 1,
        delete: bool = False,
        timeout: float = 30,
        wait: bool = True,
        **kw: Any,
    ) -> bool:
        """Create a deployment; as `create_job`."""
        if not await self._is_free('deploy', namespace, name, delete=delete, timeout=timeout):
            return False
        return await self._made(
            'deploy', namespace, name, self._caller.create_deploy(
                namespace, name, image, labels, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
                cpu_request=cpu_request, mem_request=mem_request, envvars=dict(envvars or {}), volumes=volumes,
                volumeMounts=volumeMounts, envFrom=envFrom, entrypoint=entrypoint, replicas=replicas, **kw,
            ), replaced=delete, wait=wait, timeout=timeout,
        )  # fmt: skip

    # stateful sets

    async def list_statefulset_pods(self, namespace: str, name: str) -> Any:
        """Return the pods of a stateful set. Raises NotFoundEndpointException if there is none."""
        return await self._pods(namespace, name, 'stateful set', await self.get_statefulset(namespace, name))

    async def list_statefulsets(self, namespace: str) -> Any:
        return await self._caller.list_statefulsets(namespace)

    async def get_statefulset(self, namespace: str, name: str) -> Any:
        """Return a stateful set, None if there is none."""
        return await self._caller.get_statefulset(namespace, name)

    async def delete_statefulset(self, namespace: str, name: str, wait: bool, timeout: float = 60) -> Any:
        """Delete a stateful set; as `delete_job`."""
        return await self._caller.delete_statefulset(namespace, name, wait=wait, timeout=timeout)

    async def statefulset_wait_available(self, namespace: str, name: str, timeout: float = 60) -> Any:
        """Wait until all pods of a stateful set are ready; as `deploy_wait_available`."""
        return await self._caller.wait_available('statefulset', namespace, name=name, timeout=timeout)

    async def create_statefulset(
        self,
        namespace: str,
        name: str,
        image: str,
        labels: Mapping[str, str],
        command: list[str] | None = None,
        args: list[str] | None = None,
        cpu_limit: str | None = None,
        mem_limit: str | None = None,
        cpu_request: str | None = None,
        mem_request: str | None = None,
        envvars: Mapping[str, str] | None = None,
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        replicas: int = 1,
        delete: bool = False,
        timeout: float = 30,
        wait: bool = True,
        **kw: Any,
    ) -> bool:
        """Create a stateful set; as `create_job`."""
        if not await self._is_free('statefulset', namespace, name, delete=delete, timeout=timeout):
            return False
        return await self._made(
            'statefulset', namespace, name, self._caller.create_statefulset(
                namespace, name, image, labels, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
                cpu_request=cpu_request, mem_request=mem_request, envvars=dict(envvars or {}), volumes=volumes,
                volumeMounts=volumeMounts, envFrom=envFrom, entrypoint=entrypoint, replicas=replicas, **kw,
            ), replaced=delete, wait=wait, timeout=timeout,
        )  # fmt: skip

    # what the above have in common

    async def _is_free(self, kind: str, namespace: str, name: str, *, delete: bool, **timeout: float) -> bool:
        """Tell whether something can be created; with `delete` what is there is deleted first."""
        if await getattr(self._caller, f'get_{kind}')(namespace, name) is None:
            return True
        if not delete:
            return False
        gone = await getattr(self._caller, f'delete_{kind}')(namespace, name, wait=True, **timeout)
        _noted(gone, kind, name, 'is still there')
        return True

    async def _made(
        self, kind: str, namespace: str, name: str, creation: Any, *, replaced: bool, wait: bool, timeout: float
    ) -> bool:
        """Create something and wait until it shows; False if somebody else was quicker."""
        try:
            await creation
        except ConflictCallException:
            if replaced:
                raise
            return False
        if wait:
            shown = await self._caller.wait_added(kind, namespace, name=name, timeout=timeout)
            _noted(shown, kind, name, 'is not there yet')
        return True

    async def _pods(self, namespace: str, name: str, kind: str, owner: Any) -> Any:
        if owner is None:
            raise NotFoundEndpointException(f'cannot list pods: there is no {kind} {name} in {namespace}')
        labels = owner.label_selector if hasattr(owner, 'label_selector') else owner.selector
        return await self._caller.get_pods(namespace, name, labels)


async def _together(calls: list[Any]) -> list[Any]:
    """Return what all the calls answer; when one fails, none of the others goes on."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _noted(done: Any, kind: str, name: str, otherwise: str) -> None:
    """Log what a wait that gave up leaves behind; callers that answer None (of 0.3.44) do not tell."""
    if done is False:
        logger.warning('%s %s %s', kind, name, otherwise)
