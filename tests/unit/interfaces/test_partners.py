"""The interfaces towards easyrsa, etcd, the network, load balancers and nrpe, with those sides played by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest


def pair(juju: Any, interface: str, role: str, endpoint: str, handlers: Any = None, remotes: int = 1) -> int:
    """Relate one unit of a charm of ours to `remotes` units played by hand; return the relation's number."""
    juju.deploy('ours', interface, role, endpoint, handlers=handlers)
    juju.deploy('theirs', endpoint=endpoint)
    juju.add_unit('ours')
    for _ in range(remotes):
        juju.add_unit('theirs')
    number: int = juju.relate('ours', 'theirs')
    juju.settle()
    return number


def on(flag: str, act: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return handlers that note what `act` returns for the endpoint of a flag."""

    def handlers(hook: Any) -> None:
        @hook.when(flag)  # type: ignore[untyped-decorator]
        def handle(endpoint: Any) -> None:
            hook.note(act(endpoint))

    return handlers


def tell(juju: Any, number: int, unit: str = 'theirs/0', **bag: str | None) -> list[Any]:
    """Have a unit write its bag (underscores in names are dashes); return the notes of the hooks that follow."""
    juju.write_bag(number, unit, {key.replace('_', '-'): value for key, value in bag.items()})
    return [note for result in juju.settle() for note in result.notes]


# ---- http


def test_http_clients_hear_of_every_host_once_in_the_order_of_units(juju: Any) -> None:
    number = pair(juju, 'http', 'requires', 'kube-api-endpoint', on('kube-api-endpoint.available', _services), 11)
    assert juju.flags('ours/0') == set()
    tell(juju, number, 'theirs/10', private_address='10.0.0.3', port='6443')
    tell(juju, number, 'theirs/2', private_address='10.0.0.2', hostname='b', port='443')
    notes = tell(juju, number, 'theirs/3', private_address='10.0.0.2', hostname='b', port='443')
    assert juju.flags('ours/0') == {'kube-api-endpoint.available'}
    hosts = [('b', '10.0.0.2', '443'), ('10.0.0.3', '10.0.0.3', '6443')]
    keys = 'hostname', 'private-address', 'port'
    assert notes[-1] == [{'service_name': 'theirs', 'hosts': [dict(zip(keys, host, strict=True)) for host in hosts]}]


def _services(endpoint: Any) -> Any:
    return endpoint.services()


def test_http_clients_take_the_further_hosts_of_one_unit(juju: Any) -> None:
    number = pair(juju, 'http', 'requires', 'api', on('api.available', _services))
    juju.write_bag(number, 'theirs/0', {'extended_data': '[{"hostname": "vip2", "port": 443}, 7, {"port": 1}]'})
    notes = tell(juju, number, hostname='vip1', private_address='vip1', port='443')
    assert [host['hostname'] for host in notes[-1][0]['hosts']] == ['vip1', 'vip2']


def test_http_is_not_available_when_the_last_server_left(juju: Any) -> None:
    number = pair(juju, 'http', 'requires', 'api')
    tell(juju, number, port='443')
    assert juju.flags('ours/0') == {'api.available'}
    juju.remove_unit('theirs/0')
    juju.settle()
    assert juju.flags('ours/0') == set()


def test_http_servers_write_their_address_once(juju: Any) -> None:
    number = pair(juju, 'http', 'provides', 'api', on('api.available', lambda endpoint: endpoint.configure(6443)))
    bag = juju.relations[number].bags['ours/0']
    assert (bag['hostname'], bag['private-address'], bag['port']) == ('10.9.9.9', '10.9.9.9', '6443')
    assert juju.run('ours/0', 'update-status').writes == {}


def test_http_servers_with_several_addresses_tell_all(juju: Any) -> None:
    act = on('api.available', lambda endpoint: endpoint.configure(6443, ['10.1.1.1', '10.1.1.2']))
    bag = juju.bag(pair(juju, 'http', 'provides', 'api', act), 'ours/0')
    more = [{'hostname': '10.1.1.2', 'port': '6443', 'private-address': '10.1.1.2'}]
    assert bag['hostname'] == '10.1.1.1' and json.loads(bag['extended_data']) == more


# ---- tls-certificates


def _request(endpoint: Any) -> Any:
    endpoint.request_server_cert('10.0.0.1', ['node', '10.0.0.1', 'node'])
    endpoint.request_server_cert('other', ['b', 'a'])
    endpoint.request_client_cert('system:kubelet')
    return {
        'server': [(found.common_name, found.cert, found.key) for found in endpoint.server_certs],
        'client': [(found.common_name, found.cert, found.key) for found in endpoint.client_certs],
        'ca': endpoint.root_ca_cert,
        'pair': endpoint.get_client_cert(),
        'batch': endpoint.get_batch_requests(),
    }


def test_certificates_are_asked_for_in_the_public_form(juju: Any) -> None:
    number = pair(juju, 'tls-certificates', 'requires', 'certificates', on('certificates.available', _request))
    bag = juju.bag(number, 'ours/0')
    assert {key: bag[key] for key in ('common_name', 'certificate_name', 'unit_name')} == {
        'common_name': '10.0.0.1',
        'certificate_name': 'ours_0',
        'unit_name': 'ours_0',
    }
    assert json.loads(bag['sans']) == ['10.0.0.1', 'node']
    assert json.loads(bag['cert_requests']) == {'other': {'sans': ['a', 'b']}}
    assert json.loads(bag['client_cert_requests']) == {'system:kubelet': {'sans': None}}


def test_fm_35_san_order_churn(juju: Any) -> None:
    def shuffled(endpoint: Any) -> None:
        import random

        names = ['node', '10.0.0.1', 'node.example', '10.0.0.1']
        random.shuffle(names)
        endpoint.request_server_cert('10.0.0.1', names)

    number = pair(juju, 'tls-certificates', 'requires', 'certificates', on('certificates.available', shuffled))
    before = juju.bag(number, 'ours/0')
    assert [juju.run('ours/0', 'update-status').writes for _ in range(20)] == [{}] * 20
    assert juju.bag(number, 'ours/0') == before


def test_answers_of_every_form_are_found_whichever_unit_has_them(juju: Any) -> None:
    number = pair(juju, 'tls-certificates', 'requires', 'certificates', on('certificates.available', _request), 2)
    juju.write_bag(number, 'theirs/1', {'ca': 'CA', 'client.cert': 'CC', 'client.key': 'CK'})
    answer = {
        'ours_0.server.cert': 'SC',
        'ours_0.server.key': 'SK',
        'ours_0.processed_requests': '{"other": {"cert": "OC", "key": "OK"}, "old": {"cert": "x", "key": "y"}}',
        'ours_0.processed_client_requests': '{"system:kubelet": {"cert": "KC", "key": "KK"}}',
    }
    juju.write_bag(number, 'theirs/0', answer)
    notes = [note for result in juju.settle() for note in result.notes]
    assert notes[-1] == {
        'server': [('10.0.0.1', 'SC', 'SK'), ('other', 'OC', 'OK')],
        'client': [('system:kubelet', 'KC', 'KK')],
        'ca': 'CA',
        'pair': ('CC', 'CK'),
        'batch': {'other': {'cert': 'OC', 'key': 'OK'}},
    }
    names = ('ca', 'certs', 'server.certs', 'client.certs', 'server.cert', 'client.cert', 'batch.cert')
    available = {f'certificates.{name}.available' for name in names} | {'certificates.available'}
    assert available <= juju.flags('ours/0')
    assert {f'certificates.{name}.changed' for name in names[:4]} <= juju.flags('ours/0')


@pytest.mark.parametrize('text', ['{', '[]', '7', '{"other": 7}', '{"other": {"cert": "x"}}', '{"other": null}'])
def test_an_answer_that_is_garbage_is_none(juju: Any, text: str) -> None:
    number = pair(juju, 'tls-certificates', 'requires', 'certificates', on('certificates.available', _request))
    juju.write_bag(number, 'theirs/0', {'ours_0.processed_requests': text, 'ours_0.server.cert': 'no key'})
    juju.settle()
    assert juju.flags('ours/0') == {'certificates.available'}


def test_a_vault_without_a_chain_and_one_with_it(juju: Any) -> None:
    act = on('certificates.ca.available', lambda endpoint: (endpoint.get_ca(), endpoint.get_chain()))
    number = pair(juju, 'tls-certificates', 'requires', 'certificates', act)
    assert tell(juju, number, ca='CA')[-1] == ('CA', None)
    assert tell(juju, number, chain='CHAIN')[-1] == ('CA', 'CHAIN')


# ---- etcd

PEM = {'client_cert': 'C', 'client_key': 'K', 'client_ca': 'A'}


def test_etcd_is_taken_whole_from_one_member(juju: Any) -> None:
    def read(endpoint: Any) -> Any:
        return endpoint.get_connection_string(), endpoint.get_client_credentials(), endpoint.version()

    number = pair(juju, 'etcd', 'requires', 'etcd', on('etcd.tls.available', read), 2)
    assert juju.flags('ours/0') == {'etcd.connected'}
    juju.write_bag(number, 'theirs/0', {'connection_string': 'https://a:2379'})
    juju.settle()
    assert juju.flags('ours/0') == {'etcd.connected', 'etcd.available'}
    whole = {**PEM, 'connection_string': 'https://a:2379,https://b:2379', 'version': '3.4.23'}
    juju.write_bag(number, 'theirs/1', whole)
    notes = [note for result in juju.settle() for note in result.notes]
    assert notes[-1] == ('https://a:2379,https://b:2379', PEM, '3.4.23')


def test_etcd_goes_with_its_last_member_only(juju: Any) -> None:
    number = pair(juju, 'etcd', 'requires', 'etcd', remotes=2)
    for unit in 'theirs/0', 'theirs/1':
        juju.write_bag(number, unit, {**PEM, 'connection_string': 'https://a:2379'})
    juju.settle()
    juju.remove_unit('theirs/0')
    juju.settle()
    assert juju.flags('ours/0') == {'etcd.connected', 'etcd.available', 'etcd.tls.available'}
    juju.remove_unit('theirs/1')
    juju.settle()
    assert juju.flags('ours/0') == set()


# ---- kubernetes-cni


@pytest.mark.parametrize(
    ('is_master', 'path', 'written'),
    [(True, '', {'is_master': 'True'}), (False, '/k', {'is_master': 'False', 'kubeconfig_path': '/k'})],
)
def test_the_network_is_told_what_the_unit_is(juju: Any, is_master: bool, path: str, written: dict[str, str]) -> None:
    act = on('cni.connected', lambda endpoint: endpoint.set_config(is_master, path))
    number = pair(juju, 'kubernetes-cni', 'provides', 'cni', act)
    assert juju.bag(number, 'ours/0') == written
    assert juju.flags('ours/0') == {'cni.connected', 'cni.configured'}


def test_fm_29_cni_subordinate_left_behind(juju: Any, tmp_path: Any) -> None:
    kubeconfig = tmp_path / 'kubeconfig'
    kubeconfig.write_text('one')
    act = on('cni.connected', lambda endpoint: endpoint.set_kubeconfig_hash_from_file(str(kubeconfig)))
    number = pair(juju, 'kubernetes-cni', 'provides', 'cni', act)
    first = juju.bag(number, 'ours/0')
    kubeconfig.write_text('two')
    juju.run('ours/0', 'update-status')
    assert juju.bag(number, 'ours/0') != first
    tell(juju, number, cidr='10.1.0.0/16', cni_conf_file='10-flannel.conflist')
    assert 'cni.available' in juju.flags('ours/0')
    tell(juju, number, cidr=None)
    assert 'cni.available' not in juju.flags('ours/0')


def test_the_pods_network_is_handed_on(juju: Any) -> None:
    number = pair(juju, 'kubernetes-cni', 'provides', 'cni', on('cni.available', lambda end: end.get_config()['cidr']))
    assert tell(juju, number, cidr='10.1.0.0/16')[-1] == '10.1.0.0/16'


# ---- public-address


def test_load_balancers_are_known_by_whole_pairs(juju: Any) -> None:
    act = on('loadbalancer.available', lambda endpoint: endpoint.get_addresses_ports())
    number = pair(juju, 'public-address', 'requires', 'loadbalancer', act, 2)
    tell(juju, number, public_address='1.2.3.4')
    assert juju.flags('ours/0') == {'loadbalancer.connected'}
    extended = '[{"public-address": "5.6.7.8", "port": 443}, {"port": 443}]'
    juju.write_bag(number, 'theirs/1', {'extended_data': extended})
    notes = tell(juju, number, port='443')
    assert notes[-1] == [{'public-address': address, 'port': '443'} for address in ('1.2.3.4', '5.6.7.8')]


def test_load_balancers_of_2019_hear_the_backends_port(juju: Any) -> None:
    act = on('loadbalancer.connected', lambda endpoint: endpoint.set_backend_port(6443))
    number = pair(juju, 'public-address', 'requires', 'loadbalancer', act)
    assert juju.bag(number, 'ours/0') == {'port': '6443'}


# ---- nrpe-external-master


def test_nagios_hears_of_the_checks_in_its_own_form(juju: Any) -> None:
    import yaml

    name = 'nrpe-external-master'
    act = on(f'{name}.available', lambda end: (end.set_checks(['snap.kubelet.daemon']), end.nagios_hostname())[1])
    number = pair(juju, name, 'provides', name, act)
    assert tell(juju, number, nagios_hostname='x')[-1] is None  # the wire has an underscore here
    juju.write_bag(number, 'theirs/0', {'nagios_hostname': 'juju-ours-0', 'nagios_host_context': 'juju'})
    assert [note for result in juju.settle() for note in result.notes][-1] == 'juju-ours-0'
    bag = juju.bag(number, 'ours/0')
    check = {'snap.kubelet.daemon': {'command': 'check_snap.kubelet.daemon'}}
    assert yaml.safe_load(bag['monitors']) == {'monitors': {'remote': {'nrpe': check}}} and bag['primary'] == 'True'
