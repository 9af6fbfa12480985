"""What deployments and stateful sets are made alike by. Pure."""

from __future__ import annotations

import copy
from typing import Any

from . import _templates

Json = dict[str, Any]

TEMPLATE: Json = {
    'metadata': {'labels': {}},
    'spec': {
        'terminationGracePeriodSeconds': 10,
        'dnsPolicy': 'ClusterFirst',
        'containers': [
            {
                'name': 'container',
                'image': '',
                'resources': {'limits': {}, 'requests': {}},
                'imagePullPolicy': 'IfNotPresent',
                'ports': [],
            }
        ],
    },
}


def made(
    base: Json,
    namespace: str | None,
    name: str | None,
    image: str | None,
    keywords: _templates.Keywords,
    own: tuple[str, ...],
) -> Json:
    """Return `base` filled in; `own` are the keywords that go into its spec as they are."""
    raw = copy.deepcopy(base)
    labels = keywords.get('labels')
    raw['metadata'] |= {'name': name, 'namespace': namespace, **({} if labels is None else {'labels': dict(labels)})}
    spec, inner = raw['spec'], raw['spec']['template']
    spec |= _templates.given(keywords, ('replicas', *own))
    spec['selector'] = {'matchLabels': dict(labels or {})}
    inner['metadata'] |= {**_templates.template_metadata(name, keywords), 'labels': dict(labels or {})}
    inner['spec'] |= _templates.pod_spec(keywords)
    first = {**inner['spec']['containers'][0], **({'name': keywords['container']} if keywords.get('container') else {})}
    inner['spec']['containers'] = [_templates.container(first, image, keywords)]
    return raw
