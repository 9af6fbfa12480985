"""Containers and pod templates from the keyword arguments of `create_*`. Pure.

An argument that is None counts as not given. What 0.3.44 sent and no server takes is left out: `entrypoint` is what
Kubernetes calls `command`, so it becomes the command where none is given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
Keywords = Mapping[str, Any]

_RESOURCES = (
    ('cpu_limit', 'limits', 'cpu'),
    ('mem_limit', 'limits', 'memory'),
    ('cpu_request', 'requests', 'cpu'),
    ('mem_request', 'requests', 'memory'),
)
_OF_CONTAINER = (
    'imagePullPolicy', 'ports', 'args', 'volumeMounts', 'envFrom', 'readinessProbe', 'livenessProbe', 'securityContext',
)  # fmt: skip
_OF_POD = ('volumes', 'affinity', 'nodeSelector', 'tolerations')


def container(base: Json, image: str | None, keywords: Keywords) -> Json:
    """Return `base` with the image and what the keywords say of a container."""
    made = {**base, 'image': image, 'resources': resources(keywords)}
    made |= given(keywords, _OF_CONTAINER)
    if command := _first(keywords, 'command', 'entrypoint'):
        made['command'] = command
    if (variables := keywords.get('envvars')) is not None:
        made['env'] = [{'name': name, 'value': _text(value)} for name, value in variables.items()]
    if keywords.get('privileged') is not None:
        made['securityContext'] = {**made.get('securityContext', {}), 'privileged': keywords['privileged']}
    return made


def resources(keywords: Keywords) -> Json:
    """Return limits and requests; both are there, empty or not."""
    found: Json = {'limits': {}, 'requests': {}}
    for keyword, section, resource in _RESOURCES:
        if keywords.get(keyword) is not None:
            found[section][resource] = keywords[keyword]
    return found


def pod_spec(keywords: Keywords) -> Json:
    """Return what the keywords say of a pod; `pullSecrets` is the name of one secret."""
    spec = given(keywords, _OF_POD)
    if keywords.get('pullSecrets'):
        spec['imagePullSecrets'] = [{'name': keywords['pullSecrets']}]
    return spec


def template_metadata(name: str | None, keywords: Keywords) -> Json:
    """Return the metadata of a pod template, without labels."""
    return {'name': name, **given(keywords, ('annotations',))}


def given(keywords: Keywords, names: tuple[str, ...]) -> Json:
    """Return those of the keywords that were given."""
    return {name: keywords[name] for name in names if keywords.get(name) is not None}


def payload_of(container: Json) -> Any:
    """Return what the variable PAYLOAD of a container says; None if it has none. Raises ValueError if it is no JSON."""
    for variable in container.get('env') or []:
        if variable.get('name') == 'PAYLOAD' and variable.get('value') is not None:
            return json.loads(variable['value'])
    return None


def _first(keywords: Keywords, *names: str) -> Any:
    return next((keywords[name] for name in names if keywords.get(name)), None)


def _text(value: object) -> str:
    """Return a variable's value as the API takes it: text only."""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool) else str(value)
