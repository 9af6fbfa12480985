import base64
import configparser
import dataclasses

import pytest
from charms.layer.kubernetes_worker import cloud, daemons
from hypothesis import given
from hypothesis import strategies as st
from samples import CLUSTER, READY, lacking

TOLD = {
    'auth_url': 'https://keystone:5000/v3',
    'username': 'me',
    'password': 'se"cret',
    'user_domain_name': 'users',
    'project_domain_name': 'projects',
    'project_name': 'k8s',
    'endpoint_tls_ca': base64.b64encode(b'PEM').decode(),
    'subnet_id': 'subnet-1',
    'manage_security_groups': True,
}


def test_fm_70_a_kubelet_in_a_cloud_is_told_of_it_and_no_other():
    kubelet, _ = daemons.desired(lacking(cloud=TOLD))
    assert kubelet.arguments['cloud-provider'] == 'openstack'
    assert {file.path: file.mode for file in kubelet.files if file.path in cloud.FILES} == dict.fromkeys(
        cloud.FILES, 0o600
    )
    plain, _ = daemons.desired(READY)
    assert not [name for name in plain.arguments if name.startswith('cloud')]
    assert plain.absent == cloud.FILES


@pytest.mark.parametrize('version, provider', [((1, 25), 'openstack'), ((1, 26), 'external'), ((1, 36), 'external')])
def test_fm_45_70_later_kubelets_leave_the_cloud_to_others(version, provider):
    assert cloud.arguments(TOLD, version)['cloud-provider'] == provider
    assert bool(cloud.files(TOLD, version)) is (provider == 'openstack')


def test_the_file_says_what_the_integrator_told():
    config, authority = cloud.files(TOLD, (1, 12))
    assert authority.text == 'PEM'
    read = configparser.ConfigParser()
    read.read_string(config.text)
    assert read['Global']['password'] == r'"se\"cret"'
    assert read['Global']['ca-file'] == cloud.AUTHORITY
    assert dict(read['LoadBalancer']) == {'subnet-id': '"subnet-1"', 'manage-security-groups': 'true'}


@given(st.dictionaries(st.sampled_from([*TOLD, 'region']), st.text() | st.booleans() | st.integers() | st.none()))
def test_whatever_was_told_each_value_stays_on_its_line(told):
    for file in cloud.files(told, (1, 12))[:1]:
        keys = {*cloud.GLOBAL, *cloud.BALANCER, 'ca-file'}
        for line in file.text.split('\n')[:-1]:
            assert line in ('[Global]', '[LoadBalancer]') or line.partition(' = ')[0] in keys


def test_secrets_of_the_cloud_are_in_no_text_about_the_facts():
    assert 'cret' not in repr(dataclasses.replace(CLUSTER, cloud=TOLD))
