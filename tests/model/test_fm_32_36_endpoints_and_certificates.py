"""FM-28, FM-29, FM-32 to FM-36: the API server, the pod network and the certificate of a worker, as they change."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.model import access, parties
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, tell

pytestmark = [pytest.mark.slow, pytest.mark.one_cluster]

UNIT, OTHER = UNITS = (f'{WORKER}/0', f'{WORKER}/1')
KUBELET, PROXY = 'snap.kubelet.daemon', 'snap.kube-proxy.daemon'
BALANCER, SERVER = 'kubeapi-load-balancer:website', f'{MASTER}:kube-api-endpoint'
API = f'{WORKER}:kube-api-endpoint'


def restarts(cluster: Cluster, unit: str = UNIT) -> list[int]:
    return [parties.restarts(cluster, unit, service) for service in (KUBELET, PROXY)]


def servers(cluster: Cluster, unit: str) -> set[str]:
    """Return the API servers in all kubeconfigs of a worker."""
    found = set()
    for path in access.KUBECONFIGS.values():
        found.add(yaml.safe_load(cluster.read(unit, path))['clusters'][0]['cluster']['server'])
    return found


def files(cluster: Cluster, unit: str) -> str:
    return cluster.digest(unit, *access.KUBECONFIGS.values(), '/root/cdk')


def request(cluster: Cluster, unit: str) -> dict[str, str]:
    """Return what a worker asks of the authority."""
    return cluster.bag('certificates', unit)


def test_fm_32_33_a_worker_keeps_its_api_server_while_it_is_there_and_moves_once_when_it_goes(cluster: Cluster) -> None:
    (balancer,), (same,) = (servers(cluster, unit) for unit in UNITS)
    assert same == balancer
    before, asked, count = files(cluster, UNIT), request(cluster, UNIT), restarts(cluster)
    shown = cluster.bag('cni', UNIT)
    act(cluster, 'add-relation', SERVER, API)
    act(cluster, 'config', WORKER, 'labels=unrelated=1')
    for _ in range(4):
        act(cluster, 'update-status', WORKER)
    assert [servers(cluster, unit) for unit in UNITS] == [{balancer}] * 2
    assert (files(cluster, UNIT), restarts(cluster)) == (before, count)
    # FM-35: nothing of this made another request of it
    assert request(cluster, UNIT) == asked

    act(cluster, 'remove-relation', BALANCER, API)
    (server,) = servers(cluster, UNIT)
    assert server != balancer and server.endswith(':6443')
    assert servers(cluster, OTHER) == {server}
    assert restarts(cluster) == [one + 1 for one in count]
    moved = cluster.bag('cni', UNIT)
    changed = {key for key in moved if moved[key] != shown.get(key)}
    assert changed == {'kubeconfig-hash'}, 'FM-29: the network cannot see that the kubeconfig is another one'

    after = files(cluster, UNIT)
    act(cluster, 'add-relation', BALANCER, API)
    act(cluster, 'remove-relation', BALANCER, API)
    assert (files(cluster, UNIT), restarts(cluster)) == (after, [one + 1 for one in count])
    act(cluster, 'remove-relation', SERVER, API)
    assert files(cluster, UNIT) == after
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and 'kube-api-endpoint' in message
    act(cluster, 'add-relation', BALANCER, API)
    (number,) = cluster.relation_ids(WORKER, 'kube-api-endpoint')
    assert servers(cluster, UNIT) == {balancer}
    assert cluster.bag('cni', UNIT) == shown
    told = cluster.bag('website', 'kubeapi-load-balancer/0', number)
    tell(cluster, 'kubeapi-load-balancer/0', 'hostname= private-address= port=', number, 'website')
    state, message = cluster.status(UNIT)
    assert (state, 'Waiting for an API server' in message) == ('waiting', True), message
    assert files(cluster, UNIT) == before
    settings = ' '.join(f'{key}={told[key]}' for key in ('hostname', 'private-address', 'port') if key in told)
    tell(cluster, 'kubeapi-load-balancer/0', settings, number, 'website')
    assert cluster.status(UNIT)[0] == 'active'
    act(cluster, 'config', WORKER, '--reset', 'labels')


def test_fm_35_36_the_certificate_covers_every_name_of_the_unit_once_and_in_order(cluster: Cluster) -> None:
    for unit in UNITS:
        asked = request(cluster, unit)
        names = json.loads(asked['sans'])
        host = cluster.shell(unit, 'hostname').strip()
        address = cluster.bag('kube-control', unit)['ingress-address']
        assert names == sorted(set(names))
        assert {host, host.lower(), address, asked['common_name']} <= set(names)


def names_asked(asked: dict[str, str]) -> set[str]:
    """Return all names in a request: those of the first common name, and of others that came later."""
    more = json.loads(asked.get('cert_requests', '{}')).values()
    return {*json.loads(asked['sans']), *(name for entry in more for name in entry['sans'])}


def test_fm_34_a_renewed_certificate_is_served_after_one_restart(cluster: Cluster) -> None:
    address = cluster.bag('kube-control', UNIT)['ingress-address']

    def serial() -> str:
        asked = f'openssl s_client -connect {address}:10250 </dev/null 2>/dev/null | openssl x509 -noout -serial'
        return cluster.shell(UNIT, asked, check=False).strip()

    assert cluster.eventually(lambda: bool(serial()))
    before, count = serial(), restarts(cluster)
    (number,) = (n for n in cluster.relation_ids(WORKER, 'certificates'))
    certificate = cluster.read(UNIT, '/root/cdk/server.crt')
    renew = "python3 - <<'END'\nimport glob, json, os\n"
    renew += "for path in glob.glob('/var/lib/easyrsa/*-*.json'):\n"
    renew += f"    if json.load(open(path))['cert'].strip() == {certificate!r}.strip(): os.unlink(path)\nEND"
    cluster.shell('easyrsa/0', renew)
    tell(cluster, UNIT, 'poked=1', number, 'certificates')
    assert cluster.read(UNIT, '/root/cdk/server.crt') != certificate
    assert cluster.eventually(lambda: serial() not in ('', before))
    assert restarts(cluster) == [count[0] + 1, count[1]]
    tell(cluster, UNIT, 'poked=2', number, 'certificates')
    act(cluster, 'update-status', UNIT)
    assert restarts(cluster) == [count[0] + 1, count[1]]


def test_fm_28_29_the_pod_network_is_waited_for_and_a_change_restarts_kube_proxy_once(cluster: Cluster) -> None:
    (number,) = (n for n in cluster.relation_ids(WORKER, 'cni'))
    network = next(
        name for name, unit in parties.model(cluster).units.items() if unit.app == 'flannel' and unit.principal == UNIT
    )
    before, count = files(cluster, UNIT), restarts(cluster)
    tell(cluster, network, 'cidr=', number, 'cni')
    state, message = cluster.status(UNIT)
    assert (state, 'CNI' in message) == ('waiting', True), message
    assert (files(cluster, UNIT), restarts(cluster)) == (before, count)
    tell(cluster, network, 'cidr=10.7.0.0/16', number, 'cni')
    assert cluster.status(UNIT)[0] == 'active'
    assert 'clusterCIDR: 10.7.0.0/16\n' in cluster.read(UNIT, '/root/cdk/kube-proxy/config.yaml')
    assert restarts(cluster) == [count[0], count[1] + 1]
    tell(cluster, network, 'cidr=10.1.0.0/16', number, 'cni')
    assert files(cluster, UNIT) == before


def test_fm_36_a_new_address_is_asked_for_at_the_next_hook_and_served(cluster: Cluster) -> None:
    """The last test of this file: the machine does not move back."""
    address, before = '10.87.9.9', request(cluster, OTHER)
    act(cluster, 'config', WORKER, 'labels=unrelated=2')
    assert request(cluster, OTHER) == before
    cluster.move_machine(OTHER, address)
    after = request(cluster, OTHER)
    assert after != before and address in names_asked(after)
    assert cluster.status(OTHER)[0] == 'active', cluster.status(OTHER)
    ask = f'openssl s_client -connect {address}:10250 </dev/null 2>/dev/null | openssl x509 -noout -text'
    assert cluster.eventually(lambda: f'IP Address:{address}' in cluster.shell(OTHER, ask, check=False))
    act(cluster, 'config', WORKER, '--reset', 'labels')
    act(cluster, 'update-status', OTHER)
    assert request(cluster, OTHER) == after
