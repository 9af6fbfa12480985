"""The custom resources of hub and spoke, as far as an agent uses them. Computes only."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_TEXT: Json = {'type': 'string'}
_NUMBER: Json = {'type': 'integer', 'format': 'int32'}
_OPEN: Json = {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True}


def _object(required: tuple[str, ...] = (), **properties: Json) -> Json:
    made: Json = {'type': 'object', 'properties': properties}
    return {**made, 'required': list(required)} if required else made


def _list(items: Json) -> Json:
    return {'type': 'array', 'items': items}


def _sized(least: int, most: int) -> Json:
    return {'type': 'string', 'minLength': least, 'maxLength': most}


_CONDITIONS = _list(
    _object(
        ('type', 'status', 'lastTransitionTime', 'reason', 'message'),
        type=_sized(1, 316),
        status={'type': 'string', 'enum': ['True', 'False', 'Unknown']},
        lastTransitionTime={'type': 'string', 'format': 'date-time'},
        reason=_sized(1, 1024),
        message={'type': 'string', 'maxLength': 32768},
        observedGeneration={'type': 'integer', 'format': 'int64'},
    )
)
_AMOUNTS: Json = {
    'type': 'object',
    'additionalProperties': {'anyOf': [{'type': 'integer'}, {'type': 'string'}], 'x-kubernetes-int-or-string': True},
}
_CLAIMS = _list(_object(name=_sized(1, 253), value=_sized(1, 1024)))
_TAINT = _object(
    ('effect', 'key'),
    key={'type': 'string', 'maxLength': 316},
    value={'type': 'string', 'maxLength': 1024},
    effect={'type': 'string', 'enum': ['NoSelect', 'PreferNoSelect', 'NoSelectIfNew']},
    timeAdded={'type': 'string', 'format': 'date-time', 'nullable': True},
)
_CLUSTER = _object(
    spec=_object(
        hubAcceptsClient={'type': 'boolean'},
        leaseDurationSeconds={**_NUMBER, 'default': 60},
        managedClusterClientConfigs=_list(_object(url=_TEXT, caBundle={'type': 'string', 'format': 'byte'})),
        taints=_list(_TAINT),
    ),
    status=_object(
        conditions=_CONDITIONS,
        capacity=_AMOUNTS,
        allocatable=_AMOUNTS,
        version=_object(kubernetes=_TEXT),
        clusterClaims=_CLAIMS,
    ),
)
_ADDON = _object(
    ('spec',),
    spec=_object(installNamespace={'type': 'string', 'maxLength': 63}, configs=_list(_OPEN)),
    status=_object(
        conditions=_CONDITIONS,
        namespace=_TEXT,
        registrations=_list(
            _object(
                signerName=_TEXT,
                subject=_object(user=_TEXT, groups=_list(_TEXT), organizationUnit=_list(_TEXT)),
            )
        ),
        healthCheck=_object(mode={'type': 'string', 'enum': ['Lease', 'Customized'], 'default': 'Lease'}),
        addOnMeta=_OPEN,
        configReferences=_list(_OPEN),
        supportedConfigs=_list(_OPEN),
        relatedObjects=_list(_OPEN),
    ),
)
_CLAIM = _object(spec=_object(value=_sized(1, 1024)))


def _definition(
    group: str, version: str, plural: str, kind: str, scope: str, schema: Json, short: tuple[str, ...] = ()
) -> Json:
    served: Json = {'name': version, 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': schema}}
    if 'status' in schema['properties']:
        served['subresources'] = {'status': {}}
    names = {'plural': plural, 'singular': kind.lower(), 'kind': kind, 'listKind': f'{kind}List'}
    return {
        'apiVersion': 'apiextensions.k8s.io/v1',
        'kind': 'CustomResourceDefinition',
        'metadata': {'name': f'{plural}.{group}'},
        'spec': {'group': group, 'scope': scope, 'names': {**names, 'shortNames': list(short)}, 'versions': [served]},
    }


_CLUSTERS, _ADDONS = 'cluster.open-cluster-management.io', 'addon.open-cluster-management.io'
OF_HUB = (
    _definition(_CLUSTERS, 'v1', 'managedclusters', 'ManagedCluster', 'Cluster', _CLUSTER, ('mcl', 'mcls')),
    _definition(
        _ADDONS, 'v1alpha1', 'managedclusteraddons', 'ManagedClusterAddOn', 'Namespaced', _ADDON, ('mca', 'mcas')
    ),
)
OF_SPOKE = (_definition(_CLUSTERS, 'v1alpha1', 'clusterclaims', 'ClusterClaim', 'Cluster', _CLAIM),)
