"""What the server makes of a job that somebody sent: defaults, refusals, whether it is news. Computes only."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ._wire import Refused

Row = dict[str, Any]
SECOND_NS = 1_000_000_000
ENFORCED = 'Enforcing job modify index'
_SERVER_OWNED = frozenset(
    {
        'CreateIndex',
        'ModifyIndex',
        'JobModifyIndex',
        'Version',
        'Status',
        'StatusDescription',
        'Stable',
        'SubmitTime',
    }
)
_JOB: Row = {
    'AllAtOnce': False,
    'Affinities': None,
    'Constraints': None,
    'Datacenters': ['*'],
    'Dispatched': False,
    'DispatchIdempotencyToken': '',
    'Meta': None,
    'NodePool': 'default',
    'ParameterizedJob': None,
    'ParentID': '',
    'Payload': None,
    'Periodic': None,
    'Priority': 50,
    'Region': 'global',
    'Stop': False,
    'Type': 'service',
}
_RESTART = {
    'batch': {'Attempts': 3, 'Delay': 15 * SECOND_NS, 'Interval': 86400 * SECOND_NS, 'Mode': 'fail'},
    'service': {'Attempts': 2, 'Delay': 15 * SECOND_NS, 'Interval': 1800 * SECOND_NS, 'Mode': 'fail'},
}
_RESCHEDULE = {
    'batch': {'Attempts': 1, 'Delay': 5 * SECOND_NS, 'Interval': 86400 * SECOND_NS, 'Unlimited': False},
    'service': {'Attempts': 0, 'Delay': 30 * SECOND_NS, 'Interval': 0, 'Unlimited': True},
}


def canonical(job: Mapping[str, Any], namespace: str) -> Row:
    """Return the job with every default filled in, as the server keeps it; refused as the server refuses."""
    if not job.get('ID'):
        raise Refused(400, "Job ID hasn't been provided")
    if ' ' in job['ID']:
        raise Refused(500, '1 error occurred:\n\t* Job ID contains a space\n\n')
    if not job.get('TaskGroups'):
        raise Refused(500, '1 error occurred:\n\t* Missing job task groups\n\n')
    full = {**_JOB, **{key: value for key, value in copy.deepcopy(dict(job)).items() if value is not None}}
    full |= {'Namespace': namespace, 'Name': full.get('Name') or full['ID']}
    if full['Type'] not in ('batch', 'service'):
        raise Refused(500, f'1 error occurred:\n\t* Invalid job type: "{full["Type"]}"\n\n')
    full['TaskGroups'] = [_group(group, full['Type']) for group in full['TaskGroups']]
    return full


def _group(group: Row, kind: str) -> Row:
    if not group.get('Name'):
        raise Refused(500, '1 error occurred:\n\t* Job task group 1 missing name\n\n')
    full = {'Constraints': None, 'Meta': None, 'Networks': None, 'Services': None, 'Update': None, **group}
    full['Count'] = 1 if group.get('Count') is None else group['Count']
    full['RestartPolicy'] = _RESTART[kind] | (group.get('RestartPolicy') or {})
    full['ReschedulePolicy'] = _RESCHEDULE[kind] | (group.get('ReschedulePolicy') or {})
    if kind == 'service':
        full['Update'] = {'MaxParallel': 1, 'MinHealthyTime': 10 * SECOND_NS} | (group.get('Update') or {})
    full['Tasks'] = [_task(task) for task in group.get('Tasks') or []]
    if not full['Tasks']:
        raise Refused(500, f'1 error occurred:\n\t* Missing tasks for task group {full["Name"]}\n\n')
    return full


def _task(task: Row) -> Row:
    if not task.get('Driver'):
        raise Refused(500, f'1 error occurred:\n\t* Task {task.get("Name")} validation failed: Missing task driver\n\n')
    resources = {'CPU': 100, 'MemoryMB': 300, 'DiskMB': 0} | (task.get('Resources') or {})
    log = {'MaxFiles': 10, 'MaxFileSizeMB': 10, 'Disabled': False} | (task.get('LogConfig') or {})
    return {'Config': None, 'Env': None, 'Meta': None, **task, 'Resources': resources, 'LogConfig': log}


def specification(job: Row) -> Row:
    """Return what a submitter decides about a job."""
    return {key: value for key, value in job.items() if key not in _SERVER_OWNED}


def group_specification(group: Row) -> Row:
    """Return what makes running allocations of a group wrong when it changes: all but how many there are."""
    return {key: value for key, value in group.items() if key != 'Count'}


def check_enforced_index(existing: Row | None, wanted: int) -> None:
    """Refuse a check-and-set whose index is not the job's (a 500, as the server answers)."""
    if existing is None:
        if wanted:
            raise Refused(500, f'{ENFORCED} {wanted}: job does not exist')
    elif not wanted:
        raise Refused(500, f'{ENFORCED} 0: job already exists')
    elif wanted != existing['JobModifyIndex']:
        current = existing['JobModifyIndex']
        raise Refused(500, f'{ENFORCED} {wanted}: job exists with conflicting job modify index: {current}')


