"""Tools whose names every machine has, but which can only refuse here; credential-get, which needs trust."""

from __future__ import annotations

from collections.abc import Callable

from juju_local._tools._call import Call, FailureError
from juju_local._tools._tool import SMART, Flag, Tool

KUBERNETES_ONLY = ('k8s-raw-get', 'k8s-raw-set', 'k8s-spec-get', 'k8s-spec-set', 'pod-spec-get', 'pod-spec-set')


def _refusal(reason: str) -> Callable[[Call], object]:
    def refuse(_: Call) -> object:
        raise FailureError(reason)

    return refuse


def _credential(call: Call) -> object:
    if not call.model.applications[call.context.app].trust:
        raise FailureError('cannot access cloud credentials: application is not trusted')
    cloud = call.model.settings.cloud
    return {'type': 'local', 'name': cloud, 'region': cloud, 'credential': {'auth-type': 'empty', 'redacted': []}}


TOOLS = (
    *(
        Tool(
            name,
            '[options]',
            'Only for charms on Kubernetes.',
            _refusal(f'{name} is not supported on machines'),
            (Flag(('file',), 'file'),),
        )
        for name in KUBERNETES_ONLY
    ),
    Tool('add-metric', '<key>=<value> [...]', 'Add metrics.', _refusal('cannot record metric: metrics disabled')),
    Tool('credential-get', '[options]', 'Access cloud credentials.', _credential, (), SMART, 0),
)
