"""What a user of the bundle has on real software: nodes, pods, and the ways to them."""

from __future__ import annotations

from tests.e2e.cluster import OUTSIDE, WORKERS, Real, names, nodes, service, web
from tests.model.cluster import MASTER, WORKER

NODE_PORT = 30510


def test_every_unit_is_active_and_both_nodes_are_ready_with_real_versions(real: Real) -> None:
    units = real.units()
    assert {name: unit['workload-status']['current'] for name, unit in units.items()} == dict.fromkeys(units, 'active')
    assert real.nodes() == {real.node_of(unit): True for unit in WORKERS}
    for node in real.get('nodes')['items']:
        about = node['status']['nodeInfo']
        assert (about['kubeletVersion'], about['kubeProxyVersion']) == ('v1.20.2', 'v1.20.2')
        assert about['containerRuntimeVersion'].startswith('docker://20.10.')
    versions = real.kubectl('version', '-o', 'json')
    assert versions['serverVersion']['gitVersion'] == versions['clientVersion']['gitVersion'] == 'v1.20.2'


def test_replicas_on_both_nodes_answer_at_their_service_from_every_machine(real: Real) -> None:
    real.apply(web('web', 3), service('web', NODE_PORT))
    pods = real.until_running('app=web', 3)
    assert nodes(pods) == {real.node_of(unit) for unit in WORKERS}
    real.juju('run', '--application', WORKER, f'open-port {NODE_PORT}/tcp')
    assert all(f'{NODE_PORT}/tcp' in real.units()[unit]['open-ports'] for unit in WORKERS)
    for unit in WORKERS:
        assert real.until_answered(OUTSIDE, f'http://{real.address(unit)}:{NODE_PORT}/') in names(pods)
    cluster_ip = real.get('service', 'web')['spec']['clusterIP']
    answers = {real.until_answered(unit, f'http://{cluster_ip}/') for unit in WORKERS for _ in range(8)}
    assert answers <= names(pods)
    assert len(answers) > 1
    real.juju('run', '--application', WORKER, f'close-port {NODE_PORT}/tcp')
    real.delete('deployment/web', 'service/web')


def test_pods_of_both_nodes_reach_each_other_the_service_and_the_api_under_their_own_addresses(real: Real) -> None:
    real.apply(web('near', 2), service('near', NODE_PORT + 1))
    one, other = real.until_running('app=near', 2)
    assert one['spec']['nodeName'] != other['spec']['nodeName']

    def inside(pod: dict[str, object], *command: str) -> str:
        return str(real.kubectl('exec', pod['metadata']['name'], '--', *command)).strip()  # type: ignore[index]

    for pod, peer in ((one, other), (other, one)):
        address = peer['status']['podIP']
        assert inside(pod, 'wget', '-q', '-O-', f'http://{address}:8080/') == peer['metadata']['name']
        assert pod['status']['podIP'] in inside(pod, 'ip', '-4', 'address', 'show', 'eth0')
    cluster_ip = real.get('service', 'near')['spec']['clusterIP']
    assert inside(one, 'wget', '-q', '-O-', f'http://{cluster_ip}/') in names([one, other])
    assert inside(one, 'sh', '-c', 'nc -w 3 $KUBERNETES_SERVICE_HOST 443 </dev/null && echo reached') == 'reached'
    real.delete('deployment/near', 'service/near')


def test_the_api_server_accepted_everything_and_the_daemons_warn_of_no_flag_or_field_of_ours(real: Real) -> None:
    for unit, daemon in [(WORKERS[0], 'kubelet'), (f'{MASTER}/0', 'kube-controller-manager')]:
        said = real.shell(unit, f'journalctl --no-pager -u snap.{daemon}.daemon')
        ours = [line for line in said.splitlines() if 'has been deprecated' in line or 'unknown field' in line]
        assert ours == []
