"""The addresses that 0.3.44 had, for programs that use them: they know neither https nor Nomad's own namespaces.

The ones for `execution` were never routes of Nomad: `NomadCaller.delete_execution` stops the allocation.
"""

from __future__ import annotations

_JOB = 'http://{endpoint}/v1/job/{namespace}-{name}'
_EXECUTION = f'{_JOB}/allocations/{{execution}}'

WATCH_OPS: dict[str, str | None] = {'job': _JOB, 'execution': _EXECUTION, 'namespace': None}
GET_OPS = {
    'list_jobs': 'http://{endpoint}/v1/jobs',
    'job': _JOB,
    'executions': f'{_JOB}/allocations',
    'log': 'http://{endpoint}/v1/client/fs/logs/{name}',
    'nodes': 'http://{endpoint}/v1/nodes',
}
POST_OPS = {'jobs': 'http://{endpoint}/v1/jobs', 'job': _JOB}
DELETE_OPS = {'job': f'{_JOB}?purge={{purge}}', 'execution': f'{_EXECUTION}?purge={{purge}}'}
