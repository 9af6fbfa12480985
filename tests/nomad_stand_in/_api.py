"""The routes of the HTTP API under /v1, but for the streams (_streams)."""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import _access, _jobs, _wire
from ._access import Token
from ._scheduler import Scheduler
from ._state import Row, State
from ._wire import Refused

PAYLOAD_LIMIT = 65536


@dataclass(frozen=True)
class Call:
    """One request, its caller known."""

    method: str
    path: str
    query: Mapping[str, str]
    topics: Sequence[str]
    body: bytes
    token: Token

    @property
    def namespace(self) -> str:
        return self.query.get('namespace') or 'default'

    def may(self, *capabilities: str, namespace: str | None = None) -> None:
        _access.require(self.token.allows(self.namespace if namespace is None else namespace, *capabilities))

    def json(self) -> Row:
        try:
            value = json.loads(self.body or b'{}')
        except ValueError as error:
            raise Refused(400, str(error)) from None
        if not isinstance(value, dict):
            raise Refused(400, 'json: cannot unmarshal into Go value')
        return value


@dataclass(frozen=True)
class Answer:
    value: object
    index: int
    headers: dict[str, str] = field(default_factory=dict)


Read = Callable[[], tuple[int, object]]  # (index, value); a value of None is answered with 404
Handler = Callable[..., Awaitable[Answer]]