def check_transition(existing: Row | None, job: Row) -> None:
    if existing is None:
        return
    if existing['Type'] != job['Type']:
        raise Refused(500, f'cannot update job from type "{existing["Type"]}" to "{job["Type"]}"')
    for key, word in (('Periodic', 'periodic'), ('ParameterizedJob', 'parameterized')):
        if bool(existing[key]) != bool(job[key]):
            change = f'{word} job to being non-{word}' if existing[key] else f'non-{word} job to being {word}'
            raise Refused(500, f'cannot update {change}')


def check_dispatch(parent: Row, payload: str, meta: Mapping[str, str]) -> None:
    """Refuse a dispatch that the parent's rules forbid."""
    rules = parent['ParameterizedJob']
    if not rules:
        raise Refused(500, f'Specified job "{parent["ID"]}" is not a parameterized job')
    if parent['Stop']:
        raise Refused(500, f'Specified job "{parent["ID"]}" is stopped')
    wish = rules.get('Payload') or 'optional'
    if wish == 'required' and not payload:
        raise Refused(500, 'Payload is not provided but required by parameterized job')
    if wish == 'forbidden' and payload:
        raise Refused(500, 'Payload provided but forbidden by parameterized job')
    required, optional = set(rules.get('MetaRequired') or ()), set(rules.get('MetaOptional') or ())
    if strangers := sorted(set(meta) - required - optional):
        raise Refused(500, f'Dispatch request included unpermitted metadata keys: {strangers}')
    if missing := sorted(required - set(meta)):
        raise Refused(500, f'Dispatch did not provide required meta keys: {missing}')


def stub(job: Row, allocations: list[Row], *, meta: bool) -> Row:
    """Return a job as a list shows it."""
    names: tuple[str, ...] = (
        'ID',
        'ParentID',
        'Name',
        'Namespace',
        'Datacenters',
        'NodePool',
        'Type',
        'Priority',
        'Stop',
        'Status',
    )
    names += ('StatusDescription', 'CreateIndex', 'ModifyIndex', 'JobModifyIndex', 'SubmitTime', 'Version')
    shown = {name: job[name] for name in names}
    shown |= {'Periodic': bool(job['Periodic']), 'ParameterizedJob': bool(job['ParameterizedJob'])}
    shown['JobSummary'] = {
        'JobID': job['ID'],
        'Namespace': job['Namespace'],
        'Summary': {group['Name']: _counts(group['Name'], allocations) for group in job['TaskGroups']},
        'Children': {'Pending': 0, 'Running': 0, 'Dead': 0},
        'CreateIndex': job['CreateIndex'],
        'ModifyIndex': job['ModifyIndex'],
    }
    return shown | ({'Meta': job['Meta']} if meta else {})


def _counts(group: str, allocations: list[Row]) -> dict[str, int]:
    columns = {'complete': 'Complete', 'failed': 'Failed', 'running': 'Running', 'pending': 'Starting', 'lost': 'Lost'}
    counts = dict.fromkeys(('Queued', 'Complete', 'Failed', 'Running', 'Starting', 'Lost'), 0)
    for allocation in allocations:
        if allocation['TaskGroup'] == group:
            counts[columns[allocation['ClientStatus']]] += 1
    return counts
