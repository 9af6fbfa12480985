"""Jobs from the keyword arguments of `create_job`, and what is read out of jobs. Pure.

An argument that is None counts as not given. Namespaces are emulated unless the configuration says otherwise: a job's
ID is NAMESPACE-NAME. That alone is ambiguous (`a-b` and `c`, `a` and `b-c`), so jobs carry their namespace in their
Meta; those of 0.3.44 have none, and belong to whoever their ID begins with.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
MARK = 'aioclustermanager_namespace'  # a task sees it as NOMAD_META_aioclustermanager_namespace

NOMAD_JOB: Json = {
    'Job': {
        'Constraints': [],
        'ID': '',
        'Name': '',
        'TaskGroups': [
            {
                'Constraints': None,
                'Name': 'aioclustermanager',
                'EphemeralDisk': {'Migrate': False, 'SizeMB': 300, 'Sticky': False},
                'RestartPolicy': {'Attempts': 0, 'Delay': 15_000_000_000, 'Interval': 60_000_000_000, 'Mode': 'fail'},
                'Tasks': [
                    {
                        'Config': {'image': ''},
                        'Constraints': [],
                        'Driver': 'docker',
                        'Env': {},
                        'LogConfig': {'MaxFileSizeMB': 10, 'MaxFiles': 10},
                        'Name': '',
                        'Resources': {
                            'CPU': 200,
                            'MemoryMB': 300,
                            'Networks': [
                                {
                                    'CIDR': '',
                                    'Device': '',
                                    'DynamicPorts': [{'Label': 'db', 'Value': 0}],
                                    'IP': '',
                                    'MBits': 200,
                                    'ReservedPorts': None,
                                }
                            ],
                        },
                        'Services': [],
                        'Templates': [],
                        'User': '',
                    }
                ],
            }
        ],
        'Type': 'batch',
    }
}


def emulated_id(namespace: str, name: str) -> str:
    return f'{namespace}-{name}'


def payload(job_id: str, image: str | None, keywords: Mapping[str, Any]) -> Json:
    """Return what registers a batch job of one docker task.

    Raises:
        ValueError: a limit is no whole number (cpu_limit: MHz, mem_limit: MB).
    """
    made = copy.deepcopy(NOMAD_JOB)
    job = made['Job']
    job |= {'ID': job_id, 'Name': job_id} | _given(keywords, nomad_constraints='Constraints', datacenters='Datacenters')
    task = job['TaskGroups'][0]['Tasks'][0]
    task |= {'Name': job_id} | _given(keywords, templates='Templates')
    task['Config'] = {'image': image, **_config(keywords)}
    for keyword, resource in (('cpu_limit', 'CPU'), ('mem_limit', 'MemoryMB')):
        if keywords.get(keyword) is not None:
            task['Resources'][resource] = _whole(keyword, keywords[keyword])
    if keywords.get('envvars') is not None:
        task['Env'] = {name: _text(value) for name, value in keywords['envvars'].items()}
    return made


def renamed(registration: Json, job_id: str) -> Json:
    """Return the registration for a namespace of Nomad's own: the name is the ID, and no mark is needed."""
    job = copy.deepcopy(registration['Job'])
    job['TaskGroups'][0]['Tasks'][0]['Name'] = job_id
    return {'Job': {**job, 'ID': job_id, 'Name': job_id, 'Meta': None}}


def _config(keywords: Mapping[str, Any]) -> Json:
    """Return what the docker driver is told; of the command the first word, before the others come the arguments."""
    config = _given(keywords, docker_network_mode='network_mode', volumes='volumes', entrypoint='entrypoint')
    command = keywords.get('command')
    words = [command] if isinstance(command, str) else list(command or [])
    arguments = [*words[1:], *(keywords.get('args') or [])]
    if words:
        config['command'] = words[0]
    if arguments or keywords.get('args') is not None:
        config['args'] = arguments
    return config


def _given(keywords: Mapping[str, Any], **names: str) -> Json:
    """Return the keywords that were given, under the names that Nomad has for them."""
    return {there: copy.deepcopy(keywords[here]) for here, there in names.items() if keywords.get(here) is not None}


def _whole(keyword: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        unit = 'MHz' if keyword == 'cpu_limit' else 'MB'
        raise ValueError(f'{keyword}: Nomad takes a whole number of {unit}, not {value!r}') from None


def _text(value: object) -> str:
    """Return a variable's value as the API takes it: text only."""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool) else str(value)


def specification(raw: Json) -> Json:
    """Return the job itself, of a registration or as the server gives it."""
    found = raw.get('Job')
    return found if isinstance(found, dict) else raw


def first_task(raw: Json) -> Json:
    """Return the first task of the first group; of a job in a list, which shows none, an empty one."""
    groups: list[Json] = specification(raw).get('TaskGroups') or [{}]
    tasks: list[Json] = groups[0].get('Tasks') or [{}]
    return tasks[0]


def sent_payload(raw: Json) -> Any:
    """Return what PAYLOAD in the environment says, or else a here-document in the last template; None if neither.

    Raises nothing: what is no JSON is no payload.
    """
    task = first_task(raw)
    templates = task.get('Templates') or []
    text = (templates[-1].get('EmbeddedTmpl') or '') if templates else ''
    here_document = text.rpartition('cat <<EOF')[2].partition('EOF')[0]
    for found in ((task.get('Env') or {}).get('PAYLOAD'), here_document):
        try:
            return json.loads(str(found))
        except ValueError:
            continue
    return None


def owner(job: Mapping[str, Any]) -> str | None:
    """Return the emulated namespace that a job says it is in; None for one that says nothing."""
    found: str | None = (job.get('Meta') or {}).get(MARK)
    return found
