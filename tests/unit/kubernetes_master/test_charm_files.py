"""The charm's files carry what bundles, operators and neighbours know of kubernetes-master."""

from pathlib import Path

import pytest
import yaml

CHARM = Path(__file__).parents[3] / 'layers/kubernetes-master'
# the options of 2018 with their types; of the defaults those that others rely on
STRINGS = [
    'audit-policy',
    'audit-webhook-config',
    'addons-registry',
    'dns_domain',
    'extra_sans',
    'service-cidr',
    'allow-privileged',
    'enable-nvidia-plugin',
    'channel',
    'client_password',
    'api-extra-args',
    'controller-manager-extra-args',
    'scheduler-extra-args',
    'authorization-mode',
    'storage-backend',
    'snapd_refresh',
    'default-storage',
    'keystone-policy',
    'keystone-ssl-ca',
    'image-registry',
    'dns-provider',
]
BOOLEANS = {
    'enable-dashboard-addons': True,
    'enable-kube-dns': True,
    'require-manual-upgrade': True,
    'enable-metrics': True,
    'enable-keystone-authorization': False,
}
DEFAULTS = {
    'dns_domain': 'cluster.local',
    'service-cidr': '10.152.183.0/24',
    'channel': '1.12/stable',
    'authorization-mode': 'AlwaysAllow',
    'allow-privileged': 'auto',
    'storage-backend': 'auto',
    'snapd_refresh': 'max',
    'client_password': '',
}
ACTIONS = {
    'restart': [],
    'upgrade': [],
    'debug': [],
    'namespace-list': [],
    'namespace-create': ['name'],
    'namespace-delete': ['name'],
    'create-rbd-pv': ['name', 'size'],
    'get-kubeconfig': [],
    'apply-manifest': ['json'],
}


def load(name):
    return yaml.safe_load((CHARM / name).read_text())


@pytest.fixture(scope='module')
def options():
    return load('config.yaml')['options']


@pytest.mark.parametrize('name', STRINGS)
def test_an_option_is_text_with_a_default_and_a_description(options, name):
    assert options[name]['type'] == 'string'
    assert isinstance(options[name]['default'], str)
    assert options[name]['description'].strip()


@pytest.mark.parametrize(('name', 'default'), BOOLEANS.items())
def test_a_switch_has_its_default(options, name, default):
    assert (options[name]['type'], options[name]['default']) == ('boolean', default)


@pytest.mark.parametrize(('name', 'default'), DEFAULTS.items())
def test_a_default_that_others_rely_on_is_kept(options, name, default):
    assert options[name]['default'] == default


@pytest.mark.parametrize(('name', 'required'), ACTIONS.items())
def test_an_action_has_its_program_and_its_parameters(name, required):
    action = load('actions.yaml')[name]
    assert action.get('required', []) == required
    assert (CHARM / 'actions' / name).resolve().name == 'run'
    assert (CHARM / 'actions' / name).stat().st_mode & 0o111


def test_every_action_tells_what_it_does_and_what_each_parameter_is():
    for name, action in load('actions.yaml').items():
        assert action['description'].strip(), name
        for parameter, schema in action.get('params', {}).items():
            assert schema['type'] in ('string', 'integer', 'boolean'), (name, parameter)
            assert schema['description'].strip(), (name, parameter)
            assert parameter in action.get('required', []) or 'default' in schema, (name, parameter)


def test_there_is_no_action_without_code():
    assert set(load('actions.yaml')) == set(ACTIONS)


def test_endpoints_are_those_of_the_bundle():
    metadata = load('metadata.yaml')
    assert metadata['provides']['kube-control'] == {'interface': 'kube-control'}
    assert metadata['provides']['kube-api-endpoint'] == {'interface': 'http'}
    assert metadata['provides']['cni'] == {'interface': 'kubernetes-cni', 'scope': 'container'}
    assert metadata['requires']['etcd'] == {'interface': 'etcd'}
    assert metadata['requires']['loadbalancer'] == {'interface': 'public-address'}


def test_the_resources_are_the_snaps():
    resources = load('metadata.yaml')['resources']
    assert {name: resource['filename'] for name, resource in resources.items()} == {
        name: f'{name}.snap'
        for name in (
            'core',
            'kubectl',
            'kube-apiserver',
            'kube-controller-manager',
            'kube-scheduler',
            'kube-proxy',
            'cdk-addons',
        )
    }
