from __future__ import annotations

from typing import Any


def config_map(name: str = 'one', **data: str) -> dict[str, Any]:
    return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name}, 'data': data}


def test_a_created_object_has_what_the_server_fills_in(cluster: Any, namespace: str) -> None:
    path = f'/api/v1/namespaces/{namespace}/configmaps'
    made = cluster.admin.post(path, config_map(a='1'))
    assert made['metadata']['namespace'] == namespace
    assert made['metadata']['uid'] and made['metadata']['creationTimestamp'].endswith('Z')
    assert cluster.admin.get(f'{path}/one') == made
