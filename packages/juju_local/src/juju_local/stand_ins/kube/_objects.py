"""From what a client sent to what is stored: metadata, checks, which part a request may change. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import _defaults, _resources, _selectors, _statuses

Json = dict[str, Any]
_NAME = re.compile(r'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
_LABEL = re.compile(r'[a-z0-9]([-a-z0-9]*[a-z0-9])?', re.A)
_QUALIFIED = re.compile(r'[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?')
_VALUE = re.compile(r'([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?')
_LOOSE_NAMES = {'roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'}
_OWNED = ('uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'selfLink')
NO_SPEC = {
    'endpoints',
    'configmaps',
    'secrets',
    'events',
    'serviceaccounts',
    'leases',
    'nodes',
    'namespaces',
    'services',
}


def new(resource: _resources.Resource, sent: Json, namespace: str, *, now: str, uid: str, suffix: str) -> Json:
    """Return what a create stores; raises StatusError for an object that is not valid."""
    meta = {
        key: value for key, value in (sent.get('metadata') or {}).items() if key not in (*_OWNED, 'resourceVersion')
    }
    name = meta.get('name') or (meta['generateName'] + suffix if meta.get('generateName') else '')
    meta |= {'name': name, 'uid': uid, 'creationTimestamp': now}
    if resource.namespaced:
        if meta.get('namespace') not in (None, '', namespace):
            raise _statuses.StatusError(
                400, 'the namespace of the provided object does not match the namespace sent on the request'
            )
        meta['namespace'] = namespace
    else:
        meta.pop('namespace', None)
    obj = {**sent, 'metadata': meta}
    obj = _defaults.filled(resource.storage, obj)
    if resource.storage not in NO_SPEC and 'spec' in obj:
        meta['generation'] = 1
    if 'status' in resource.subresources and resource.storage != 'nodes':
        obj['status'] = _defaults.initial_status(resource.storage)
    check(resource, obj)
    return obj


def changed(resource: _resources.Resource, old: Json, sent: Json, subresource: str) -> Json:
    """Return what an update stores: what the request may not touch is taken from the old object."""
    old_meta, meta = old['metadata'], dict(sent.get('metadata') or {})
    if meta.get('uid') not in (None, '', old_meta.get('uid')):
        why = f'Precondition failed: UID in precondition: {meta["uid"]}, UID in object meta: {old_meta.get("uid")}'
        raise _statuses.conflict(resource.group, resource.plural, old_meta['name'], why)
    for key in (*_OWNED, 'name', 'namespace'):
        meta.pop(key, None)
        if key in old_meta:
            meta[key] = old_meta[key]
    result = {**sent, 'metadata': meta}
    if resource.storage == 'certificatesigningrequests':
        result['spec'] = old['spec']  # never changes
    if subresource == 'status':
        result = {**old, 'metadata': meta, 'status': sent.get('status') or {}}
    elif subresource == 'approval':
        status = {**(old.get('status') or {}), 'conditions': (sent.get('status') or {}).get('conditions') or []}
        result = {**old, 'metadata': meta, 'status': status}
    elif 'status' in resource.subresources:
        result.pop('status', None)
        if 'status' in old:
            result['status'] = old['status']
    if subresource != 'status':
        result = _defaults.filled(resource.storage, result)
    if 'generation' in old_meta and result.get('spec') != old.get('spec'):
        meta['generation'] = old_meta['generation'] + 1
    check(resource, result)
    _check_immutable(resource, old, result)
    return result


def check(resource: _resources.Resource, obj: Json) -> None:
    """Raise a 422 that lists everything wrong."""
    meta, causes = obj['metadata'], list[tuple[str, str]]()
    name = meta['name']
    if not name:
        causes.append(('metadata.name', 'Required value: name or generateName is required'))
    elif resource.storage in _LOOSE_NAMES:
        if '/' in name or '%' in name:
            causes.append(('metadata.name', f"Invalid value: \"{name}\": may not contain '/' or '%'"))
    elif not _is_name(resource, name):
        causes.append(('metadata.name', f'Invalid value: "{name}": {_NAME_RULE}'))
    causes += _label_causes('metadata.labels', meta.get('labels') or {})
    causes += _CHECKS[resource.storage](obj) if resource.storage in _CHECKS else []
    if causes:
        raise _statuses.invalid(resource.group, resource.kind, name, causes)


_LABEL_RULE = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_NAME_RULE = (
    "a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def _is_name(resource: _resources.Resource, name: str) -> bool:
    if resource.storage in ('namespaces', 'services'):
        return len(name) <= 63 and bool(_LABEL.fullmatch(name))
    return len(name) <= 253 and bool(_NAME.fullmatch(name))


def _label_causes(field: str, labels: Mapping[str, Any]) -> list[tuple[str, str]]:
    causes = []
    for key, value in labels.items():
        prefix, slash, name = key.rpartition('/')
        if not _QUALIFIED.fullmatch(name) or len(name) > 63 or (slash and not _NAME.fullmatch(prefix)):
            causes.append(
                (
                    field,
                    f'Invalid value: "{key}": name part must consist of {_LABEL_RULE}',
                )
            )
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            causes.append(
                (
                    field,
                    f'Invalid value: "{value}": a valid label must be an empty string or consist of {_LABEL_RULE}',
                )
            )
        elif len(value) > 63:
            causes.append((field, f'Invalid value: "{value}": must be no more than 63 characters'))
    return causes


def _pod_causes(obj: Json, field: str = 'spec') -> list[tuple[str, str]]:
    containers = (obj.get('spec') or {}).get('containers') or []
    causes = [] if containers else [(f'{field}.containers', 'Required value')]
    for index, container in enumerate(containers):
        for key in ('name', 'image'):
            if not container.get(key):
                causes.append((f'{field}.containers[{index}].{key}', 'Required value'))
    return causes


def _workload_causes(obj: Json) -> list[tuple[str, str]]:
    spec = obj.get('spec') or {}
    selector, template = spec.get('selector'), spec.get('template') or {}
    causes = [] if selector else [('spec.selector', 'Required value')]
    labels = (template.get('metadata') or {}).get('labels') or {}
    wanted = selector if obj['apiVersion'] != 'v1' else {'matchLabels': selector or {}}
    if selector and not _selectors.matches(_selectors.from_object(wanted), labels):
        shown = ' '.join(f'"{key}":"{value}"' for key, value in sorted(labels.items()))
        causes.append(
            (
                'spec.template.metadata.labels',
                f'Invalid value: map[string]string{{{shown}}}: `selector` does not match template `labels`',
            )
        )
    replicas = spec.get('replicas')
    if isinstance(replicas, int) and replicas < 0:
        causes.append(('spec.replicas', f'Invalid value: {replicas}: must be greater than or equal to 0'))
    return causes + _pod_causes(template, 'spec.template.spec')


def _service_causes(obj: Json) -> list[tuple[str, str]]:
    spec = obj.get('spec') or {}
    if spec.get('type') == 'ExternalName' or spec.get('clusterIP') == 'None':
        return []
    causes = [] if spec.get('ports') else [('spec.ports', 'Required value')]
    for index, port in enumerate(spec.get('ports') or []):
        number = port.get('port')
        if not isinstance(number, int) or not 0 < number < 65536:
            causes.append(
                (f'spec.ports[{index}].port', f'Invalid value: {number}: must be between 1 and 65535, inclusive')
            )
    return causes


def _taint_causes(obj: Json) -> list[tuple[str, str]]:
    effects = ('NoSchedule', 'PreferNoSchedule', 'NoExecute')
    return [
        (
            f'spec.taints[{index}].effect',
            f'Unsupported value: "{taint.get("effect")}": supported values: {", ".join(effects)}',
        )
        for index, taint in enumerate((obj.get('spec') or {}).get('taints') or [])
        if taint.get('effect') not in effects
    ]


def _request_causes(obj: Json) -> list[tuple[str, str]]:
    spec = obj.get('spec') or {}
    needed = ['request'] if obj['apiVersion'].endswith('beta1') else ['request', 'signerName', 'usages']
    return [(f'spec.{key}', 'Required value') for key in needed if not spec.get(key)]


def _secret_causes(obj: Json) -> list[tuple[str, str]]:
    note = 'kubernetes.io/service-account.name'
    wanted = obj.get('type') == 'kubernetes.io/service-account-token'
    missing = wanted and not (obj['metadata'].get('annotations') or {}).get(note)
    return [(f'metadata.annotations[{note}]', 'Required value')] if missing else []


_CHECKS = {
    'secrets': _secret_causes,
    'pods': _pod_causes,
    'deployments': _workload_causes,
    'replicasets': _workload_causes,
    'daemonsets': _workload_causes,
    'statefulsets': _workload_causes,
    'replicationcontrollers': _workload_causes,
    'services': _service_causes,
    'certificatesigningrequests': _request_causes,
    'nodes': _taint_causes,
}


def _check_immutable(resource: _resources.Resource, old: Json, new_object: Json) -> None:
    name, group, kind = old['metadata']['name'], resource.group, resource.kind
    before, after = old.get('spec') or {}, new_object.get('spec') or {}
    external = 'ExternalName' in (before.get('type'), after.get('type'))
    moved = bool(before.get('clusterIP')) and after.get('clusterIP') != before['clusterIP']
    if resource.storage == 'services' and moved and not external:
        cause = ('spec.clusterIP', f'Invalid value: "{after.get("clusterIP", "")}": field is immutable')
        raise _statuses.invalid(group, kind, name, [cause])
    apps = resource.storage in ('deployments', 'daemonsets', 'replicasets') and resource.version == 'v1'
    if apps and before.get('selector') != after.get('selector'):
        cause = ('spec.selector', f'Invalid value: {after.get("selector")}: field is immutable')
        raise _statuses.invalid(group, kind, name, [cause])
    if resource.storage.endswith('rolebindings') and old.get('roleRef') != new_object.get('roleRef'):
        raise _statuses.invalid(group, kind, name, [('roleRef', 'Invalid value: cannot change roleRef')])
    if resource.storage == 'pods':
        fixed = {'nodeName', 'serviceAccountName', 'hostNetwork', 'restartPolicy'}
        if any(before.get(key) != after.get(key) for key in fixed):
            why = (
                'Forbidden: pod updates may not change fields other than `spec.containers[*].image`, '
                '`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` '
                '(only additions to existing tolerations)'
            )
            raise _statuses.invalid(group, kind, name, [('spec', why)])
