"""Evaluations, allocations, the tasks in them, and deployments: what makes a registered job happen.

A task of the driver `raw_exec` is executed. Any other does what its program says (Program), which stands in the
configuration of the task when its driver is `mock_driver` (the keys of Nomad's own driver of that name), or is looked
up by image for `docker`.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime
import fnmatch
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _jobs, _wire
from ._logs import LogFiles
from ._state import Row, State, new_id, now_ns

TERMINAL = ('complete', 'failed', 'lost')
NEVER = '0001-01-01T00:00:00Z'


@dataclass(frozen=True)
class Program:
    """What a task does: write, wait, write again, end. `run_for_s` None runs until it is stopped."""

    stdout: bytes = b''
    stderr: bytes = b''
    run_for_s: float | None = 0.0
    repeat: int = 0  # how many times more stdout is written, evenly over run_for_s
    exit_code: int = 0
    start_error: str = ''
    command: tuple[str, ...] = ()  # executed instead of all that
    environment: Mapping[str, str] = field(default_factory=dict)


def program(task: Row, job: Row, images: Mapping[str, Program]) -> Program:
    """Return what a task does."""
    config = task['Config'] or {}
    if task['Driver'] == 'raw_exec':
        told = {**(job['Meta'] or {}), **(task['Meta'] or {})}
        meta = {f'NOMAD_META_{name}': value for name, value in told.items()}
        environment = {'PATH': '/usr/bin:/bin', **meta, **(task['Env'] or {})}
        return Program(command=(config['command'], *(config.get('args') or [])), environment=environment)
    default = Program(run_for_s=None if job['Type'] == 'service' else 0.0)
    if task['Driver'] != 'mock_driver':
        return images.get(str(config.get('image')), default)
    run_for = config.get('run_for')
    return Program(
        stdout=str(config.get('stdout_string', '')).encode(),
        stderr=str(config.get('stderr_string', '')).encode(),
        run_for_s=_wire.seconds(run_for) if run_for else default.run_for_s,
        repeat=int(config.get('stdout_repeat', 0)),
        exit_code=int(config.get('exit_code', 0)),
        start_error=str(config.get('start_error', '')),
    )


class Scheduler:
    """Brings what runs in line with the jobs. `pace` is the length of a second of Nomad's own delays."""

    def __init__(self, state: State, images: Mapping[str, Program], pace: float) -> None:
        self.state = state
        self.images = images
        self.pace = pace
        self.logs: dict[tuple[str, str, str], LogFiles] = {}  # (allocation, task, stdout|stderr)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._later: set[asyncio.Task[None]] = set()
        self._processes: set[asyncio.Task[int]] = set()

    async def stop(self) -> None:
        everything = [*self._running.values(), *self._later]
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, *self._processes, return_exceptions=True)
        self._running.clear()
        self._later.clear()

    # jobs

    def upsert_job(self, job: Row) -> int:
        """Keep a canonical job if it says something new; return the JobModifyIndex it then has."""
        key = (job['Namespace'], job['ID'])
        existing = self.state.get('jobs', *key)
        if existing and _jobs.specification(existing) == _jobs.specification(job):
            return int(existing['JobModifyIndex'])
        index = self.state.index + 1
        version = existing['Version'] + 1 if existing else 0
        owned = {'JobModifyIndex': index, 'Version': version, 'Stable': False, 'SubmitTime': now_ns()}
        owned |= {'Status': existing['Status'] if existing else 'pending', 'StatusDescription': ''}
        self.state.put('jobs', key, {**job, **owned}, 'JobRegistered')
        return index

    def deregister(self, namespace: str, job_id: str, *, purge: bool) -> None:
        job = self.state.get('jobs', namespace, job_id)
        if job is None and purge:
            raise _wire.Refused(500, 'DeleteJob failed: job not found')
        if job is None:
            raise _wire.Refused(500, f'job "{job_id}" in namespace "{namespace}" doesn\'t exist to be deregistered')
        if purge:
            self.state.drop('jobs', (namespace, job_id), 'JobDeregistered')
        else:
            index = self.state.index + 1
            changed = {'Stop': True, 'JobModifyIndex': index, 'Version': job['Version'] + 1}
            self.state.put('jobs', (namespace, job_id), job | changed, 'JobDeregistered')

    def evaluate(self, namespace: str, job_id: str, trigger: str) -> Row:
        """Note an evaluation and carry it out soon."""
        job = self.state.get('jobs', namespace, job_id)
        evaluation_id = new_id()
        evaluation = {
            'ID': evaluation_id,
            'Namespace': namespace,
            'JobID': job_id,
            'JobModifyIndex': job['JobModifyIndex'] if job else 0,
            'Priority': 50,
            'Type': job['Type'] if job else 'service',
            'TriggeredBy': trigger,
            'Status': 'pending',
            'StatusDescription': '',
            'FailedTGAllocs': None,
        }
        stored = self.state.put('evals', (evaluation_id,), evaluation, 'EvaluationUpdated')
        self._soon(0, self._carry_out, evaluation_id)
        return stored

    def _soon(self, delay_s: float, do: Any, *arguments: object) -> None:
        async def later() -> None:
            await asyncio.sleep(delay_s)
            do(*arguments)

        task = asyncio.ensure_future(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _carry_out(self, evaluation_id: str) -> None:
        evaluation = self.state.get('evals', evaluation_id)
        if evaluation is None:
            return
        namespace, job_id = evaluation['Namespace'], evaluation['JobID']
        job = self.state.get('jobs', namespace, job_id)
        unplaced: Row = {}
        if job is None or job['Stop']:
            self._stop_allocations(namespace, job_id)
        elif not (job['Periodic'] or job['ParameterizedJob']):
            self._stop_strangers(job)
            unplaced = self._place(job, evaluation_id)
        ended = {'Status': 'blocked' if unplaced else 'complete', 'FailedTGAllocs': unplaced or None}
        self.state.put('evals', (evaluation_id,), evaluation | ended, 'EvaluationUpdated')
        self.settle(namespace, job_id)

    def settle(self, namespace: str, job_id: str) -> None:
        """Give a job the status that follows from its allocations and evaluations."""
        job = self.state.get('jobs', namespace, job_id)
        if job is None:
            return
        status = self._status(job)
        if status != job['Status']:
            self.state.put('jobs', (namespace, job_id), job | {'Status': status}, 'JobRegistered')

    def _status(self, job: Row) -> str:
        if job['Periodic'] or job['ParameterizedJob']:
            return 'dead' if job['Stop'] else 'running'
        allocations = self.allocations(job['Namespace'], job['ID'])
        if any(one['ClientStatus'] not in TERMINAL for one in allocations):
            return 'running'
        waiting = any(
            one['Status'] in ('pending', 'blocked')
            for one in self.state.rows('evals')
            if (one['Namespace'], one['JobID']) == (job['Namespace'], job['ID'])
        )
        if not job['Stop'] and (waiting or not allocations):
            return 'pending'
        return 'dead'

    # allocations

    def allocations(self, namespace: str, job_id: str, *, earlier: bool = False) -> list[Row]:
        """Return the allocations of a job, in the order of their IDs as the server lists them.

        Those of a purged job of the same ID only on demand, or when no new one took its place.
        """
        rows = list(self.state.rows('allocs', lambda row: (row['Namespace'], row['JobID']) == (namespace, job_id)))
        job = self.state.get('jobs', namespace, job_id)
        if job is None or earlier:
            return rows
        return [row for row in rows if row['Job']['CreateIndex'] == job['CreateIndex']]

    def _place(self, job: Row, evaluation_id: str) -> Row:
        """Start what is missing and stop what is too much; return why groups could not be placed."""
        unplaced: Row = {}
        wanted: set[str] = set()
        deployment = self._deployment(job)
        for group in job['TaskGroups']:
            for number in range(group['Count']):
                name = f'{job["ID"]}.{group["Name"]}[{number}]'
                wanted.add(name)
                if self._is_served(job, group, name):
                    continue
                node = self._node(job, group)
                if node is None:
                    unplaced[group['Name']] = {'NodesEvaluated': len(self.state.tables['nodes'].rows)}
                    continue
                self._start(job, group, name, node, evaluation_id, deployment)
        for allocation in self.allocations(job['Namespace'], job['ID']):
            if allocation['Name'] not in wanted and allocation['ClientStatus'] not in TERMINAL:
                self.kill(allocation['ID'], 'alloc not needed due to job update')
        return unplaced

    def _is_served(self, job: Row, group: Row, name: str) -> bool:
        """Whether an allocation of that name makes a new one needless; one of an older specification is stopped."""
        for allocation in self.allocations(job['Namespace'], job['ID']):
            if allocation['Name'] != name or allocation.get('NextAllocation'):
                continue
            then = next((one for one in allocation['Job']['TaskGroups'] if one['Name'] == group['Name']), None)
            same = then is not None and _jobs.group_specification(then) == _jobs.group_specification(group)
            finished = allocation['ClientStatus'] in TERMINAL
            if same and not finished and allocation['DesiredStatus'] == 'run':
                return True
            if same and finished and job['Type'] == 'batch' and allocation['DesiredStatus'] == 'run':
                return True  # failed ones are rescheduled by their own rule
            if not finished:
                self.kill(allocation['ID'], 'alloc is being updated due to job update')
        return False

    def _node(self, job: Row, group: Row) -> Row | None:
        memory = sum(task['Resources']['MemoryMB'] for task in group['Tasks'])
        for node in self.state.rows('nodes'):
            reachable = any(fnmatch.fnmatch(node['Datacenter'], pattern) for pattern in job['Datacenters'])
            fits = memory <= node['NodeResources']['Memory']['MemoryMB']
            if reachable and fits and (node['Status'], node['SchedulingEligibility']) == ('ready', 'eligible'):
                return node
        return None

    def _start(
        self, job: Row, group: Row, name: str, node: Row, evaluation_id: str, deployment: str, previous: str = ''
    ) -> None:
        allocation_id = new_id()
        row = {
            'ID': allocation_id,
            'EvalID': evaluation_id,
            'Name': name,
            'Namespace': job['Namespace'],
            'NodeID': node['ID'],
            'NodeName': node['Name'],
            'JobID': job['ID'],
            'Job': copy.deepcopy(job),
            'JobType': job['Type'],
            'JobVersion': job['Version'],
            'TaskGroup': group['Name'],
            'DeploymentID': deployment,
            'DeploymentStatus': None,
            'DesiredStatus': 'run',
            'DesiredDescription': '',
            'ClientStatus': 'pending',
            'ClientDescription': '',
            'TaskStates': None,
            'PreviousAllocation': previous,
            'NextAllocation': '',
            'FollowupEvalID': '',
            'RescheduleTracker': None,
            'CreateTime': now_ns(),
            'ModifyTime': now_ns(),
        }
        self.state.put('allocs', (allocation_id,), row, 'AllocationCreated')
        for task in group['Tasks']:
            limits = task['LogConfig']
            for stream in ('stdout', 'stderr'):
                prefix = f'alloc/logs/{task["Name"]}.{stream}'
                files = LogFiles(prefix, limits['MaxFiles'], limits['MaxFileSizeMB'] << 20)
                self.logs[allocation_id, task['Name'], stream] = files
        running = asyncio.ensure_future(self._run(allocation_id, job, group))
        self._running[allocation_id] = running
        running.add_done_callback(lambda _: self._running.pop(allocation_id, None))

    async def _run(self, allocation_id: str, job: Row, group: Row) -> None:
        outcomes = await asyncio.gather(*(self._run_task(allocation_id, job, group, task) for task in group['Tasks']))
        self._finish(allocation_id, 'complete' if all(outcomes) else 'failed')

    async def _run_task(self, allocation_id: str, job: Row, group: Row, task: Row) -> bool:
        """Run a task, again as often as its restart policy says; True when it ended well."""
        what = program(task, job, self.images)
        policy = group['RestartPolicy']
        self._event(allocation_id, task['Name'], 'Received', 'Task received by client')
        await asyncio.sleep(0)
        failed = True
        for attempt in range(policy['Attempts'] + 1):
            if attempt:
                self._event(allocation_id, task['Name'], 'Restarting', 'Task restarting', Restarts=attempt)
                await asyncio.sleep(policy['Delay'] / 1e9 * self.pace)
            if what.start_error:
                self._event(allocation_id, task['Name'], 'Driver Failure', what.start_error)
                continue
            self._event(allocation_id, task['Name'], 'Started', 'Task started by client', State='running')
            code = await self._execute(allocation_id, task['Name'], what)
            self._event(allocation_id, task['Name'], 'Terminated', f'Exit Code: {code}', code)
            failed = code != 0
            if not failed:
                break
        self._task_state(allocation_id, task['Name'], State='dead', Failed=failed, FinishedAt=_stamp())
        return not failed

    async def _execute(self, allocation_id: str, task: str, what: Program) -> int:
        """Do what a task does; return its exit code."""
        if what.command:
            return await self._spawn(allocation_id, task, what)
        self.logs[allocation_id, task, 'stdout'].write(what.stdout)
        self.logs[allocation_id, task, 'stderr'].write(what.stderr)
        if what.run_for_s is None:
            await asyncio.Event().wait()
            return 0
        for _ in range(what.repeat):
            await asyncio.sleep(what.run_for_s / what.repeat)
            self.logs[allocation_id, task, 'stdout'].write(what.stdout)
        if not what.repeat:
            await asyncio.sleep(what.run_for_s)
        return what.exit_code

    async def _spawn(self, allocation_id: str, task: str, what: Program) -> int:
        """Run the command of a task; whoever stops waiting for it stops the command."""
        logs = [self.logs[allocation_id, task, stream] for stream in ('stdout', 'stderr')]
        unwanted = asyncio.Event()
        running = asyncio.ensure_future(_execute(what, logs, unwanted))
        self._processes.add(running)
        running.add_done_callback(self._processes.discard)
        try:
            return await asyncio.shield(running)
        finally:
            unwanted.set()

    def kill(self, allocation_id: str, why: str) -> None:
        """Stop an allocation, as its job no longer wants it."""
        allocation = self.state.get('allocs', allocation_id)
        if allocation is None or allocation['ClientStatus'] in TERMINAL:
            return
        stopped = allocation | {'DesiredStatus': 'stop', 'DesiredDescription': why}
        self.state.put('allocs', (allocation_id,), stopped, 'AllocationUpdateDesiredStatus')
        if running := self._running.get(allocation_id):
            running.cancel()
        for task in allocation['TaskStates'] or {}:
            self._event(allocation_id, task, 'Killed', 'Task successfully killed')
            self._task_state(allocation_id, task, State='dead', FinishedAt=_stamp())
        self._finish(allocation_id, 'complete')

    def _stop_allocations(self, namespace: str, job_id: str) -> None:
        for allocation in self.allocations(namespace, job_id):
            self.kill(allocation['ID'], 'alloc not needed as job is stopped')

    def _stop_strangers(self, job: Row) -> None:
        """Stop what still runs of a purged job whose ID this one took."""
        for allocation in self.allocations(job['Namespace'], job['ID'], earlier=True):
            if allocation['Job']['CreateIndex'] != job['CreateIndex']:
                self.kill(allocation['ID'], 'alloc not needed as job is stopped')

    def _finish(self, allocation_id: str, status: str) -> None:
        allocation = self.state.get('allocs', allocation_id)
        if allocation is None:
            return
        description = 'All tasks have completed' if status == 'complete' else 'Failed tasks'
        ended = {'ClientStatus': status, 'ClientDescription': description, 'ModifyTime': now_ns()}
        stored = self.state.put('allocs', (allocation_id,), allocation | ended, 'AllocationUpdated')
        if status == 'failed':
            self._reschedule(stored)
        self._judge(stored, healthy=False)
        self.settle(stored['Namespace'], stored['JobID'])

    def _reschedule(self, failed: Row) -> None:
        """Replace a failed allocation after its delay, as often as its group allows."""
        job = self.state.get('jobs', failed['Namespace'], failed['JobID'])
        if job is None or job['Stop'] or failed['DesiredStatus'] != 'run':
            return
        group = next((one for one in job['TaskGroups'] if one['Name'] == failed['TaskGroup']), None)
        if group is None:
            return
        policy, earlier = group['ReschedulePolicy'], failed['RescheduleTracker'] or {'Events': []}
        if not policy['Unlimited'] and len(earlier['Events']) >= policy['Attempts']:
            return
        evaluation_id = new_id()
        common = {'ID': evaluation_id, 'Namespace': job['Namespace'], 'JobID': job['ID'], 'Type': job['Type']}
        waiting = common | {'TriggeredBy': 'alloc-failure', 'Status': 'pending', 'FailedTGAllocs': None}
        self.state.put('evals', (evaluation_id,), waiting, 'EvaluationUpdated')
        followed = failed | {'FollowupEvalID': evaluation_id}
        self.state.put('allocs', (failed['ID'],), followed, 'AllocationUpdated')
        self._soon(policy['Delay'] / 1e9 * self.pace, self._replace, failed['ID'], evaluation_id, earlier)

    def _replace(self, failed_id: str, evaluation_id: str, earlier: Row) -> None:
        failed = self.state.get('allocs', failed_id)
        evaluation = self.state.get('evals', evaluation_id)
        if failed is None or evaluation is None:
            return
        job = self.state.get('jobs', failed['Namespace'], failed['JobID'])
        if job is not None and not job['Stop']:
            group = next(one for one in job['TaskGroups'] if one['Name'] == failed['TaskGroup'])
            node = self._node(job, group)
            if node is not None:
                self._start(job, group, failed['Name'], node, evaluation_id, failed['DeploymentID'], failed_id)
                self._link(failed_id, earlier)
        ended = evaluation | {'Status': 'complete'}
        self.state.put('evals', (evaluation_id,), ended, 'EvaluationUpdated')
        self.settle(failed['Namespace'], failed['JobID'])

    def _link(self, failed_id: str, earlier: Row) -> None:
        failed = self.state.get('allocs', failed_id)
        replacement = next(row for row in self.state.rows('allocs') if row['PreviousAllocation'] == failed_id)
        if failed is None:
            return
        event = {'PrevAllocID': failed_id, 'PrevNodeID': failed['NodeID'], 'RescheduleTime': now_ns()}
        tracker = {'Events': [*earlier['Events'], event]}
        linked = failed | {'NextAllocation': replacement['ID'], 'DesiredStatus': 'stop'}
        self.state.put('allocs', (failed_id,), linked, 'AllocationUpdated')
        self.state.put(
            'allocs', (replacement['ID'],), replacement | {'RescheduleTracker': tracker}, 'AllocationUpdated'
        )

    # what the client reports

    def _event(
        self, allocation_id: str, task: str, kind: str, message: str, exit_code: int = 0, **state: object
    ) -> None:
        allocation = self.state.get('allocs', allocation_id)
        if allocation is None:
            return
        event = {'Type': kind, 'Time': now_ns(), 'DisplayMessage': message, 'Message': message, 'ExitCode': exit_code}
        event |= {'Details': {}, 'FailsTask': kind == 'Driver Failure'}
        states = copy.deepcopy(allocation['TaskStates'] or {})
        fresh = {'State': 'pending', 'Failed': False, 'Restarts': 0, 'StartedAt': NEVER, 'FinishedAt': NEVER}
        current = states.setdefault(task, {**fresh, 'Events': []})
        current['Events'] = [*current['Events'], event][-10:]
        current.update(state)
        if kind == 'Started':
            current['StartedAt'] = _stamp()
        running = 'running' if state.get('State') == 'running' else allocation['ClientStatus']
        changed = allocation | {'TaskStates': states, 'ClientStatus': running, 'ModifyTime': now_ns()}
        stored = self.state.put('allocs', (allocation_id,), changed, 'AllocationUpdated')
        if kind == 'Started':
            self._soon(self._healthy_after_s(stored), self._judge_id, allocation_id)
            self.settle(stored['Namespace'], stored['JobID'])

    def _task_state(self, allocation_id: str, task: str, **state: object) -> None:
        allocation = self.state.get('allocs', allocation_id)
        if allocation is None:
            return
        states = copy.deepcopy(allocation['TaskStates'])
        states[task].update(state)
        self.state.put('allocs', (allocation_id,), allocation | {'TaskStates': states}, 'AllocationUpdated')

    # deployments

    def _deployment(self, job: Row) -> str:
        """Return the deployment of this version of a service, made when there is none; '' for a batch job."""
        if job['Type'] != 'service':
            return ''
        own = [
            row for row in self.deployments(job['Namespace'], job['ID']) if row['JobCreateIndex'] == job['CreateIndex']
        ]
        for row in own:
            if row['JobVersion'] == job['Version']:
                return str(row['ID'])
            if row['Status'] in ('running', 'paused'):
                over = {'Status': 'cancelled', 'StatusDescription': 'Cancelled due to newer version of job'}
                self.state.put('deployments', (row['ID'],), row | over, 'DeploymentStatusUpdate')
        deployment_id = new_id()
        zeros = {'PlacedAllocs': 0, 'HealthyAllocs': 0, 'UnhealthyAllocs': 0, 'DesiredCanaries': 0, 'Promoted': False}
        row = {
            'ID': deployment_id,
            'Namespace': job['Namespace'],
            'JobID': job['ID'],
            'JobVersion': job['Version'],
            'JobModifyIndex': job['ModifyIndex'],
            'JobSpecModifyIndex': job['JobModifyIndex'],
            'JobCreateIndex': job['CreateIndex'],
            'TaskGroups': {group['Name']: {**zeros, 'DesiredTotal': group['Count']} for group in job['TaskGroups']},
            'Status': 'running',
            'StatusDescription': 'Deployment is running',
        }
        self.state.put('deployments', (deployment_id,), row, 'DeploymentStatusUpdate')
        return deployment_id

    def deployments(self, namespace: str, job_id: str) -> list[Row]:
        rows = self.state.rows('deployments', lambda row: (row['Namespace'], row['JobID']) == (namespace, job_id))
        return sorted(rows, key=lambda row: row['CreateIndex'], reverse=True)

    def _healthy_after_s(self, allocation: Row) -> float:
        group = next(one for one in allocation['Job']['TaskGroups'] if one['Name'] == allocation['TaskGroup'])
        return float((group['Update'] or {}).get('MinHealthyTime', 0)) / 1e9 * self.pace

    def _judge_id(self, allocation_id: str) -> None:
        allocation = self.state.get('allocs', allocation_id)
        if allocation is not None and allocation['ClientStatus'] == 'running':
            self._judge(allocation, healthy=True)

    def _judge(self, allocation: Row, *, healthy: bool) -> None:
        """Tell the deployment of an allocation how it fares, once."""
        deployment = self.state.get('deployments', allocation['DeploymentID']) if allocation['DeploymentID'] else None
        if deployment is None or deployment['Status'] != 'running' or allocation['DeploymentStatus'] is not None:
            return
        if not healthy and allocation['DesiredStatus'] == 'stop':
            return
        judged = {'DeploymentStatus': {'Healthy': healthy, 'Canary': False, 'Timestamp': _stamp()}}
        self.state.put('allocs', (allocation['ID'],), allocation | judged, 'AllocationUpdated')
        groups = copy.deepcopy(deployment['TaskGroups'])
        groups[allocation['TaskGroup']]['HealthyAllocs' if healthy else 'UnhealthyAllocs'] += 1
        ended: Row = {'TaskGroups': groups}
        if all(one['HealthyAllocs'] >= one['DesiredTotal'] for one in groups.values()):
            ended |= {'Status': 'successful', 'StatusDescription': 'Deployment completed successfully'}
        elif not healthy:
            ended |= {'Status': 'failed', 'StatusDescription': 'Failed due to unhealthy allocations'}
        self.state.put('deployments', (deployment['ID'],), deployment | ended, 'DeploymentStatusUpdate')


def _stamp() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace('+00:00', 'Z')


async def _execute(what: Program, logs: list[LogFiles], unwanted: asyncio.Event) -> int:
    """Run a command to its end, or until it is unwanted; never cancelled itself, so that nothing is left of it."""
    process = await asyncio.create_subprocess_exec(
        *what.command, env=what.environment, cwd='/', stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip

    async def keep(pipe: asyncio.StreamReader | None, files: LogFiles) -> None:
        while pipe is not None and (data := await pipe.read(65536)):
            files.write(data)

    async def end() -> None:
        await unwanted.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    ending = asyncio.ensure_future(end())
    await asyncio.gather(keep(process.stdout, logs[0]), keep(process.stderr, logs[1]))
    code = await process.wait()
    ending.cancel()
    return code
