"""What our table of kube-proxy's flags and fields says, asked of the real program that `make store` builds."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from charms.layer.kubernetes_worker import proxy_config, version_table
from juju_local import _store

FOLDER = Path(os.environ.get('KUBERNETES_BIN') or _store.cache() / _store.REAL / 'bin')
PROGRAM = FOLDER / 'kube-proxy'
# values that say what they belong to, and none of them a default
VALUES = {
    'bind-address': '10.0.0.1',
    'cluster-cidr': '10.9.0.0/16',
    'detect-local-mode': 'NodeCIDR',
    'feature-gates': 'EndpointSlice=false,AllAlpha=false',
    'healthz-bind-address': '10.0.0.2:2222',
    'ipvs-scheduler': 'lc',
    'metrics-bind-address': '10.0.0.3:3333',
    'proxy-mode': 'ipvs',
    'proxy-port-range': '2000-3000',
    'show-hidden-metrics-for-version': '1.19',
}

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason='no real kube-proxy here: `make store` builds it')


def written(folder, **flags):
    """Return the configuration that kube-proxy has with these flags, all defaults included."""
    file = folder / 'written.yaml'
    words = [f'--{name.replace("_", "-")}={value}' for name, value in {**flags, 'write-config-to': file}.items()]
    ended = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr[:2000]
    assert 'W' not in {line[:1] for line in ended.stderr.splitlines()}, ended.stderr
    return yaml.safe_load(file.read_text())


def by_file(folder, flags):
    """Return the configuration that kube-proxy has with the file that we make of these flags."""
    split = proxy_config.split(flags)
    file = folder / 'config.yaml'
    file.write_text(yaml.safe_dump(split.config))
    return written(folder, config=file, **split.flags)


def value(flag, kind, number):
    plain = kind.lstrip('*')
    made = {
        'bool': 'true',
        'int32': f'{number}',
        'float32': f'{number}.5',
        'metav1.Duration': f'{number}m0s',
        '[]string': f'10.{number}.0.0/16,10.{number}.1.0/24',
        'string': f'text-{number}',
    }
    return VALUES.get(flag) or made[plain]


def test_each_flag_means_the_field_of_the_table(tmp_path):
    listed = subprocess.run([PROGRAM, '--help'], capture_output=True, text=True, timeout=60).stdout
    flags = {
        flag: value(flag, kind, number)
        for number, (flag, (path, kind)) in enumerate(version_table.proxy_fields().items(), start=1)
        if path != proxy_config.BESIDE and f'--{flag} ' in listed
    }
    assert len(flags) > 30
    assert by_file(tmp_path, flags) == written(tmp_path, **flags) != written(tmp_path)


@pytest.mark.parametrize(
    'flag, text',
    [
        ('conntrack-max-per-core', '0'),
        ('conntrack-tcp-timeout-established', '0s'),
        ('oom-score-adj', '-5'),
        ('masquerade-all', 'false'),
        ('feature-gates', 'EndpointSlice=false'),
    ],
)
def test_a_zero_that_a_field_can_hold_means_the_same_there(tmp_path, flag, text):
    assert by_file(tmp_path, {flag: text}) == written(tmp_path, **{flag: text})


@pytest.mark.parametrize(
    'flag, text',
    [('kube-api-qps', '0'), ('kube-api-burst', '0'), ('iptables-min-sync-period', '0s')],
)
def test_a_zero_that_a_field_cannot_hold_stays_a_flag(tmp_path, flag, text):
    assert proxy_config.split({flag: text}) is None
    assert written(tmp_path, **{flag: text}) != written(tmp_path)
