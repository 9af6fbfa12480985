"""The caller: what a program asks of Kubernetes, with the methods, arguments and answers of 0.3.44."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import ModuleType
from typing import Any

from .. import kubernetes
from .._old_errors import as_of_old
from ..exceptions import ConflictCallException, NotFoundEndpointException
from ..kubernetes import resources, waits
from . import const
from ._operations import DELETE_OPS, GET_OPS, POST_OPS, PUT_OPS, WATCH_OPS, resource, tfjobs
from ._requests import Json, Requests
from .delete import K8SDelete
from .deploy import K8SDeploy
from .deploy_list import K8SDeployList
from .executions_list import K8SExecutionList
from .job import K8SJob
from .job_list import K8SJobList
from .namespace import K8SNamespace
from .node_list import K8SNodeList
from .quota import K8SQuota
from .scale import K8SScale
from .service import K8SService
from .statefulset import K8SStatefulSet
from .statefulset_list import K8SStatefulSetList
from .tf_job import GROUP, VERSIONS, K8STFJob
from .tf_job_list import K8STFJobList

__all__ = [
    'DELETE_OPS',
    'GET_OPS',
    'POST_OPS',
    'PUT_OPS',
    'WATCH_OPS',
    'ConflictCallException',
    'K8SCaller',
    'NotFoundEndpointException',
]
Labels = Mapping[str, str] | str
_JOB_S = 3600.0
_JOB_LABEL = 'job-name'


class K8SCaller(Requests):
    """An API server. `client` is the typed client it stands on."""

    constants: ModuleType = const
    _type = 'k8s'

    @property
    def type(self) -> str:
        return self._type

    # namespaces, nodes, quotas

    async def get_namespace(self, namespace: str) -> K8SNamespace | None:
        found = await self.client.find(resources.NAMESPACES, namespace)
        return None if found is None else K8SNamespace(data=found)

    async def create_namespace(self, namespace: str) -> Json:
        """Create a namespace. Raises ConflictCallException if there is one."""
        return await self._create(resources.NAMESPACES, K8SNamespace(namespace).payload())

    async def delete_namespace(self, namespace: str) -> Json | None:
        """Begin to delete a namespace; returns it as it is, None if there is none or it is being deleted already."""
        return await self._delete(resources.NAMESPACES, namespace)

    async def define_quota(self, namespace: str, cpu_limit: str | None = None, mem_limit: str | None = None) -> Json:
        """Limit what a namespace's pods request and use; a second call changes the limits of the first."""
        quota = K8SQuota(namespace=namespace, max_cpu=cpu_limit, max_memory=mem_limit).payload()
        try:
            return await self._create(resources.RESOURCE_QUOTAS, quota, namespace)
        except ConflictCallException:
            name, replacement = (
                quota['metadata']['name'],
                [{'op': 'replace', 'path': '/spec/hard', 'value': quota['spec']['hard']}],
            )
            with as_of_old():
                return await self.client.patch(
                    resources.RESOURCE_QUOTAS, name, replacement, namespace, kind=kubernetes.Patch.JSON
                )

    async def get_nodes(self) -> K8SNodeList:
        return K8SNodeList(data=await self.client.list(resources.NODES))

    # scale

    async def get_scale_statefulset(self, namespace: str, name: str) -> int | None:
        """Return how many pods there are, None if there is no such set."""
        return await self._scale_of('statefulset', namespace, name)

    async def set_scale_statefulset(self, namespace: str, name: str, scale: int) -> Json:
        """Set how many pods there should be. Raises NotFoundEndpointException."""
        return await self._set_scale('statefulset', namespace, name, scale)

    async def get_scale_deploy(self, namespace: str, name: str) -> int | None:
        """Return how many pods there are, None if there is no such deployment."""
        return await self._scale_of('deploy', namespace, name)

    async def set_scale_deploy(self, namespace: str, name: str, scale: int) -> Json:
        """Set how many pods there should be. Raises NotFoundEndpointException."""
        return await self._set_scale('deploy', namespace, name, scale)

    async def _scale_of(self, kind: str, namespace: str, name: str) -> int | None:
        try:
            found = await self.client.get(resource(kind), name, namespace, subresource='scale')
        except kubernetes.NotFound:
            return None
        return int((found.get('status') or {}).get('replicas') or 0)

    async def _set_scale(self, kind: str, namespace: str, name: str, scale: int) -> Json:
        body = {**K8SScale(namespace, name, scale).payload(), 'apiVersion': 'autoscaling/v1'}
        with as_of_old():
            return await self.client.replace(resource(kind), body, namespace, subresource='scale')

    # one of them; None if there is none

    async def get_job(self, namespace: str, name: str) -> K8SJob | None:
        found = await self.client.find(resources.JOBS, name, namespace)
        return None if found is None else K8SJob(data=found)

    async def get_service(self, namespace: str, name: str) -> K8SService | None:
        found = await self.client.find(resources.SERVICES, name, namespace)
        return None if found is None else K8SService(data=found)

    async def get_deploy(self, namespace: str, name: str) -> K8SDeploy | None:
        found = await self.client.find(resources.DEPLOYMENTS, name, namespace)
        return None if found is None else K8SDeploy(data=found)

    async def get_statefulset(self, namespace: str, name: str) -> K8SStatefulSet | None:
        found = await self.client.find(resources.STATEFUL_SETS, name, namespace)
        return None if found is None else K8SStatefulSet(data=found)

    async def get_tfjob(self, namespace: str, name: str, version: str = VERSIONS[0]) -> K8STFJob | None:
        found = await self.client.find(tfjobs(version), name, namespace)
        return None if found is None else K8STFJob(data=found)

    # executions

    async def get_job_executions(self, namespace: str, name: str) -> K8SExecutionList:
        """Return the pods of a job."""
        return await self.get_pods(namespace, name, {_JOB_LABEL: name})

    async def get_pods(self, namespace: str, name: str, labels: Labels) -> K8SExecutionList:  # noqa: ARG002
        """Return the pods that have all the labels, or that a selector written as text chooses."""
        return K8SExecutionList(data=await self.client.list(resources.PODS, namespace, labels=labels))

    async def get_execution_log(self, namespace: str, job_id: str, execution_id: str) -> str | None:  # noqa: ARG002
        """Return what a pod has written, None if there is no such pod."""
        found: str | None = await self.get(resources.PODS.one(execution_id, namespace, 'log'), noaccept=True)
        return found

    async def get_execution_log_watch(
        self,
        namespace: str,
        job_id: str,  # noqa: ARG002
        execution_id: str,
    ) -> AsyncGenerator[bytes, None]:
        """Yield a pod's lines as they are written, with their ends, until it has ended; waits for it to start.

        Raises NotFoundEndpointException if there is no such pod.
        """
        pod = await waits.until(self.client, resources.PODS, execution_id, namespace, _has_begun)
        if pod is None:
            raise NotFoundEndpointException(
                f'cannot follow the log of pod {execution_id}: there is none in {namespace}'
            )
        url = resources.PODS.one(execution_id, namespace, 'log') + '?follow=true'
        with as_of_old():
            async with aclosing(self._watch_log(url, timeout=None)) as lines:
                async for line in lines:
                    yield line

    # deleting: True also if there was none; with `wait` False if it is still there when the time is over

    async def delete_job(self, namespace: str, name: str, wait: bool = False, purge: bool = True) -> bool:
        return await self._deleted('job', namespace, name, wait, purge)

    async def delete_deploy(
        self, namespace: str, name: str, wait: bool = False, purge: bool = True, timeout: float = 60
    ) -> bool:
        return await self._deleted('deploy', namespace, name, wait, purge, timeout)

    async def delete_statefulset(
        self, namespace: str, name: str, wait: bool = False, purge: bool = True, timeout: float = 60
    ) -> bool:
        return await self._deleted('statefulset', namespace, name, wait, purge, timeout)

    async def delete_service(self, namespace: str, name: str, purge: bool = True) -> bool:
        return await self._deleted('service', namespace, name, False, purge)

    async def delete_execution(
        self,
        namespace: str,
        job_id: str,  # noqa: ARG002
        execution_id: str,
        wait: bool = False,
        purge: bool = True,
    ) -> bool:
        return await self._deleted('execution', namespace, execution_id, wait, purge)

    async def delete_tfjob(self, namespace: str, name: str, wait: bool = False, version: str = VERSIONS[0]) -> bool:
        await self._delete(tfjobs(version), name, namespace)
        return not wait or await self._wait('tfjob', namespace, name, waits.is_gone, 30, version)

    async def _deleted(
        self, kind: str, namespace: str, name: str, wait: bool, purge: bool, timeout_s: float = 30
    ) -> bool:
        await self._delete(resource(kind), name, namespace, purge)
        return not wait or await self.wait_deleted(kind, namespace, name, timeout=timeout_s)

    async def _delete(
        self, what: kubernetes.Resource, name: str, namespace: str = '', purge: bool = True
    ) -> Json | None:
        policy = K8SDelete(purge).payload()['propagationPolicy']
        try:
            return await self.client.delete(what, name, namespace, propagation=policy)
        except (kubernetes.NotFound, kubernetes.Conflict):  # conflict: being deleted already
            return None

    # all of them

    async def list_deploys(self, namespace: str) -> K8SDeployList:
        return K8SDeployList(data=await self.client.list(resources.DEPLOYMENTS, namespace))

    async def list_statefulsets(self, namespace: str) -> K8SStatefulSetList:
        return K8SStatefulSetList(data=await self.client.list(resources.STATEFUL_SETS, namespace))

    async def list_jobs(self, namespace: str) -> K8SJobList:
        return K8SJobList(data=await self.client.list(resources.JOBS, namespace))

    async def list_tfjobs(self, namespace: str, version: str = VERSIONS[0]) -> K8STFJobList | None:
        """Return the TFJobs, None where the cluster serves none of this version."""
        with contextlib.suppress(kubernetes.NotFound):
            return K8STFJobList(data=await self.client.list(tfjobs(version), namespace))
        return None

    async def tfjob_versions(self) -> list[str]:
        """Return the versions of Kubeflow's API that the cluster serves."""
        group = await self.get(f'/apis/{GROUP}')
        return [] if group is None else [each['version'] for each in group.get('versions') or []]

    async def get_config_maps(self, namespace: str, labels: Labels | None = None) -> Json:
        """Return the list of config maps that have the labels, as the server gives it."""
        return await self.client.list(resources.CONFIG_MAPS, namespace, labels=labels or '')

    # creating: ConflictCallException if there is one of this name, NotFoundEndpointException without the namespace

    async def create_service(
        self,
        namespace: str,
        name: str,
        ports: list[Any],
        selector: dict[str, str],
        type: str,
        labels: dict[str, str] | None = None,
    ) -> Json:
        service = K8SService(namespace, name, ports, selector, type, labels=labels)
        return await self._create(resources.SERVICES, service.payload(), namespace)

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
        envvars: Mapping[str, str] | None = None,
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        replicas: int = 1,
        **kw: Any,
    ) -> Json:
        deploy = K8SDeploy(
            namespace, name, image, labels=labels, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
            envvars=envvars, volumes=volumes, volumeMounts=volumeMounts, envFrom=envFrom, entrypoint=entrypoint,
            replicas=replicas, **kw,
        )  # fmt: skip
        return await self._create(resources.DEPLOYMENTS, deploy.payload(), namespace)

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
        envvars: Mapping[str, str] | None = None,
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        replicas: int = 1,
        **kw: Any,
    ) -> Json:
        statefulset = K8SStatefulSet(
            namespace, name, image, labels=labels, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
            envvars=envvars, volumes=volumes, volumeMounts=volumeMounts, envFrom=envFrom, entrypoint=entrypoint,
            replicas=replicas, **kw,
        )  # fmt: skip
        return await self._create(resources.STATEFUL_SETS, statefulset.payload(), namespace)

    async def create_job(
        self,
        namespace: str,
        name: str,
        image: str,
        command: list[str] | None = None,
        args: list[str] | None = None,
        cpu_limit: str | None = None,
        mem_limit: str | None = None,
        envvars: Mapping[str, str] | None = None,
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        privileged: bool = False,
        annotations: Mapping[str, str] | None = None,
        **kw: Any,
    ) -> Json:
        job = K8SJob(
            namespace, name, image, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
            envvars=envvars, volumes=volumes, volumeMounts=volumeMounts, envFrom=envFrom, entrypoint=entrypoint,
            privileged=privileged, annotations=annotations, **kw,
        )  # fmt: skip
        return await self._create(resources.JOBS, job.payload(), namespace)

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
        volumes: list[Any] | None = None,
        volumeMounts: list[Any] | None = None,
        envFrom: list[Any] | None = None,
        entrypoint: list[str] | None = None,
        **kw: Any,
    ) -> Json:
        """Create a TFJob; `version='v1'` for today's operators."""
        job = K8STFJob(
            namespace, name, image, command=command, args=args, cpu_limit=cpu_limit, mem_limit=mem_limit,
            envvars=envvars, workers=workers, ps=ps, masters=masters, tb_gs=tb_gs, volumes=volumes,
            volumeMounts=volumeMounts, envFrom=envFrom, entrypoint=entrypoint, **kw,
        )  # fmt: skip
        return await self._create(tfjobs(kw.get('version') or VERSIONS[0]), job.payload(), namespace)

    async def _create(self, what: kubernetes.Resource, body: Json, namespace: str = '') -> Json:
        with as_of_old():
            return await self.client.create(what, body, namespace)

    # waiting for jobs

    async def wait_for_job(self, namespace: str, name: str) -> int | None:
        """Wait until a job has ended, well or not, and return how many of its pods ended well.

        None if there is no such job, if it is deleted meanwhile, and after one hour.
        """
        try:
            job = await waits.until(self.client, resources.JOBS, name, namespace, _is_over, timeout_s=_JOB_S)
        except kubernetes.DeadlineExceeded:
            return None
        return None if job is None else int((job.get('status') or {}).get('succeeded') or 0)

    async def wait_for_execution_status(self, namespace: str, name: str) -> str:
        """Wait for the pods of a job; see ClusterManager.wait_for_job_execution_status."""
        pods = asyncio.ensure_future(self._pods_status(namespace, name))
        job = asyncio.ensure_future(waits.until(self.client, resources.JOBS, name, namespace, _is_over))
        try:
            await asyncio.wait({pods, job}, return_when=asyncio.FIRST_COMPLETED)
            if pods.done():
                return pods.result()
            told = _told(await self.get_job_executions(namespace, name))
            return told or (const.SUCCEEDED if waits.condition('Complete')(job.result()) else const.ERROR)
        finally:
            for task in (pods, job):
                task.cancel()
            await asyncio.gather(pods, job, return_exceptions=True)

    async def _pods_status(self, namespace: str, name: str) -> str:
        """Wait until the pods of a job have a status to tell."""
        known: dict[str, Json] = {}
        listed = False
        watch = self.client.watch(resources.PODS, namespace, labels={_JOB_LABEL: name}, bookmarks=True)
        async with aclosing(watch) as events:
            async for event in events:
                if event.type == 'BOOKMARK':
                    listed = True
                elif event.type == 'DELETED':
                    known.pop(event.object['metadata']['name'], None)
                else:
                    known[event.object['metadata']['name']] = event.object
                told = _told(K8SExecutionList(data={'items': list(known.values())}))
                if listed and told:
                    return told
        raise RuntimeError('a watch ended by itself')


def _told(executions: K8SExecutionList) -> str | None:
    """Return what the executions of a job say of it; None while they say nothing."""
    if executions.has_failed_anytime():
        return const.ERROR
    if executions.is_running():
        return const.RUNNING
    return const.SUCCEEDED if executions.is_done() else None


def _is_over(job: Json | None) -> bool:
    return job is None or waits.is_finished(job)


def _has_begun(pod: Json | None) -> bool:
    """Whether a pod's log can be read (or there is no pod to wait for)."""
    return pod is None or (pod.get('status') or {}).get('phase') not in (None, const.PENDING)
