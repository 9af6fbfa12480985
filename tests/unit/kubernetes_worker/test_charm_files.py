"""What the charm declares: all options and actions, and nothing that is not the charm's."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / 'config.yaml').read_text())['options']
ACTIONS = yaml.safe_load((ROOT / 'actions.yaml').read_text())
METADATA = yaml.safe_load((ROOT / 'metadata.yaml').read_text())
OPTIONS = {
    'ingress': True,
    'allow-privileged': 'true',
    'require-manual-upgrade': True,
    'default-backend-image': 'auto',
    'http_proxy': '',
    'docker-ce-package': 'docker-ce',
    'proxy-extra-args': '',
    'docker-opts': '',
    'https_proxy': '',
    'no_proxy': '',
    'kubelet-extra-args': '',
    'enable-cgroups': False,
    'channel': '1.12/stable',
    'apt-key-server': 'hkp://keyserver.ubuntu.com:80',
    'nagios_servicegroups': '',
    'kubelet-extra-config': '{}',
    'labels': '',
    'nginx-image': 'auto',
    'snapd_refresh': 'max',
    'ingress-ssl-chain-completion': False,
    'snap_proxy': '',
    'cuda_repo': '10.0.130-1',
    'nagios_context': 'juju',
    'snap_proxy_url': '',
    'docker_runtime': 'auto',
    'docker-logins': '[]',
    'nvidia-docker-package': 'nvidia-docker2',
    'nvidia-container-runtime-package': 'nvidia-container-runtime',
}


def test_all_options_have_their_types_and_defaults():
    kinds = {bool: 'boolean', str: 'string'}
    assert {name: option['default'] for name, option in CONFIG.items()} == OPTIONS
    assert {name: option['type'] for name, option in CONFIG.items()} == {
        name: kinds[type(default)] for name, default in OPTIONS.items()
    }


@pytest.mark.parametrize('name', ['pause', 'resume', 'upgrade', 'microbot', 'registry'])
def test_each_action_is_declared_and_has_a_program(name):
    assert name in ACTIONS
    assert (ROOT / 'actions' / name).stat().st_mode & 0o111


def test_every_action_tells_what_it_does_and_what_each_parameter_is():
    for name, action in ACTIONS.items():
        assert action['description'].strip(), name
        for parameter, schema in action.get('params', {}).items():
            assert schema['type'] in ('string', 'integer', 'boolean'), (name, parameter)
            assert schema['description'].strip(), (name, parameter)
            assert parameter in action.get('required', []) or 'default' in schema, (name, parameter)


def test_no_action_is_declared_without_code():
    assert set(ACTIONS) == {path.name for path in (ROOT / 'actions').iterdir() if path.is_file()}


def test_the_snap_resources_are_named_as_the_snaps():
    names = {name: resource['filename'] for name, resource in METADATA['resources'].items()}
    assert {name for name, filename in names.items() if filename.endswith('.snap')} == {
        'kubectl',
        'kubelet',
        'kube-proxy',
    }
