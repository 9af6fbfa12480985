"""Which resource each kind of 0.3.44 is, and its tables of addresses, for programs that fill them in themselves."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ..kubernetes import Resource, resources
from .tf_job import GROUP, VERSIONS

_BASE = '{scheme}://{endpoint}'
_BUILT_IN = {
    (of.group, of.plural): of.kind for of in vars(resources).values() if isinstance(of, Resource)
}  # fmt: skip


def tfjobs(version: str = VERSIONS[0]) -> Resource:
    """Return the TFJobs of a version of Kubeflow's API."""
    return Resource(GROUP, version, 'tfjobs', 'TFJob')


KINDS: dict[str, Resource] = {
    'namespace': resources.NAMESPACES,
    'job': resources.JOBS,
    'deploy': resources.DEPLOYMENTS,
    'statefulset': resources.STATEFUL_SETS,
    'service': resources.SERVICES,
    'execution': resources.PODS,
    'tfjob': tfjobs(),
}


def resource(kind: str) -> Resource:
    """Return the resource of a kind. Raises ValueError for an unknown one."""
    try:
        return KINDS[kind]
    except KeyError:
        raise ValueError(f'unknown kind {kind!r}: known are {", ".join(KINDS)}') from None


def _all(of: Resource) -> str:
    space = '/namespaces/{namespace}' if of.namespaced else ''
    return f'{_BASE}{of.root}{space}/{of.plural}'


def _one(of: Resource) -> str:
    return f'{_all(of)}/' + ('{name}' if of.namespaced else '{namespace}')


WATCH_OPS = {kind: _one(of) for kind, of in KINDS.items()}
GET_OPS = {
    **{kind: _one(of) for kind, of in KINDS.items() if kind not in ('execution',)},
    **{f'list_{kind}s': _all(KINDS[kind]) for kind in ('job', 'deploy', 'statefulset', 'tfjob')},
    **{f'scale_{kind}': f'{_one(KINDS[kind])}/scale' for kind in ('deploy', 'statefulset')},
    'deployments': _one(resources.DEPLOYMENTS),
    'statefulsets': _one(resources.STATEFUL_SETS),
    'executions': f'{_all(resources.PODS)}/?labelSelector=job-name={{name}}',
    'deploy_pods': f'{_all(resources.PODS)}/?{{labelselector}}',
    'log': f'{_one(resources.PODS)}/log',
    'nodes': f'{_all(resources.NODES)}/',
    'configmaps': f'{_all(resources.CONFIG_MAPS)}?{{selector}}',
}
PUT_OPS = {name: (GET_OPS[name], 'autoscaling/v1') for name in ('scale_deploy', 'scale_statefulset')}
POST_OPS = {
    **{kind: (_all(of), of.api_version) for kind, of in KINDS.items() if kind != 'execution'},
    'quota': (_all(resources.RESOURCE_QUOTAS), 'v1'),
}
DELETE_OPS = {kind: (_one(of), of.api_version) for kind, of in KINDS.items()}


def watched(path: str) -> tuple[Resource, str, str]:
    """Return (resource, namespace, name) of what a path names, also in the old form with /watch/; '' for none.

    Raises:
        ValueError: it is no path of an object or of objects.
    """
    parts = [unquote(part) for part in urlsplit(path).path.split('/') if part]
    head = 2 if parts[:1] == ['api'] else 3
    group, rest = ('', parts[2:]) if head == 2 else (parts[1] if len(parts) > 1 else '', parts[3:])
    rest = rest[1:] if rest[:1] == ['watch'] else rest
    namespace = rest[1] if rest[:1] == ['namespaces'] and len(rest) > 2 else ''
    rest = rest[2:] if namespace else rest
    if parts[:1] not in (['api'], ['apis']) or not 0 < len(rest) < 3:
        raise ValueError(f'cannot watch {path}: no object and no list of objects')
    kind = _BUILT_IN.get((group, rest[0]), '')  # of others the watch's own events say it
    found = Resource(group, parts[head - 1], rest[0], kind, namespaced=bool(namespace))
    return found, namespace, rest[1] if len(rest) == 2 else ''