class Api:
    def __init__(self, state: State, scheduler: Scheduler, region: str, datacenter: str) -> None:
        self.state = state
        self.scheduler = scheduler
        self.region = region
        self.datacenter = datacenter
        self.interruptions = 0  # counted up to let blocking queries return without a change
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, re.compile(f'^/v1/{pattern}$', re.DOTALL), handler) for method, pattern, handler in self._table()
        ]

    def _table(self) -> list[tuple[str, str, Handler]]:
        return [
            ('GET', 'agent/self', self.agent_self),
            ('GET', 'regions', self.regions),
            ('GET', 'status/leader', self.leader),
            ('GET', 'jobs', self.list_jobs),
            ('PUT', 'jobs', self.register),
            ('GET', 'job/(.+)/allocations', self.job_allocations),
            ('GET', 'job/(.+)/evaluations', self.job_evaluations),
            ('GET', 'job/(.+)/deployments', self.job_deployments),
            ('GET', 'job/(.+)/deployment', self.job_deployment),
            ('GET', 'job/(.+)/scale', self.scale_status),
            ('PUT', 'job/(.+)/scale', self.scale),
            ('PUT', 'job/(.+)/dispatch', self.dispatch),
            ('PUT', 'job/(.+)/periodic/force', self.force),
            ('PUT', 'job/(.+)/evaluate', self.evaluate),
            ('GET', 'job/(.+)', self.read_job),
            ('PUT', 'job/(.+)', self.update_job),
            ('DELETE', 'job/(.+)', self.deregister),
            ('GET', 'allocations', self.list_allocations),
            ('PUT', 'allocation/([^/]+)/stop', self.stop_allocation),
            ('GET', 'allocation/([^/]+)', self.read_allocation),
            ('GET', 'evaluations', self.list_evaluations),
            ('GET', 'evaluation/([^/]+)', self.read_evaluation),
            ('GET', 'deployments', self.list_deployments),
            ('GET', 'deployment/allocations/([^/]+)', self.deployment_allocations),
            ('PUT', 'deployment/fail/([^/]+)', self.fail_deployment),
            ('PUT', 'deployment/pause/([^/]+)', self.pause_deployment),
            ('GET', 'deployment/([^/]+)', self.read_deployment),
            ('GET', 'nodes', self.list_nodes),
            ('GET', 'node/([^/]+)', self.read_node),
            ('PUT', 'node/([^/]+)/eligibility', self.eligibility),
            ('GET', 'namespaces', self.list_namespaces),
            ('PUT', 'namespace', self.upsert_namespace),
            ('GET', 'namespace/([^/]+)', self.read_namespace),
            ('PUT', 'namespace/([^/]+)', self.upsert_namespace),
            ('DELETE', 'namespace/([^/]+)', self.delete_namespace),
        ]

    async def answer(self, call: Call) -> Answer:
        """Carry out a request; raises Refused."""
        region = call.query.get('region')
        if region and region != self.region:
            raise Refused(500, 'No path to region')
        if 'filter' in call.query:
            raise Refused(501, 'this stand-in knows no filter expressions')
        method = 'PUT' if call.method == 'POST' else call.method
        known = False
        for wanted, pattern, handler in self.routes:
            if match := pattern.match(call.path):
                known = True
                if wanted == method:
                    return await handler(call, *match.groups())
        raise Refused(405, 'Invalid method') if known else Refused(404, 'Invalid path')

    async def blocking(self, call: Call, read: Read, missing: str = 'not found') -> Answer:
        """Answer when what is read has a higher index than the one asked for, or the wait is over."""
        wanted = _wire.Blocking.of(call.query)
        deadline = time.monotonic() + wanted.wait_s * (1 + random.random() / 16)
        interruptions = self.interruptions
        index, value = read()
        while wanted.index and index <= wanted.index and interruptions == self.interruptions:
            if not await self.state.changed(deadline - time.monotonic()):
                break
            index, value = read()
        if value is None:
            raise Refused(404, missing, {'X-Nomad-Index': str(index)})
        return Answer(value, index)

    def interrupt(self) -> None:
        self.interruptions += 1
        self.state.wake()

    def index(self, *tables: str) -> int:
        return max(self.state.tables[table].index for table in tables)

    async def page(self, call: Call, read: Read, key: Callable[[Row], str]) -> Answer:
        """Answer a list, in parts where per_page is given."""
        answer = await self.blocking(call, read)
        rows = sorted(answer.value, key=key, reverse=_wire.truth(call.query, 'reverse'))  # type: ignore[call-overload]
        per_page, token = _wire.number(call.query, 'per_page'), call.query.get('next_token', '')
        if per_page < 0:
            raise Refused(400, 'per_page must not be negative')
        if token:
            rows = [row for row in rows if key(row) >= token]
        following = {'X-Nomad-NextToken': key(rows[per_page])} if 0 < per_page < len(rows) else {}
        return Answer(rows[:per_page] if per_page else rows, answer.index, following)

    def visible(self, call: Call, table: str, *capabilities: str) -> Callable[[], list[Row]]:
        """Return a reader of the rows of a namespace, or with '*' of all that the token may see."""
        if call.namespace != '*':
            call.may(*capabilities)
        prefix = call.query.get('prefix', '')

        def rows() -> list[Row]:
            return [
                row
                for row in self.state.rows(table)
                if call.namespace in ('*', row['Namespace'])
                and call.token.allows(row['Namespace'], *capabilities)
                and row['ID'].startswith(prefix)
            ]

        return rows

    # the agent

    async def agent_self(self, call: Call) -> Answer:
        _access.require(call.token.management or call.token.agent_read)
        config = {'Datacenter': self.datacenter, 'Region': self.region, 'Version': {'Version': '1.9.0'}}
        return Answer({'config': config, 'member': {'Name': 'stand-in.global', 'Status': 'alive'}, 'stats': {}}, 0)

    async def regions(self, call: Call) -> Answer:
        return Answer([self.region], 0)

    async def leader(self, call: Call) -> Answer:
        return Answer('127.0.0.1:4647', 0)

    # jobs

    async def list_jobs(self, call: Call) -> Answer:
        rows = self.visible(call, 'jobs', 'list-jobs')
        meta = _wire.truth(call.query, 'meta')

        def read() -> tuple[int, object]:
            allocations = self.scheduler.allocations
            stubs = [_jobs.stub(row, allocations(row['Namespace'], row['ID']), meta=meta) for row in rows()]
            return self.index('jobs', 'allocs'), stubs

        return await self.page(call, read, lambda row: f'{row["Namespace"]}.{row["ID"]}')

    async def read_job(self, call: Call, job_id: str) -> Answer:
        call.may('read-job')

        def read() -> tuple[int, object]:
            job = self.state.get('jobs', call.namespace, job_id)
            return (job['ModifyIndex'] if job else self.index('jobs')), job

        return await self.blocking(call, read, 'job not found')

    async def update_job(self, call: Call, job_id: str) -> Answer:
        body = call.json()
        if (body.get('Job') or {}).get('ID') != job_id:
            raise Refused(400, 'Job ID does not match name in job')
        return await self.register(call)

    async def register(self, call: Call) -> Answer:
        body = call.json()
        sent = body.get('Job')
        if not isinstance(sent, dict):
            raise Refused(400, 'Job must be specified')
        namespace = call.query.get('namespace') or sent.get('Namespace') or 'default'
        call.may('submit-job', namespace=namespace)
        job = _jobs.canonical(sent, namespace)
        if self.state.get('namespaces', namespace) is None:
            raise Refused(500, f'job "{job["ID"]}" is in nonexistent namespace "{namespace}"')
        existing = self.state.get('jobs', namespace, job['ID'])
        if body.get('EnforceIndex'):
            _jobs.check_enforced_index(existing, int(body.get('JobModifyIndex') or 0))
        _jobs.check_transition(existing, job)
        if body.get('PreserveCounts') and existing:
            counts = {group['Name']: group['Count'] for group in existing['TaskGroups']}
            for group in job['TaskGroups']:
                group['Count'] = counts.get(group['Name'], group['Count'])
        return self._registered(job)

    def _registered(self, job: Row) -> Answer:
        index = self.scheduler.upsert_job(job)
        if job['Periodic'] or job['ParameterizedJob']:
            self.scheduler.settle(job['Namespace'], job['ID'])
            return Answer({'EvalID': '', 'EvalCreateIndex': 0, 'JobModifyIndex': index, 'Warnings': ''}, index)
        evaluation = self.scheduler.evaluate(job['Namespace'], job['ID'], 'job-register')
        created = evaluation['CreateIndex']
        ids = {'EvalID': evaluation['ID'], 'EvalCreateIndex': created, 'JobModifyIndex': index}
        return Answer({**ids, 'Index': created, 'Warnings': '', 'LastContact': 0, 'KnownLeader': False}, created)

    async def deregister(self, call: Call, job_id: str) -> Answer:
        call.may('submit-job')
        self.scheduler.deregister(call.namespace, job_id, purge=_wire.truth(call.query, 'purge'))
        index = self.state.index
        evaluation = self.scheduler.evaluate(call.namespace, job_id, 'job-deregister')
        ids = {'EvalID': evaluation['ID'], 'EvalCreateIndex': evaluation['CreateIndex'], 'JobModifyIndex': index}
        return Answer({**ids, 'Index': evaluation['CreateIndex']}, evaluation['CreateIndex'])

    def _job(self, call: Call, job_id: str) -> Row:
        job = self.state.get('jobs', call.namespace, job_id)
        if job is None:
            raise Refused(404, 'job not found')
        return job

    async def dispatch(self, call: Call, job_id: str) -> Answer:
        call.may('dispatch-job')
        body, parent = call.json(), self.state.get('jobs', call.namespace, job_id)
        if parent is None:
            raise Refused(500, 'parameterized job not found')
        payload, meta = body.get('Payload') or '', body.get('Meta') or {}
        try:
            size = len(base64.b64decode(payload, validate=True))
        except (binascii.Error, ValueError) as error:
            raise Refused(400, str(error)) from None
        if size > PAYLOAD_LIMIT:
            raise Refused(500, f'Payload exceeds maximum size; {size} > {PAYLOAD_LIMIT}')
        _jobs.check_dispatch(parent, payload, meta)
        child = self._dispatched(parent, call.query.get('idempotency_token', ''))
        if child is None:
            child_id = f'{job_id}/dispatch-{int(time.time())}-{random.getrandbits(32):08x}'
            child = self._child(parent, child_id)
            child |= {'Payload': payload or None, 'Meta': {**(parent['Meta'] or {}), **meta}, 'Dispatched': True}
            child['DispatchIdempotencyToken'] = call.query.get('idempotency_token', '')
            self.scheduler.upsert_job(child)
            self.scheduler.evaluate(call.namespace, child_id, 'job-register')
            child = self.state.get('jobs', call.namespace, child_id) or child
        answer = {'Index': child['CreateIndex'], 'JobCreateIndex': child['CreateIndex'], 'EvalID': ''}
        return Answer({**answer, 'EvalCreateIndex': self.state.index, 'DispatchedJobID': child['ID']}, self.state.index)

    def _dispatched(self, parent: Row, token: str) -> Row | None:
        """Return what was dispatched under this token before."""
        for row in self.state.rows('jobs'):
            family = row['Namespace'], row['ParentID']
            if token and family == (parent['Namespace'], parent['ID']) and row['DispatchIdempotencyToken'] == token:
                return row
        return None

    def _child(self, parent: Row, child_id: str) -> Row:
        sent = _jobs.specification(parent) | {'Periodic': None, 'ID': child_id, 'Name': child_id}
        child = _jobs.canonical(sent | {'ParameterizedJob': None}, parent['Namespace'])
        return child | {'ParentID': parent['ID']}

    async def force(self, call: Call, job_id: str) -> Answer:
        call.may('dispatch-job', 'submit-job')
        parent = self.state.get('jobs', call.namespace, job_id)
        if parent is None:
            raise Refused(500, f"can't force run non-tracked job {call.namespace}.{job_id}")
        if not parent['Periodic']:
            raise Refused(500, "can't force launch non-periodic job")
        child_id = f'{job_id}/periodic-{int(time.time())}'
        self.scheduler.upsert_job(self._child(parent, child_id))
        evaluation = self.scheduler.evaluate(call.namespace, child_id, 'periodic-job')
        return Answer({'EvalID': evaluation['ID'], 'EvalCreateIndex': evaluation['CreateIndex']}, self.state.index)

    async def evaluate(self, call: Call, job_id: str) -> Answer:
        call.may('submit-job')
        job = self._job(call, job_id)
        if job['Periodic'] or job['ParameterizedJob']:
            raise Refused(500, "can't evaluate periodic or parameterized job")
        evaluation = self.scheduler.evaluate(call.namespace, job_id, 'job-register')
        ids = {'EvalID': evaluation['ID'], 'EvalCreateIndex': evaluation['CreateIndex']}
        return Answer({**ids, 'JobModifyIndex': job['JobModifyIndex']}, evaluation['CreateIndex'])

    async def scale_status(self, call: Call, job_id: str) -> Answer:
        call.may('read-job', 'read-job-scaling')

        def read() -> tuple[int, object]:
            job = self.state.get('jobs', call.namespace, job_id)
            if job is None:
                return self.index('jobs'), None
            return self.index('jobs', 'allocs'), self._scale_status(job)

        return await self.blocking(call, read, 'job not found')

    def _scale_status(self, job: Row) -> Row:
        groups = {}
        for group in job['TaskGroups']:
            rows = [
                row
                for row in self.scheduler.allocations(job['Namespace'], job['ID'])
                if row['TaskGroup'] == group['Name'] and row['DesiredStatus'] == 'run'
            ]
            running = sum(row['ClientStatus'] == 'running' for row in rows)
            healthy = sum(bool((row['DeploymentStatus'] or {}).get('Healthy')) for row in rows)
            counts = {'Desired': group['Count'], 'Placed': len(rows), 'Running': running, 'Healthy': healthy}
            groups[group['Name']] = {**counts, 'Unhealthy': 0, 'Events': None}
        indexes = {'JobCreateIndex': job['CreateIndex'], 'JobModifyIndex': job['JobModifyIndex']}
        return {
            'JobID': job['ID'],
            'Namespace': job['Namespace'],
            'JobStopped': job['Stop'],
            **indexes,
            'TaskGroups': groups,
        }

    async def scale(self, call: Call, job_id: str) -> Answer:
        call.may('scale-job', 'submit-job')
        body, job = call.json(), self._job(call, job_id)
        name, count = (body.get('Target') or {}).get('Group'), body.get('Count')
        if not any(group['Name'] == name for group in job['TaskGroups']):
            raise Refused(400, f'task group "{name}" specified for scaling does not exist in job')
        if any(row['Status'] in ('running', 'paused') for row in self.scheduler.deployments(call.namespace, job_id)):
            raise Refused(400, 'job scaling blocked due to active deployment')
        groups = [
            group | {'Count': count} if count is not None and group['Name'] == name else group
            for group in job['TaskGroups']
        ]
        return self._registered(job | {'TaskGroups': groups})

    # allocations and evaluations

    def _stubs(self, rows: list[Row], call: Call) -> list[Row]:
        dropped = {'Job'} | (set() if _wire.truth(call.query, 'task_states', True) else {'TaskStates'})
        return [{key: value for key, value in row.items() if key not in dropped} for row in rows]

    async def job_allocations(self, call: Call, job_id: str) -> Answer:
        call.may('read-job')
        earlier = _wire.truth(call.query, 'all')

        def read() -> tuple[int, object]:
            rows = self.scheduler.allocations(call.namespace, job_id, earlier=earlier)
            return self.index('allocs'), self._stubs(rows, call)

        return await self.blocking(call, read)

    async def list_allocations(self, call: Call) -> Answer:
        rows = self.visible(call, 'allocs', 'read-job')
        return await self.page(
            call,
            lambda: (self.index('allocs'), self._stubs(rows(), call)),
            lambda row: f'{row["CreateIndex"]:020}.{row["ID"]}',
        )

    def _reader(self, table: str, call: Call, row_id: str) -> Read:
        """Return a reader of one row, whose own namespace decides who may see it."""

        def read() -> tuple[int, object]:
            row = self.state.get(table, row_id)
            if row is None:
                return self.index(table), None
            call.may('read-job', namespace=row['Namespace'])
            return row['ModifyIndex'], row

        return read

    async def read_allocation(self, call: Call, allocation_id: str) -> Answer:
        return await self.blocking(call, self._reader('allocs', call, allocation_id), 'alloc not found')

    async def stop_allocation(self, call: Call, allocation_id: str) -> Answer:
        allocation = self.state.get('allocs', allocation_id)
        if allocation is None:
            raise Refused(404, 'alloc not found')
        call.may('alloc-lifecycle', namespace=allocation['Namespace'])
        self.scheduler.kill(allocation_id, 'alloc was stopped by a user')
        evaluation = self.scheduler.evaluate(allocation['Namespace'], allocation['JobID'], 'alloc-stop')
        return Answer({'EvalID': evaluation['ID'], 'Index': evaluation['CreateIndex']}, evaluation['CreateIndex'])

    async def list_evaluations(self, call: Call) -> Answer:
        rows = self.visible(call, 'evals', 'read-job')
        return await self.page(
            call, lambda: (self.index('evals'), rows()), lambda row: f'{row["CreateIndex"]:020}.{row["ID"]}'
        )

    async def read_evaluation(self, call: Call, evaluation_id: str) -> Answer:
        return await self.blocking(call, self._reader('evals', call, evaluation_id), 'eval not found')

    async def job_evaluations(self, call: Call, job_id: str) -> Answer:
        call.may('read-job')

        def read() -> tuple[int, object]:
            rows = self.state.rows('evals', lambda row: (row['Namespace'], row['JobID']) == (call.namespace, job_id))
            return self.index('evals'), list(rows)

        return await self.blocking(call, read)

    # deployments

    async def list_deployments(self, call: Call) -> Answer:
        rows = self.visible(call, 'deployments', 'read-job')
        return await self.page(
            call, lambda: (self.index('deployments'), rows()), lambda row: f'{row["CreateIndex"]:020}.{row["ID"]}'
        )

    async def job_deployments(self, call: Call, job_id: str) -> Answer:
        call.may('read-job')
        deployments = self.scheduler.deployments
        return await self.blocking(call, lambda: (self.index('deployments'), deployments(call.namespace, job_id)))

    async def job_deployment(self, call: Call, job_id: str) -> Answer:
        call.may('read-job')

        def read() -> tuple[int, object]:
            rows = self.scheduler.deployments(call.namespace, job_id)
            return self.index('deployments'), rows[0] if rows else {}

        return await self.blocking(call, read)

    async def read_deployment(self, call: Call, deployment_id: str) -> Answer:
        return await self.blocking(call, self._reader('deployments', call, deployment_id), 'deployment not found')

    async def deployment_allocations(self, call: Call, deployment_id: str) -> Answer:
        call.may('read-job')

        def read() -> tuple[int, object]:
            rows = self.state.rows('allocs', lambda row: row['DeploymentID'] == deployment_id)
            return self.index('allocs'), self._stubs(list(rows), call)

        return await self.blocking(call, read)

    def _deployment(self, call: Call, deployment_id: str) -> Row:
        deployment = self.state.get('deployments', deployment_id)
        if deployment is None:
            raise Refused(404, 'deployment not found')
        call.may('submit-job', namespace=deployment['Namespace'])
        return deployment

    async def fail_deployment(self, call: Call, deployment_id: str) -> Answer:
        deployment = self._deployment(call, deployment_id)
        if deployment['Status'] not in ('running', 'paused'):
            raise Refused(400, "can't fail terminal deployment")
        failed = {'Status': 'failed', 'StatusDescription': 'Deployment marked as failed'}
        return self._changed_deployment(deployment | failed)

    async def pause_deployment(self, call: Call, deployment_id: str) -> Answer:
        deployment, pause = self._deployment(call, deployment_id), bool(call.json().get('Pause'))
        if deployment['Status'] not in ('running', 'paused'):
            raise Refused(400, f"can't {'pause' if pause else 'resume'} terminal deployment")
        words = ('paused', 'Deployment is paused') if pause else ('running', 'Deployment is running')
        return self._changed_deployment(deployment | dict(zip(('Status', 'StatusDescription'), words, strict=True)))

    def _changed_deployment(self, deployment: Row) -> Answer:
        stored = self.state.put('deployments', (deployment['ID'],), deployment, 'DeploymentStatusUpdate')
        evaluation = self.scheduler.evaluate(deployment['Namespace'], deployment['JobID'], 'deployment-watcher')
        ids = {'EvalID': evaluation['ID'], 'EvalCreateIndex': evaluation['CreateIndex']}
        return Answer(
            {**ids, 'DeploymentModifyIndex': stored['ModifyIndex'], 'RevertedJobVersion': None}, self.state.index
        )

    # nodes

    async def list_nodes(self, call: Call) -> Answer:
        _access.require(call.token.management or call.token.node_read)
        prefix = call.query.get('prefix', '')

        def read() -> tuple[int, object]:
            hidden = ('NodeResources', 'Attributes')
            rows = self.state.rows('nodes', lambda row: row['ID'].startswith(prefix))
            return self.index('nodes'), [{key: row[key] for key in row if key not in hidden} for row in rows]

        return await self.page(call, read, lambda row: str(row['ID']))

    async def read_node(self, call: Call, node_id: str) -> Answer:
        _access.require(call.token.management or call.token.node_read)

        def read() -> tuple[int, object]:
            node = self.state.get('nodes', node_id)
            return (node['ModifyIndex'] if node else self.index('nodes')), node

        return await self.blocking(call, read, 'node not found')

    async def eligibility(self, call: Call, node_id: str) -> Answer:
        _access.require(call.token.management)
        node = self.state.get('nodes', node_id)
        if node is None:
            raise Refused(404, 'node not found')
        word = call.json().get('Eligibility')
        if word not in ('eligible', 'ineligible'):
            raise Refused(400, f'invalid scheduling eligibility "{word}"')
        self.state.put('nodes', (node_id,), node | {'SchedulingEligibility': word}, 'NodeEligibility')
        for row in list(self.state.rows('evals', lambda row: row['Status'] == 'blocked')):
            self.scheduler.evaluate(row['Namespace'], row['JobID'], 'queued-allocs')
            self.state.put('evals', (row['ID'],), row | {'Status': 'complete'}, 'EvaluationUpdated')
        return Answer({'NodeModifyIndex': self.state.index, 'EvalIDs': [], 'EvalCreateIndex': 0}, self.state.index)

    # namespaces

    async def list_namespaces(self, call: Call) -> Answer:
        prefix = call.query.get('prefix', '')

        def read() -> tuple[int, object]:
            rows = self.state.rows('namespaces', lambda row: row['Name'].startswith(prefix))
            seen = [row for row in rows if call.token.management or call.token.namespaces.get(row['Name'])]
            return self.index('namespaces'), seen

        return await self.page(call, read, lambda row: str(row['Name']))

    async def read_namespace(self, call: Call, name: str) -> Answer:
        _access.require(call.token.management or bool(call.token.namespaces.get(name)))

        def read() -> tuple[int, object]:
            row = self.state.get('namespaces', name)
            return (row['ModifyIndex'] if row else self.index('namespaces')), row

        return await self.blocking(call, read, 'Namespace not found')

    async def upsert_namespace(self, call: Call, name: str = '') -> Answer:
        body = call.json()
        if name and body.get('Name') != name:
            raise Refused(400, 'Namespace name does not match request path')
        _access.require(call.token.management)
        if not re.fullmatch('[a-zA-Z0-9-]{1,128}', body.get('Name') or ''):
            raise Refused(500, f'invalid name "{body.get("Name")}". Must match regex ^[a-zA-Z0-9-]{{1,128}}$')
        row = {'Name': body['Name'], 'Description': body.get('Description', ''), 'Quota': body.get('Quota', '')}
        self.state.put('namespaces', (body['Name'],), row, 'NamespaceUpserted')
        return Answer(None, self.state.index)

    async def delete_namespace(self, call: Call, name: str) -> Answer:
        _access.require(call.token.management)
        if name == 'default':
            raise Refused(500, 'can not delete default namespace')
        if self.state.get('namespaces', name) is None:
            raise Refused(500, f'namespace "{name}" not found')
        if any(row['Namespace'] == name and row['Status'] != 'dead' for row in self.state.rows('jobs')):
            raise Refused(500, f'namespace "{name}" has non-terminal jobs in regions: [{self.region}]')
        self.state.drop('namespaces', (name,), 'NamespaceDeleted')
        return Answer(None, self.state.index)
