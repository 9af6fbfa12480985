"""Several API servers on one etcd, kills, refusals, controllers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _programs import SNAPS, Http, eventually, free_port, real_programs, run, started
from juju_local.stand_ins.kube import _client, _leader

REAL_IS_SLOW = True
KUBERNETES = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy']


@pytest.fixture
def stand_ins(cluster: Any) -> Any:
    """The cluster of stand-ins, for what only they can do: fail on demand, be of an old version."""
    if cluster.real:
        pytest.skip('of stand-ins only')
    return cluster


@contextlib.contextmanager
def second_server(cluster: Any, folder: Path) -> Iterator[Any]:
    port = free_port()
    real = real_programs() if cluster.real else None
    with started(folder, 'kube-apiserver', {**cluster.flags, 'secure-port': port}, real=real) as process:
        http = Http(f'https://127.0.0.1:{port}', cluster.authority, token='admin-token')
        eventually(lambda: http.call('GET', '/readyz')[0] == 200)
        yield http, process


def test_two_servers_show_each_others_writes_at_once(cluster: Any, namespace: str, tmp_path: Path) -> None:
    path = f'/api/v1/namespaces/{namespace}/configmaps'
    with second_server(cluster, tmp_path) as (second, _):
        for index in range(20):
            writer, reader = (cluster.admin, second) if index % 2 else (second, cluster.admin)
            made = writer.post(path, {'metadata': {'name': f'c{index}'}})
            assert reader.get(f'{path}/c{index}') == made
            names = {item['metadata']['name'] for item in reader.get(path)['items']}
            assert names - {'kube-root-ca.crt'} == {f'c{before}' for before in range(index + 1)}


def test_a_conflict_is_seen_across_servers(cluster: Any, namespace: str, tmp_path: Path) -> None:
    path = f'/api/v1/namespaces/{namespace}/configmaps'
    with second_server(cluster, tmp_path) as (second, _):
        first = cluster.admin.post(path, {'metadata': {'name': 'c'}})
        assert second.call('PUT', f'{path}/c', {**first, 'data': {'a': '1'}})[0] == 200
        assert cluster.admin.call('PUT', f'{path}/c', {**first, 'data': {'a': '2'}})[0] == 409


def test_a_killed_server_loses_nothing_and_old_watches_are_gone(cluster: Any, namespace: str, tmp_path: Path) -> None:
    path = f'/api/v1/namespaces/{namespace}/configmaps'
    with second_server(cluster, tmp_path) as (second, process):
        made = second.post(path, {'metadata': {'name': 'c'}})
        process.kill()
        process.wait()
    cluster.admin.post(path, {'metadata': {'name': 'd'}})
    with second_server(cluster, tmp_path) as (second, _):
        assert second.get(f'{path}/c') == made
        version = made['metadata']['resourceVersion']
        with second.open('GET', f'{path}?watch=1&timeoutSeconds=60&resourceVersion={version}') as stream:
            event = json.loads(stream.readline())
        assert (event['type'], event['object']['code']) == ('ERROR', 410)


@pytest.mark.parametrize('program', KUBERNETES)
def test_an_unknown_flag_ends_a_program(tmp_path: Path, programs: Path | None, program: str) -> None:
    ended = run(tmp_path, program, '--frobnicate=1', real=programs)
    assert ended.returncode == (255 if program == 'kubelet' else 1) and 'unknown flag: --frobnicate' in ended.stderr


@pytest.mark.parametrize('program', KUBERNETES)
def test_version_and_help_are_those_of_the_snap(tmp_path: Path, program: str) -> None:
    assert run(tmp_path, program, '--version', version='v1.12.10').stdout == 'Kubernetes v1.12.10\n'
    helped = run(tmp_path, program, '--help', version='v1.12.10')
    assert helped.returncode == 0
    known = json.loads((SNAPS / program / 'snap.json').read_text())['options']
    for name in ('kubeconfig', 'secure-port'):
        assert (f'--{name} ' in helped.stdout) is (name in known)


APISERVER = ['--etcd-servers=http://127.0.0.1:1', '--insecure-port=0']


@pytest.mark.parametrize(
    ('version', 'arguments', 'words'),
    [
        ('v1.12.10', [], '--etcd-servers must be specified'),
        ('v1.12.10', [*APISERVER, '--authorization-mode=Nonsense'], '"Nonsense" is not a valid mode'),
        ('v1.12.10', [*APISERVER, '--tls-cert-file=/no.crt'], 'open /no.crt: no such file or directory'),
        ('v1.12.10', [*APISERVER, '--admission-control=Nonsense'], 'unknown admission plugin: "Nonsense"'),
        ('v1.13.12', [*APISERVER, '--storage-backend=etcd2'], '--storage-backend invalid'),
        ('v1.20.15', ['--etcd-servers=x', '--insecure-port=8080'], 'invalid port value 8080: only zero is allowed'),
        ('v1.20.15', [*APISERVER], 'service-account-issuer is a required flag'),
    ],
)
def test_an_api_server_refuses_what_the_real_one_refuses(
    tmp_path: Path, version: str, arguments: list[str], words: str
) -> None:
    ended = run(tmp_path, 'kube-apiserver', *arguments, version=version)
    assert ended.returncode == 1 and words in ended.stderr, ended.stderr


def test_a_token_file_with_too_few_columns_ends_the_api_server(tmp_path: Path) -> None:
    path = tmp_path / 'tokens.csv'
    path.write_text('token,user\n')
    ended = run(tmp_path, 'kube-apiserver', *APISERVER, f'--token-auth-file={path}', version='v1.12.10')
    assert ended.returncode == 1 and 'must have at least 3 columns' in ended.stderr


@pytest.mark.parametrize('program', ['kube-proxy', 'kube-scheduler', 'kube-controller-manager'])
def test_a_missing_kubeconfig_ends_a_program(tmp_path: Path, programs: Path | None, program: str) -> None:
    ended = run(tmp_path, program, '--kubeconfig=/nowhere/config', real=programs)
    assert ended.returncode == 1 and 'stat /nowhere/config: no such file or directory' in ended.stderr


@pytest.mark.parametrize(
    ('field', 'code', 'words'),
    [
        ('clusterCIDR: 5', 255, 'failed complete: failed to decode: '),
        ('conntrack: {maxPerCore: many}', 255, 'failed complete: failed to decode: '),
        ('iptables: {syncPeriod: 5}', 255, 'failed complete: failed to decode: '),
        ('a: [', 255, 'failed complete: failed to decode: yaml: '),
        ('featureGates: {Nonsense: true}', 255, 'failed complete: unrecognized feature gate: Nonsense'),
        ('mode: nonsense', 255, 'Invalid value: "nonsense": must be iptables,ipvs,userspace or blank'),
        ('clientConnection: {kubeconfig: /nowhere/config}', 1, 'stat /nowhere/config: no such file or directory'),
        ('unheardOf: 1\nmode: nonsense', 255, 'using lenient decoding as strict decoding failed'),
    ],
)
def test_a_kube_proxy_refuses_a_file_it_cannot_use_and_warns_of_a_field_it_does_not_know(
    tmp_path: Path, programs: Path | None, field: str, code: int, words: str
) -> None:
    path = tmp_path / 'config.yaml'
    path.write_text(f'kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\n{field}\n')
    ended = run(tmp_path, 'kube-proxy', f'--config={path}', real=programs)
    assert (ended.returncode, words in ended.stderr) == (code, True), ended.stderr[:500]


def test_the_insecure_port_lets_everybody_in(stand_ins: Any, tmp_path: Path) -> None:
    port = free_port()
    flags = {key: value for key, value in stand_ins.flags.items() if key != 'service-account-issuer'}
    flags |= {'secure-port': 0, 'insecure-port': port}
    with started(tmp_path, 'kube-apiserver', flags, version='v1.12.10'):
        http = Http(f'http://127.0.0.1:{port}', None)
        eventually(lambda: http.call('GET', '/healthz') == (200, 'ok'))
        assert http.get('/version')['gitVersion'] == 'v1.12.10'
        assert http.get('/api/v1/namespaces/default')['metadata']['name'] == 'default'


def test_a_request_fails_as_often_as_was_ordered(stand_ins: Any, namespace: str) -> None:
    rules = stand_ins.folder / 'var/lib/stand-in/fail/kube-apiserver.requests.json'
    rules.parent.mkdir(parents=True, exist_ok=True)
    path = f'/api/v1/namespaces/{namespace}/configmaps'
    rules.write_text(json.dumps([{'match': f'POST {path}', 'code': 429, 'times': 2, 'message': 'slow down'}]))
    codes = [stand_ins.admin.call('POST', path, {'metadata': {'name': 'c'}})[0] for _ in range(3)]
    assert codes == [429, 429, 201]


def test_one_of_two_candidates_leads_until_it_falls_silent(cluster: Any) -> None:
    client = _client.Client(_client.from_kubeconfig(str(cluster.kubeconfig('lock', 'admin-token'))), 'test')
    one, two = (_leader.Lock(client, 'a-lock', name, 15) for name in ('one', 'two'))
    assert (one.take(0), two.take(0), one.take(1)) == (True, False, True)
    assert (two.take(2), two.take(16), two.take(18)) == (False, False, True)
    assert one.take(19) is False
    client.close()


def test_kube_proxy_follows_services_with_its_token(cluster: Any, tmp_path: Path) -> None:
    config = cluster.kubeconfig('proxy', 'proxy-token')
    with started(tmp_path, 'kube-proxy', {'kubeconfig': config, 'healthz-bind-address': ''}):
        eventually(lambda: 'syncing rules for' in (tmp_path / 'kube-proxy.log').read_text())
