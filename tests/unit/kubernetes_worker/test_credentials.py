import pytest
import yaml
from charms.layer.kubernetes_worker import certificates, credentials
from samples import CLUSTER

ENTRY = {'kubelet_token': 'k', 'proxy_token': 'p', 'client_token': 'c', 'scope': 'kubernetes-worker/0'}


def test_a_complete_entry_gives_credentials():
    assert credentials.complete('system:node:a', ENTRY).kubelet_token == 'k'


@pytest.mark.parametrize(
    'entry',
    [None, '', [], {}, {**ENTRY, 'proxy_token': ''}, {**ENTRY, 'client_token': None}, {'kubelet_token': 'k'}],
    ids=repr,
)
def test_fm_06_what_is_not_complete_gives_none(entry):
    assert credentials.complete('system:node:a', entry) is None


def test_all_kubeconfigs_of_a_unit_name_one_server_and_are_secret():
    files = [
        credentials.kubelet_file(CLUSTER),
        credentials.proxy_file(CLUSTER),
        *credentials.operator_files(CLUSTER, ubuntu=True),
    ]
    servers = {yaml.safe_load(file.text)['clusters'][0]['cluster']['server'] for file in files}
    assert servers == {CLUSTER.server}
    assert {file.mode for file in files} == {0o600}


def test_each_kubeconfig_has_only_its_own_token():
    text = credentials.kubelet_file(CLUSTER).text
    assert 'k' * 32 in text and 'p' * 32 not in text and 'c' * 32 not in text


def test_no_token_shows_in_a_representation():
    shown = repr(CLUSTER) + repr(credentials.kubelet_file(CLUSTER))
    assert not any(token * 32 in shown for token in 'kpc')


def test_fm_35_alternative_names_have_one_order_and_no_duplicates():
    assert certificates.sans('b', 'a', 'b', '') == certificates.sans('a', 'b') == ['a', 'b']
