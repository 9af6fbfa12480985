"""The kubelet stand-in beside both API servers, its own and the real one. (End-to-end tests have a real kubelet.)"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _certificates import Authority
from _programs import VERSION, Http, eventually, free_port, run, started

NODE = 'node-a'


def kubelet_flags(cluster: Any, folder: Path, **more: object) -> dict[str, object]:
    return {
        'kubeconfig': cluster.kubeconfig('kubelet', 'node-token'), 'hostname-override': NODE, 'node-ip': '127.0.0.1',
        'container-runtime': 'remote', 'container-runtime-endpoint': '', 'network-plugin': 'cni', 'port': free_port(),
        'healthz-port': 0, 'cni-conf-dir': folder, 'fail-swap-on': 'false',
        **{k.replace('_', '-'): v for k, v in more.items()},
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / '10-test.conflist').write_text('{}')
    return tmp_path


@contextlib.contextmanager
def kubelet(cluster: Any, folder: Path, **more: object) -> Iterator[dict[str, object]]:
    flags = kubelet_flags(cluster, folder, **more)
    with started(folder, 'kubelet', flags):
        yield flags
    cluster.admin.call('DELETE', f'/api/v1/nodes/{NODE}')


def ready(cluster: Any) -> str:
    node = cluster.admin.get(f'/api/v1/nodes/{NODE}')
    return next(item for item in node['status']['conditions'] if item['type'] == 'Ready')['status']


def test_a_kubelet_registers_a_ready_node_with_its_address(cluster: Any, folder: Path) -> None:
    with kubelet(cluster, folder):
        eventually(lambda: ready(cluster) == 'True')
        node = cluster.admin.get(f'/api/v1/nodes/{NODE}')
        assert {'type': 'InternalIP', 'address': '127.0.0.1'} in node['status']['addresses']
        assert node['status']['nodeInfo']['kubeletVersion'] == VERSION
        assert node['metadata']['labels']['kubernetes.io/hostname'] == NODE


def test_a_node_is_not_ready_before_there_is_a_network_configuration(cluster: Any, folder: Path) -> None:
    (folder / '10-test.conflist').unlink()
    with kubelet(cluster, folder):
        eventually(lambda: ready(cluster) == 'False')
        (folder / '10-test.conflist').write_text('{}')
        eventually(lambda: ready(cluster) == 'True')


def test_a_pod_bound_to_the_node_runs_and_goes_when_it_is_deleted(cluster: Any, folder: Path, namespace: str) -> None:
    path = f'/api/v1/namespaces/{namespace}/pods'
    with kubelet(cluster, folder):
        eventually(lambda: ready(cluster) == 'True')
        spec = {'nodeName': NODE, 'containers': [{'name': 'c', 'image': 'i'}]}
        cluster.admin.post(path, {'metadata': {'name': 'p'}, 'spec': spec})
        running = eventually(lambda: (pod := cluster.admin.get(f'{path}/p'))['status']['phase'] == 'Running' and pod)
        assert running['status']['podIP'] and running['status']['containerStatuses'][0]['ready']
        status, deleted = cluster.admin.call('DELETE', f'{path}/p')
        assert status == 200 and deleted['metadata']['deletionGracePeriodSeconds'] == 30
        eventually(lambda: cluster.admin.call('GET', f'{path}/p')[0] == 404)


def test_a_restarted_kubelet_keeps_the_node_it_finds_cordoned(cluster: Any, folder: Path) -> None:
    flags = kubelet_flags(cluster, folder)
    with started(folder, 'kubelet', flags):
        eventually(lambda: ready(cluster) == 'True')
    patch = {'spec': {'unschedulable': True}}
    cluster.admin.call('PATCH', f'/api/v1/nodes/{NODE}', patch, kind='application/merge-patch+json')
    with kubelet(cluster, folder):
        before = cluster.admin.get(f'/api/v1/nodes/{NODE}')
        eventually(lambda: cluster.admin.get(f'/api/v1/nodes/{NODE}') != before)
        assert cluster.admin.get(f'/api/v1/nodes/{NODE}')['spec']['unschedulable'] is True


def test_the_port_serves_the_certificate_of_the_files_and_wants_a_client_certificate(
    cluster: Any, folder: Path
) -> None:
    authority = Authority(folder)
    certificate, key = authority.issue('kubelet', 'kubelet')
    client = authority.issue('client', 'client')
    files = {'tls_cert_file': certificate, 'tls_private_key_file': key, 'client_ca_file': authority.path}
    with kubelet(cluster, folder, anonymous_auth='false', **files) as flags:
        port = flags['port']
        eventually(lambda: socket.create_connection(('127.0.0.1', port), 1).close() is None)
        served = ssl.get_server_certificate(('127.0.0.1', port), ca_certs=str(authority.path))
        assert served.strip() == certificate.read_text().strip()
        assert Http(f'https://127.0.0.1:{port}', authority.path).call('GET', '/healthz') == (401, 'Unauthorized')
        trusted = Http(f'https://127.0.0.1:{port}', authority.path, certificate=client)
        assert trusted.call('GET', '/healthz') == (200, 'ok')


@pytest.mark.parametrize(
    ('version', 'arguments', 'words'),
    [
        ('v1.12.10', ['--require-kubeconfig=true'], 'unknown flag: --require-kubeconfig'),
        ('v1.15.3', ['--allow-privileged=true'], 'unknown flag: --allow-privileged'),
        ('v1.28.1', ['--feature-gates=DevicePlugins=true'], 'unrecognized feature gate: DevicePlugins'),
        ('v1.20.15', ['--docker-endpoint=unix:///no', '--fail-swap-on=false'], 'Is the docker daemon running?'),
    ],
)  # fmt: skip
def test_a_kubelet_refuses_what_the_real_one_of_its_version_refuses(
    tmp_path: Path, version: str, arguments: list[str], words: str
) -> None:
    ended = run(tmp_path, 'kubelet', *arguments, version=version)
    assert (ended.returncode, words in ended.stderr) == (255, True), ended.stderr[-500:]


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--frobnicate'], 'unknown flag: --frobnicate'),
        (['--fail-swap-on=perhaps'], 'strconv.ParseBool: parsing "perhaps": invalid syntax'),
        (['--kubeconfig=/nowhere/kubeconfig'], 'stat /nowhere/kubeconfig: no such file or directory'),
        (['--config=/nowhere/c.yaml'], 'failed to read kubelet config file "/nowhere/c.yaml"'),
    ],
)
def test_a_kubelet_refuses_flags_and_files_that_are_not_there(
    tmp_path: Path, programs: Path | None, arguments: list[str], words: str
) -> None:
    ended = run(tmp_path, 'kubelet', *arguments, real=programs)
    assert (ended.returncode, words in ended.stderr) == (255, True), ended.stderr[:500]


@pytest.mark.parametrize(
    ('field', 'words'),
    [
        ('maxPods: many', 'cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32'),
        ('clusterDNS: 10.0.0.10', 'KubeletConfiguration.clusterDNS of type []string'),
        ('featureGates: {Nonsense: true}', 'unrecognized feature gate: Nonsense'),
        ('port: 0', 'Port (--port) 0 must be between 1 and 65535'),
        ('a: [', 'yaml:'),
    ],
)
def test_a_kubelet_refuses_a_configuration_it_cannot_read(tmp_path: Path, field: str, words: str) -> None:
    path = tmp_path / 'config.yaml'
    path.write_text(f'kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\n{field}\n')
    ended = run(tmp_path, 'kubelet', f'--config={path}', version='v1.20.15')
    assert ended.returncode == 255 and words in ended.stderr, ended.stderr


def test_help_marks_what_is_deprecated_and_version_names_the_snap(tmp_path: Path) -> None:
    assert run(tmp_path, 'kubelet', '--version', version='v1.12.10').stdout == 'Kubernetes v1.12.10\n'
    lines = run(tmp_path, 'kubelet', '-h', version='v1.12.10').stdout.splitlines()
    assert any('--allow-privileged' in line and 'DEPRECATED' in line for line in lines)
    assert any('--kubeconfig' in line and 'DEPRECATED' not in line for line in lines)
