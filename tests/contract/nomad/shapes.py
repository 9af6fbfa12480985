"""Jobs to test with."""

from __future__ import annotations

from typing import Any

from aioclustermanager.nomad import Client
from aioclustermanager.nomad._types import Allocation, Job


def script(job_id: str, text: str, *, kind: str = 'batch', count: int = 1, **more: Any) -> Job:
    """Return a job that runs a shell script: a batch that neither restarts nor is rescheduled, or a service."""
    group: dict[str, Any] = {
        'Name': 'main',
        'Count': count,
        'RestartPolicy': {'Attempts': 0, 'Mode': 'fail'},
        'Tasks': [
            {
                'Name': 'sh',
                'Driver': 'raw_exec',
                'Config': {'command': '/bin/sh', 'args': ['-c', text]},
                'Resources': {'CPU': 20, 'MemoryMB': 16},
            }
        ],
    }
    if kind == 'batch':
        group['ReschedulePolicy'] = {'Attempts': 0, 'Unlimited': False}
    else:
        group['Update'] = {'MaxParallel': 4, 'MinHealthyTime': 1_000_000, 'HealthCheck': 'task_states'}
    return {'ID': job_id, 'Type': kind, 'Datacenters': ['*'], 'TaskGroups': [group], **more}


def image(job_id: str, name: str, *, kind: str = 'batch', count: int = 1, **more: Any) -> Job:
    """Return a job of an image that the stand-in knows."""
    task = {'Name': 'sh', 'Driver': 'docker', 'Config': {'image': name}}
    group = {'Name': 'main', 'Count': count, 'RestartPolicy': {'Attempts': 0, 'Mode': 'fail'}, 'Tasks': [task]}
    group['ReschedulePolicy'] = {'Attempts': 0, 'Unlimited': False}
    return {'ID': job_id, 'Type': kind, 'Datacenters': ['*'], 'TaskGroups': [group], **more}


def is_dead(job: Job | None) -> bool:
    return job is not None and job['Status'] == 'dead'


def is_running(job: Job | None) -> bool:
    return job is not None and job['Status'] == 'running'


def has_begun(job: Job | None) -> bool:
    """Whether it runs, or has ended already: one that is short may do so between two looks."""
    return job is not None and job['Status'] != 'pending'


async def allocation(client: Client, job_id: str) -> Allocation:
    """Return the first allocation of a job, once it has one."""
    async for found in client.allocations.of_job(job_id):
        if found:
            return found[0]
    raise AssertionError
