"""Addresses, as 0.3.44 hands them out and as programs hand them back."""

from __future__ import annotations

import pytest
from aioclustermanager.k8s import _operations
from aioclustermanager.k8s._operations import DELETE_OPS, GET_OPS, KINDS, POST_OPS, WATCH_OPS, watched
from aioclustermanager.kubernetes import Resource
from hypothesis import given
from hypothesis import strategies as st

PLACE = {'scheme': 'https', 'endpoint': 'h:1', 'namespace': 'n', 'name': 'x'}
NAMES = st.text('abcdefghijklmnopqrstuvwxyz0123456789-.', min_size=1).filter(lambda name: name.strip('.'))


@pytest.mark.parametrize('kind', KINDS)
def test_the_tables_address_the_objects_of_their_kind(kind: str) -> None:
    resource = KINDS[kind]
    path = resource.one('x', 'n') if resource.namespaced else resource.one('n')
    for address in (WATCH_OPS[kind], DELETE_OPS[kind][0]):
        assert address.format(**PLACE) == f'https://h:1{path}'
    if kind != 'execution':
        address, version = POST_OPS[kind]
        assert (address.format(**PLACE), version) == (f'https://h:1{path.rpartition("/")[0]}', resource.api_version)


@pytest.mark.parametrize(
    ('name', 'path'),
    [
        ('executions', '/api/v1/namespaces/n/pods/?labelSelector=job-name=x'),
        ('log', '/api/v1/namespaces/n/pods/x/log'),
        ('nodes', '/api/v1/nodes/'),
        ('list_tfjobs', '/apis/kubeflow.org/v1alpha1/namespaces/n/tfjobs'),
        ('scale_deploy', '/apis/apps/v1/namespaces/n/deployments/x/scale'),
    ],
)
def test_the_table_of_reads_has_what_is_no_kind_too(name: str, path: str) -> None:
    assert GET_OPS[name].format(**PLACE) == f'https://h:1{path}'


@given(st.sampled_from(['', 'watch/']), st.sampled_from(['', 'apps', 'kubeflow.org']), NAMES, NAMES, st.none() | NAMES)
def test_what_an_address_names_is_understood(
    form: str, group: str, plural: str, namespace: str, name: str | None
) -> None:
    root = f'/apis/{group}/v1/{form}' if group else f'/api/v1/{form}'
    path = f'{root}namespaces/{namespace}/{plural}' + (f'/{name}' if name else '')
    found, where, what = watched(path)
    assert (found.group, found.version, found.plural, found.namespaced) == (group, 'v1', plural, True)
    assert (where, what) == (namespace, name or '')


@pytest.mark.parametrize(
    ('path', 'told'),
    [
        ('/api/v1/nodes', (Resource('', 'v1', 'nodes', 'Node', namespaced=False), '', '')),
        ('/api/v1/watch/nodes/a', (Resource('', 'v1', 'nodes', 'Node', namespaced=False), '', 'a')),
        ('/api/v1/namespaces', (Resource('', 'v1', 'namespaces', 'Namespace', namespaced=False), '', '')),
        ('/api/v1/watch/namespaces/n', (Resource('', 'v1', 'namespaces', 'Namespace', namespaced=False), '', 'n')),
        ('/apis/example.com/v2/things', (Resource('example.com', 'v2', 'things', '', namespaced=False), '', '')),
    ],
)
def test_what_is_in_no_namespace_is_understood(path: str, told: object) -> None:
    assert watched(path) == told


@pytest.mark.parametrize('path', ['/', '/version', '/api/v1', '/apis/apps/v1', '/api/v1/namespaces/n/pods/p/log'])
def test_what_is_no_object_cannot_be_watched(path: str) -> None:
    with pytest.raises(ValueError, match=f'cannot watch {path}'):
        watched(path)


def test_an_unknown_kind_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown kind 'cron': known are namespace, job, deploy"):
        _operations.resource('cron')
