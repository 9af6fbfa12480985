"""What cdk-addons deploys: manifests from the snap's options. Pure.

Every object has the label cdk-addons=true; those in the cluster with the label that are no longer wanted are deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
LABEL = {'cdk-addons': 'true'}
# Where objects may lie, for pruning: plural to the path of its group and version.
PLACES = {
    'services': '/api/v1', 'serviceaccounts': '/api/v1', 'configmaps': '/api/v1', 'secrets': '/api/v1',
    'deployments': '/apis/apps/v1', 'daemonsets': '/apis/apps/v1',
}  # fmt: skip
_PLURALS = {
    'Service': 'services', 'ServiceAccount': 'serviceaccounts', 'ConfigMap': 'configmaps', 'Secret': 'secrets',
    'Deployment': 'deployments', 'DaemonSet': 'daemonsets',
}  # fmt: skip


def path(obj: Json) -> str:
    """Return the path of the collection an object belongs to."""
    plural = _PLURALS[obj['kind']]
    return f'{PLACES[plural]}/namespaces/{obj["metadata"]["namespace"]}/{plural}'


def manifests(options: Mapping[str, str]) -> list[Json]:
    """Return the objects that these snap options ask for."""
    registry = options.get('registry') or 'k8s.gcr.io'
    provider = options.get('dns-provider') or (
        'kube-dns' if options.get('enable-kube-dns', 'true') == 'true' else 'none'
    )
    found: list[Json] = []
    if provider != 'none':
        found += _dns(provider, options, registry)
    if options.get('enable-dashboard') == 'true':
        found += _simple('kubernetes-dashboard', f'{registry}/kubernetes-dashboard-amd64:v1.8.3', 443, 8443)
        found += _simple('heapster', f'{registry}/heapster-amd64:v1.6.0-beta.1', 80, 8082)
        found += _simple('monitoring-influxdb', f'{registry}/heapster-influxdb-amd64:v1.3.3', 8086, 8086)
    if options.get('enable-metrics') == 'true':
        found += _simple('metrics-server', f'{registry}/metrics-server-amd64:v0.2.1', 443, 443)
    if options.get('enable-gpu') == 'true':
        found.append(_device_plugin())
    return found


def _meta(name: str, /, **labels: str) -> Json:
    return {'name': name, 'namespace': 'kube-system', 'labels': {**LABEL, **labels}}


def _deployment(name: str, containers: list[Json], /, **labels: str) -> Json:
    template: Json = {'metadata': {'labels': labels}, 'spec': {'serviceAccountName': name, 'containers': containers}}
    template['spec']['tolerations'] = [{'key': 'CriticalAddonsOnly', 'operator': 'Exists'}]
    spec = {'replicas': 1, 'selector': {'matchLabels': labels}, 'template': template}
    return {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': _meta(name, **labels), 'spec': spec}


def _account(name: str) -> Json:
    return {'apiVersion': 'v1', 'kind': 'ServiceAccount', 'metadata': _meta(name)}


def _service(name: str, labels: Json, ports: list[Json], address: str = '') -> Json:
    spec: Json = {'selector': labels, 'ports': ports} | ({'clusterIP': address} if address else {})
    return {'apiVersion': 'v1', 'kind': 'Service', 'metadata': _meta(name, **labels), 'spec': spec}


def _simple(name: str, image: str, port: int, target: int) -> list[Json]:
    labels = {'k8s-app': name}
    containers = [{'name': name, 'image': image, 'ports': [{'containerPort': target, 'protocol': 'TCP'}]}]
    ports = [{'port': port, 'targetPort': target, 'protocol': 'TCP'}]
    return [_account(name), _deployment(name, containers, **labels), _service(name, labels, ports)]


def _dns(provider: str, options: Mapping[str, str], registry: str) -> list[Json]:
    labels = {'k8s-app': 'kube-dns'}
    domain = options.get('dns-domain') or 'cluster.local'
    names = ['kubedns', 'dnsmasq', 'sidecar'] if provider == 'kube-dns' else ['coredns']
    images = {'coredns': f'{registry}/coredns-amd64:1.6.2'}
    containers = [
        {
            'name': name,
            'image': images.get(name, f'{registry}/k8s-dns-{name}-amd64:1.14.13'),
            'args': [f'--domain={domain}.'],
        }
        for name in names
    ]
    name = 'kube-dns' if provider == 'kube-dns' else 'coredns'
    ports = [
        {'name': 'dns', 'port': 53, 'targetPort': 53, 'protocol': 'UDP'},
        {'name': 'dns-tcp', 'port': 53, 'targetPort': 53, 'protocol': 'TCP'},
    ]
    service = _service('kube-dns', labels, ports, options.get('dns-ip', ''))
    return [_account(name), _deployment(name, containers, **labels), service]


def _device_plugin() -> Json:
    labels = {'name': 'nvidia-device-plugin-ds'}
    container = {'name': 'nvidia-device-plugin-ctr', 'image': 'nvidia/k8s-device-plugin:1.11'}
    spec = {'nodeSelector': {'gpu': 'true'}, 'containers': [container]}
    body = {'selector': {'matchLabels': labels}, 'template': {'metadata': {'labels': labels}, 'spec': spec}}
    meta = _meta('nvidia-device-plugin-daemonset', **labels)
    return {'apiVersion': 'apps/v1', 'kind': 'DaemonSet', 'metadata': meta, 'spec': body}
