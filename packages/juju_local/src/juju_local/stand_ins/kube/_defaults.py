"""What the API server fills in, kind by kind. Pure: each function returns a new object."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def _pod_spec(spec: Json) -> Json:
    defaults: Json = {
        'restartPolicy': 'Always',
        'terminationGracePeriodSeconds': 30,
        'dnsPolicy': 'ClusterFirst',
        'securityContext': {},
        'schedulerName': 'default-scheduler',
    }
    spec = {**defaults, **spec, 'containers': [_container(item) for item in spec.get('containers') or []]}
    if spec.get('serviceAccountName'):
        spec['serviceAccount'] = spec['serviceAccountName']
    return spec


def _container(container: Json) -> Json:
    image = str(container.get('image', ''))
    latest = ':' not in image.rpartition('/')[2] or image.endswith(':latest')
    defaults: Json = {
        'resources': {},
        'terminationMessagePath': '/dev/termination-log',
        'terminationMessagePolicy': 'File',
        'imagePullPolicy': 'Always' if latest else 'IfNotPresent',
    }
    if container.get('ports'):
        defaults['ports'] = [{'protocol': 'TCP', **port} for port in container['ports']]
    return {**defaults, **container, **{key: defaults[key] for key in ('ports',) if key in defaults}}


def _pod(obj: Json) -> Json:
    spec = _pod_spec(obj.get('spec') or {})
    spec.setdefault('serviceAccountName', 'default')
    spec.setdefault('serviceAccount', spec['serviceAccountName'])
    tolerations = list(spec.get('tolerations') or [])
    for key in ('node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'):
        if not any(item.get('key') in (key, None) and item.get('operator') == 'Exists' for item in tolerations):
            tolerations.append({'key': key, 'operator': 'Exists', 'effect': 'NoExecute', 'tolerationSeconds': 300})
    return {**obj, 'spec': {**spec, 'tolerations': tolerations}}


def _workload(**defaults: Any) -> Callable[[Json], Json]:
    def fill(obj: Json) -> Json:
        spec = {**defaults, **(obj.get('spec') or {})}
        if 'template' in spec:
            template = spec['template'] or {}
            spec['template'] = {'metadata': {}, **template, 'spec': _pod_spec(template.get('spec') or {})}
            labels = (spec['template'].get('metadata') or {}).get('labels')
            if not spec.get('selector') and labels and not obj['apiVersion'].endswith('/v1'):
                spec['selector'] = dict(labels) if obj['apiVersion'] == 'v1' else {'matchLabels': dict(labels)}
        return {**obj, 'spec': spec}

    return fill


def _service(obj: Json) -> Json:
    spec = {'type': 'ClusterIP', 'sessionAffinity': 'None', **(obj.get('spec') or {})}
    spec['ports'] = [
        {'protocol': 'TCP', **port, 'targetPort': port.get('targetPort') or port.get('port')}
        for port in spec.get('ports') or []
    ]
    if spec['type'] in ('NodePort', 'LoadBalancer'):
        spec.setdefault('externalTrafficPolicy', 'Cluster')
    return {**obj, 'spec': spec}


def _secret(obj: Json) -> Json:
    text = obj.get('stringData') or {}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
    filled = {'type': 'Opaque', **{key: value for key, value in obj.items() if key != 'stringData'}}
    if encoded:
        filled['data'] = {**(obj.get('data') or {}), **encoded}
    return filled


def _namespace(obj: Json) -> Json:
    return {**obj, 'spec': {'finalizers': ['kubernetes'], **(obj.get('spec') or {})}}


def _job(obj: Json) -> Json:
    """Fill in counts and, as the server does for jobs, a selector that only its own pods fit."""
    spec = {'parallelism': 1, 'completions': 1, 'backoffLimit': 6, **(obj.get('spec') or {})}
    meta, template = obj['metadata'], spec.get('template') or {}
    if not spec.get('manualSelector') and meta.get('uid'):
        own = {'controller-uid': meta['uid'], 'job-name': meta['name']}
        inner = template.get('metadata') or {}
        labels = {**(inner.get('labels') or {}), **own}
        spec['template'] = {**template, 'metadata': {**inner, 'labels': labels}}
        spec.setdefault('selector', {'matchLabels': {'controller-uid': meta['uid']}})
    return _workload()({**obj, 'spec': spec})


def _binding(obj: Json) -> Json:
    """Fill in the API group of a role binding's subjects and role."""
    group = 'rbac.authorization.k8s.io'
    role = {'apiGroup': group, **(obj.get('roleRef') or {})}
    subjects = [
        {**({'apiGroup': group} if subject.get('kind') != 'ServiceAccount' else {}), **subject}
        for subject in obj.get('subjects') or []
    ]
    return {**obj, 'roleRef': role, **({'subjects': subjects} if subjects else {})}


_DEFAULTS: dict[str, Callable[[Json], Json]] = {
    'pods': _pod,
    'deployments': _workload(
        replicas=1,
        strategy={'type': 'RollingUpdate', 'rollingUpdate': {'maxUnavailable': '25%', 'maxSurge': '25%'}},
        revisionHistoryLimit=10,
        progressDeadlineSeconds=600,
    ),
    'replicasets': _workload(replicas=1),
    'replicationcontrollers': _workload(replicas=1),
    'daemonsets': _workload(
        updateStrategy={'type': 'RollingUpdate', 'rollingUpdate': {'maxUnavailable': 1}}, revisionHistoryLimit=10
    ),
    'statefulsets': _workload(replicas=1, podManagementPolicy='OrderedReady', revisionHistoryLimit=10),
    'jobs': _job,
    'services': _service,
    'secrets': _secret,
    'namespaces': _namespace,
    'rolebindings': _binding,
    'clusterrolebindings': _binding,
}

_STATUS: dict[str, Json] = {
    'pods': {'phase': 'Pending', 'qosClass': 'BestEffort'},
    'namespaces': {'phase': 'Active'},
    'services': {'loadBalancer': {}},
    'ingresses': {'loadBalancer': {}},
    'persistentvolumes': {'phase': 'Pending'},
    'persistentvolumeclaims': {'phase': 'Pending'},
    'replicasets': {'replicas': 0},
    'replicationcontrollers': {'replicas': 0},
    'daemonsets': {
        'currentNumberScheduled': 0, 'numberMisscheduled': 0, 'desiredNumberScheduled': 0, 'numberReady': 0,
    },
}  # fmt: skip


def filled(storage: str, obj: Json) -> Json:
    """Return the object with this kind's defaults."""
    fill = _DEFAULTS.get(storage)
    result = fill(obj) if fill else obj
    if storage == 'replicationcontrollers' and not (result['spec'].get('selector')):
        labels = ((result['spec'].get('template') or {}).get('metadata') or {}).get('labels')
        result = {**result, 'spec': {**result['spec'], 'selector': labels or {}}}
    return result


def initial_status(storage: str) -> Json:
    """Return the status of an object that was just made."""
    return dict(_STATUS.get(storage, {}))
