"""etcd, flannel, the load balancer's charm and nrpe: what they write on the wire and do to their machine."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

COMPANIONS = Path(__file__).parents[3] / 'companions'
NAMES = sorted(path.name for path in COMPANIONS.iterdir() if path.is_dir())
CA = {'ca': 'CA', 'client.cert': 'CC', 'client.key': 'CK', 'etcd_0.server.cert': 'SC', 'etcd_0.server.key': 'SK'}
ETCD = {'connection_string': 'https://10.87.0.7:2379', 'client_cert': 'CC', 'client_key': 'CK', 'client_ca': 'CA'}


# ---- all of them


@pytest.mark.parametrize('name', NAMES)
def test_every_hook_runs_the_charm(name: str) -> None:
    hooks = COMPANIONS / name / 'hooks'
    assert {path.resolve() for path in hooks.iterdir()} == {hooks / 'run'}
    assert (hooks / 'run').stat().st_mode & 0o111
    assert filecmp.cmp(hooks / 'run', COMPANIONS / 'easyrsa/hooks/run', shallow=False)


@pytest.mark.parametrize('name', NAMES)
def test_the_hook_tools_are_the_same_everywhere(name: str) -> None:
    assert filecmp.cmp(COMPANIONS / name / 'lib/hooktools.py', COMPANIONS / 'easyrsa/lib/hooktools.py', shallow=False)


@pytest.mark.parametrize('name', NAMES)
def test_relation_hooks_are_of_endpoints_there_are(name: str) -> None:
    metadata = yaml.safe_load((COMPANIONS / name / 'metadata.yaml').read_text())
    endpoints = {*metadata.get('provides', {}), *metadata.get('requires', {})}
    hooks = {path.name for path in (COMPANIONS / name / 'hooks').iterdir() if '-relation-' in path.name}
    assert {hook.partition('-relation-')[0] for hook in hooks} <= endpoints


# ---- etcd


@pytest.fixture
def etcd(machine: Any) -> Any:
    return machine('etcd')


def ready(etcd: Any) -> str:
    """Give etcd its certificates; return the relation to a client."""
    certificates, db = etcd.relate('certificates', 'easyrsa/0'), etcd.relate('db', 'kubernetes-master/0')
    etcd.bags[certificates]['easyrsa/0'] = dict(CA)
    etcd.hook('certificates-relation-changed', certificates, 'easyrsa/0')
    return str(db)


def test_etcd_says_which_relation_is_missing_and_what_it_waits_for(etcd: Any) -> None:
    etcd.hook('install')
    assert etcd.status == ('blocked', 'Missing relation to certificate authority.')
    relation = etcd.relate('certificates', 'easyrsa/0')
    etcd.hook('certificates-relation-joined', relation, 'easyrsa/0')
    assert etcd.status == ('waiting', 'Waiting for the certificate authority to issue certificates')
    asked = etcd.bag(relation)
    assert asked['certificate_name'] == asked['unit_name'] == 'etcd_0' and asked['common_name'] == '10.87.0.7'
    assert {'10.87.0.7', 'localhost'} <= set(json.loads(asked['sans']))


def test_etcd_runs_behind_tls_and_tells_its_clients(etcd: Any) -> None:
    db = ready(etcd)
    assert etcd.status == ('active', 'Healthy with 1 known peer')
    assert etcd.active == {'etcd.service'}
    assert etcd.bag(db) == {**ETCD, 'version': '3.4.23'}
    environment = (etcd.root / 'etc/etcd/etcd.env').read_text()
    assert 'ETCD_LISTEN_CLIENT_URLS=https://10.87.0.7:2379\n' in environment
    assert 'ETCD_CLIENT_CERT_AUTH=true\n' in environment
    assert (etcd.root / 'var/snap/etcd/common/server.key').stat().st_mode & 0o777 == 0o600


def test_etcd_with_nothing_to_do_does_nothing(etcd: Any) -> None:
    ready(etcd)
    etcd.hook('update-status')
    assert etcd.made('relation-set') == etcd.made('snap') == etcd.made('/snap/bin/etcd') == []
    assert etcd.made('systemctl') == [['systemctl', 'is-active', 'etcd.service']]


def test_etcd_restarts_once_for_a_new_certificate(etcd: Any) -> None:
    ready(etcd)
    etcd.bags['certificates:0']['easyrsa/0']['etcd_0.server.cert'] = 'SC2'
    etcd.hook('certificates-relation-changed', 'certificates:0', 'easyrsa/0')
    assert ['systemctl', 'restart', 'etcd.service'] in etcd.calls
    etcd.hook('update-status')
    assert ['systemctl', 'restart', 'etcd.service'] not in etcd.calls


def test_etcd_that_died_is_started_again(etcd: Any) -> None:
    ready(etcd)
    etcd.active.clear()
    etcd.hook('update-status')
    assert etcd.active == {'etcd.service'}


def test_a_busy_snapd_makes_etcd_wait_and_not_fail(etcd: Any) -> None:
    etcd.broken['snap'] = 'install etcd ended with 10: snapd is busy'
    etcd.hook('install')
    assert etcd.status == ('waiting', 'Waiting for snapd to install etcd, see the log')
    etcd.broken.clear()
    etcd.hook('config-changed')
    assert etcd.made('snap')


def test_another_member_of_etcd_says_that_there_can_be_one_only(etcd: Any) -> None:
    etcd.leader_data['member'] = 'etcd/3'
    etcd.hook('install')
    assert etcd.status == ('blocked', 'etcd/3 is the only member this charm can run: remove this unit')


# ---- flannel


@pytest.fixture
def flannel(machine: Any) -> Any:
    return machine('flannel')


def joined(flannel: Any, **principal: str) -> str:
    cni, etcd = flannel.relate('cni', 'kubernetes-worker/0'), flannel.relate('etcd', 'etcd/0')
    flannel.bags[cni]['kubernetes-worker/0'] = principal
    flannel.bags[etcd]['etcd/0'] = dict(ETCD)
    flannel.hook('cni-relation-changed', cni, 'kubernetes-worker/0')
    return str(cni)


def test_flannel_answers_a_worker_after_it_wrote_its_configuration(flannel: Any) -> None:
    cni = joined(flannel, is_master='False', kubeconfig_path='/root/cdk/kubeconfig')
    assert flannel.bag(cni) == {'cidr': '10.1.0.0/16', 'cni-conf-file': '10-flannel.conflist'}
    written = json.loads((flannel.root / 'etc/cni/net.d/10-flannel.conflist').read_text())
    assert [plugin['type'] for plugin in written['plugins']] == ['bridge', 'portmap']
    assert written['plugins'][0]['ipam']['ranges'] == [[{'subnet': '10.1.0.0/24'}]]
    assert flannel.active == {'flannel-network.service'}
    assert flannel.status == ('active', 'Flannel network 10.1.0.0/16')


def test_flannel_writes_no_cni_configuration_on_a_master(flannel: Any) -> None:
    cni = joined(flannel, is_master='True')
    assert flannel.bag(cni) == {'cidr': '10.1.0.0/16'}
    assert not (flannel.root / 'etc/cni/net.d').exists()


def test_flannel_makes_the_network_once_and_anew_when_it_is_another(flannel: Any) -> None:
    joined(flannel, is_master='False')
    assert ['systemctl', 'restart', 'flannel-network.service'] in flannel.made('systemctl')
    unit = flannel.root / 'etc/systemd/system/flannel-network.service'
    assert '/network.py 10.87.0.7 10.1.0.0/16 masquerade\n' in unit.read_text()
    flannel.hook('update-status')
    assert flannel.made('systemctl') == [['systemctl', 'is-active', 'flannel-network.service']]
    flannel.config['cidr'] = '10.2.0.0/16'
    flannel.hook('config-changed')
    assert ['systemctl', 'restart', 'flannel-network.service'] in flannel.made('systemctl')


@pytest.mark.parametrize(
    ('cidr', 'unit', 'pods'),
    [
        ('10.1.0.0/16', 'flannel/0', '10.1.0.0/24'),
        ('10.1.0.0/16', 'flannel/255', '10.1.255.0/24'),
        ('10.1.0.0/16', 'flannel/256', ''),
        ('10.1.0.0/23', 'flannel/1', '10.1.1.0/24'),
        ('10.1.0.0/25', 'flannel/0', ''),
    ],
)
def test_each_unit_of_flannel_has_pods_of_its_own_while_there_are_networks(
    flannel: Any, cidr: str, unit: str, pods: str
) -> None:
    assert flannel.module('charm').subnet(cidr, unit) == pods


def test_flannel_blocks_when_no_network_is_left(flannel: Any) -> None:
    flannel.config['cidr'] = '10.1.0.0/25'
    flannel.hook('config-changed')
    assert flannel.status == ('blocked', 'cidr: 10.1.0.0/25 has no network of 24 bits left for flannel/0')


def test_the_pods_network_lies_on_the_interface_that_has_the_address(flannel: Any) -> None:
    shown = json.dumps([{'ifname': 'lo', 'addr_info': []}, {'ifname': 'ens3', 'addr_info': [{'local': '10.87.0.7'}]}])
    assert flannel.module('network').interface(shown, '10.87.0.7') == 'ens3'
    assert flannel.module('network').interface(shown, '10.87.0.8') == ''


def test_flannel_waits_for_its_principal(flannel: Any) -> None:
    cni = joined(flannel)
    assert flannel.status == ('waiting', 'Waiting for the principal unit to tell what it is')
    assert flannel.bag(cni) == {}


def test_flannel_blocks_on_a_network_that_is_none(flannel: Any) -> None:
    flannel.config['cidr'] = '10.1.0.0/99'
    flannel.hook('config-changed')
    assert flannel.status == ('blocked', "cidr: expected a network such as 10.1.0.0/16, got '10.1.0.0/99'")


# ---- kubeapi-load-balancer


@pytest.fixture
def balancer(machine: Any) -> Any:
    return machine('kubeapi-load-balancer')


def test_the_balancer_tells_its_address_before_there_is_a_server(balancer: Any) -> None:
    apiserver = balancer.relate('apiserver', 'kubernetes-master/0')
    website, loadbalancer = balancer.relate('website', 'w/0'), balancer.relate('loadbalancer', 'kubernetes-master/0')
    balancer.hook('apiserver-relation-joined', apiserver, 'kubernetes-master/0')
    assert balancer.status == ('waiting', 'Waiting for an API server')
    assert balancer.bag(loadbalancer) == {'public-address': '10.87.0.7', 'port': '443'}
    assert balancer.bag(website) == {'hostname': '10.87.0.7', 'private-address': '10.87.0.7', 'port': '443'}
    assert balancer.ports == {'443/tcp'}


def test_the_balancer_takes_new_servers_without_a_restart(balancer: Any) -> None:
    relation = balancer.relate('apiserver', 'm/0', 'm/1')
    balancer.bags[relation]['m/0'] = {'private-address': '10.87.0.2', 'port': '6443'}
    balancer.hook('apiserver-relation-changed', relation, 'm/0')
    assert balancer.status == ('active', 'Loadbalancer ready.')
    balancer.bags[relation]['m/1'] = {'hostname': '10.87.0.3', 'port': '6443'}
    balancer.hook('apiserver-relation-changed', relation, 'm/1')
    assert balancer.made('systemctl') == [['systemctl', 'is-active', 'kubeapi-load-balancer.service']]
    settings = balancer.root / 'etc/kubeapi-load-balancer/backends.json'
    assert json.loads(settings.read_text()) == [['10.87.0.2', 6443], ['10.87.0.3', 6443]]


def test_the_balancer_moves_to_another_port(balancer: Any) -> None:
    balancer.relate('apiserver', 'm/0')
    balancer.hook('install')
    balancer.config['port'] = 8443
    balancer.hook('config-changed')
    assert balancer.ports == {'8443/tcp'}
    assert ' 8443 ' in (balancer.root / 'etc/systemd/system/kubeapi-load-balancer.service').read_text()


@pytest.mark.parametrize('text', ['{', '{}', '[7]', '"x"', '[{"port": "x"}]'])
def test_extended_data_that_is_garbage_hides_no_server(balancer: Any, text: str) -> None:
    bag = {'private-address': '10.0.0.1', 'port': '6443', 'extended_data': text}
    assert balancer.module('charm').hosts(bag) == [('10.0.0.1', 6443)]


def test_further_addresses_of_one_server_count(balancer: Any) -> None:
    more = '[{"private-address": "10.0.0.2", "hostname": "b", "port": "6443"}]'
    bag = {'private-address': '10.0.0.1', 'port': '6443', 'extended_data': more}
    assert balancer.module('charm').hosts(bag) == [('10.0.0.1', 6443), ('10.0.0.2', 6443)]


# ---- nrpe


def test_nrpe_tells_the_principal_its_name(machine: Any) -> None:
    nrpe = machine('nrpe')
    relation = nrpe.relate('nrpe-external-master', 'kubernetes-worker/1')
    nrpe.hook('nrpe-external-master-relation-joined', relation, 'kubernetes-worker/1')
    assert nrpe.bag(relation) == {'nagios_hostname': 'juju-kubernetes-worker-1', 'nagios_host_context': 'juju'}
    assert nrpe.status == ('active', 'Ready')
