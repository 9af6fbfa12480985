import dataclasses

import pytest
import yaml
from charms.layer.kubernetes_worker import daemons, proxy, proxy_config, version_table
from charms.layer.kubernetes_worker.facts import Program, Programs, Settings
from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _fields, _flags, _proxy_settings
from samples import CLUSTER, MACHINE, READY

FILE = '/root/cdk/kube-proxy/config.yaml'
MINORS = range(10, 37)
VALUES = {  # a flag's value of each kind, and what the file then holds
    'string': ('x', 'x'),
    'bool': ('true', True),
    'int32': ('7', 7),
    'float32': ('2.5', 2.5),
    'metav1.Duration': ('1m30s', '1m30s'),
    '[]string': ('a,b', ['a', 'b']),
    'map[string]bool': ('A=true,B=false', {'A': True, 'B': False}),
}


def facts(version=(1, 12, 10), machine=MACHINE, **settings):
    return proxy.Facts(Program('kube-proxy', version), CLUSTER, machine, Settings(**settings))


def with_arguments(**arguments):
    """Return what kube-proxy runs with when the operator has given these arguments."""
    own = facts(proxy_args={name.replace('_', '-'): value for name, value in arguments.items()})
    return proxy.arguments(own), proxy.config(own)


def test_kube_proxy_is_told_the_pod_network_its_kubeconfig_and_the_nodes_name_by_a_file():
    own = facts()
    assert proxy.arguments(own) == {'logtostderr': 'true', 'v': '0', 'config': FILE}
    assert proxy.config(own) == {
        'apiVersion': 'kubeproxy.config.k8s.io/v1alpha1',
        'kind': 'KubeProxyConfiguration',
        'clusterCIDR': '10.1.0.0/16',
        'hostnameOverride': 'node-a',
        'clientConnection': {'kubeconfig': '/root/cdk/kubeproxyconfig'},
    }


def test_fm_45_a_kube_proxy_that_reads_no_such_file_gets_flags():
    found = proxy.arguments(facts((1, 9, 11)))
    assert (found['cluster-cidr'], found['hostname-override']) == ('10.1.0.0/16', 'node-a')
    assert 'config' not in found and proxy.config(facts((1, 9, 11))) == {}


@pytest.mark.parametrize('container', [True, False])
def test_fm_47_the_kernels_limit_is_left_alone_only_in_a_container(container):
    found = proxy.config(facts(machine=dataclasses.replace(MACHINE, container=container)))
    assert found.get('conntrack') == ({'maxPerCore': 0} if container else None)


@pytest.mark.parametrize('version, known', [((1, 25, 9), True), ((1, 26, 0), False)])
def test_fm_45_logtostderr_ends_with_1_25(version, known):
    assert ('logtostderr' in proxy.arguments(facts(version))) is known


def test_the_operators_arguments_are_fields_or_flags_that_are_heeded_beside_them():
    flags, config = with_arguments(v='4', masquerade_all='true', master='https://x', ipvs_exclude_cidrs='a/8,b/8')
    assert flags == {'logtostderr': 'true', 'v': '4', 'master': 'https://x', 'config': FILE}
    assert config['iptables'] == {'masqueradeAll': True} and config['ipvs'] == {'excludeCIDRs': ['a/8', 'b/8']}


def test_the_operators_arguments_win():
    assert with_arguments(hostname_override='other')[1]['hostnameOverride'] == 'other'


@pytest.mark.parametrize(
    'arguments',
    [
        {'cleanup': 'true'},
        {'config': '/etc/mine.yaml'},
        {'from-a-version-to-come': 'x'},
        {'healthz-bind-address': ''},
        {'healthz-port': '0'},
        {'kube-api-qps': '0'},
        {'iptables-min-sync-period': '0s'},
        {'oom-score-adj': 'x'},
        {'conntrack-min': '010'},
        {'nodeport-addresses': '"a,b"'},
        {'feature-gates': 'A=perhaps'},
        {'masquerade-all': 'T'},
        {'proxy-mode': 'nftables', 'masquerade-all': 'true'},
    ],
    ids=str,
)
def test_an_argument_that_no_file_can_hold_keeps_its_effect_since_all_are_flags_then(arguments):
    flags, config = with_arguments(**arguments)
    assert config == {} and arguments.items() <= flags.items()
    assert flags['cluster-cidr'] == '10.1.0.0/16' and flags['master'] == CLUSTER.server


@pytest.mark.parametrize('arguments', [{}, {'config': '/etc/mine.yaml'}], ids=['file', 'flags'])
def test_the_file_is_there_only_while_kube_proxy_reads_it(arguments):
    settings = Settings(proxy_args=arguments)
    found = daemons.desired(dataclasses.replace(READY, settings=settings))[1]
    paths = {file.path for file in found.files}
    assert (FILE in paths, FILE in found.absent) == ((True, False) if not arguments else (False, True))


def test_everything_of_the_file_is_an_input_of_the_service():
    found = daemons.desired(READY)[1]
    (text,) = (file.text for file in found.files if file.path == FILE)
    assert yaml.safe_load(text) == found.config and found.inputs('1')[FILE] == text


@pytest.mark.parametrize('minor', MINORS, ids=lambda minor: f'1.{minor}')
def test_fm_45_a_field_of_the_table_is_there_in_each_version_that_has_its_flag_and_takes_its_value(minor):
    fields = _fields.fields(_proxy_settings.TABLE, (1, minor))
    for flag in _flags.table('kube-proxy', (1, minor)):
        path, kind = version_table.proxy_fields().get(flag, ('-', '-'))
        if path != '-':
            text, expected = VALUES[kind.lstrip('*')]
            assert path in fields, (flag, path)
            assert proxy_config.value(text, kind) == expected
            config = proxy_config.split({flag: text}).config
            if flag not in ('proxy-mode', 'feature-gates'):
                assert _proxy_settings.wrong(config, (1, minor)) == ''
                assert list(_proxy_settings.unknown(config, (1, minor))) == []


def test_the_table_knows_each_flag_or_leaves_it_out_for_a_reason():
    left_out = {
        'cleanup', 'cleanup-iptables', 'cleanup-ipvs', 'config', 'conntrack-max', 'healthz-port', 'metrics-port',
        'write-config-to',
    }  # fmt: skip
    every = {flag for minor in range(9, 37) for flag in _flags.table('kube-proxy', (1, minor))}
    assert every - set(version_table.proxy_fields()) == left_out


texts = (
    st.text() | st.from_regex(r'[+-]?[0-9.]{1,12}(s|ms|h)?', fullmatch=True) | st.sampled_from(['', 'true', '0', '0s'])
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.sampled_from([*version_table.proxy_fields(), 'cleanup', 'healthz-port']), texts))
def test_any_arguments_are_a_file_that_decodes_or_stay_flags(arguments):
    programs = Programs(Program('kubelet', (1, 20, 2)), Program('kube-proxy', (1, 20, 2)))
    found = daemons.desired(dataclasses.replace(READY, programs=programs, settings=Settings(proxy_args=arguments)))[1]
    if not found.config:
        assert arguments.items() <= found.arguments.items()
        return
    why = _proxy_settings.wrong(found.config, (1, 20))
    assert why == '' or why.startswith('unrecognized feature gate')
    assert set(found.arguments) <= {'config', 'logtostderr', 'v', *arguments}
    fields = version_table.proxy_fields()
    assert all(flag in found.arguments or fields[flag][0] != proxy_config.BESIDE for flag in arguments)
