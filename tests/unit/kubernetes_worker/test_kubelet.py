import dataclasses

import pytest
from charms.layer.kubernetes_worker import kubelet
from charms.layer.kubernetes_worker.facts import Dns, Program, Settings
from hypothesis import given
from hypothesis import strategies as st
from samples import CLUSTER, MACHINE


def facts(version=(1, 12, 10), cluster=CLUSTER, machine=MACHINE, **settings):
    return kubelet.Facts(Program('kubelet', version), cluster, machine, Settings(**settings))


@pytest.mark.parametrize('version, in_file', [((1, 9, 11), False), ((1, 10, 0), True), ((1, 36, 0), True)])
def test_settings_go_into_the_file_from_1_10_on_and_into_flags_before(version, in_file):
    flags = kubelet.arguments(facts(version))
    assert ('config' in flags) is in_file
    assert ('cluster-dns' in flags) is not in_file
    assert ('anonymous-auth' in flags) is not in_file


@pytest.mark.parametrize('version, wanted', [((1, 23, 9), False), ((1, 24, 1), True), ((1, 36, 0), True)])
def test_kubelets_without_dockershim_are_told_the_runtimes_socket(version, wanted):
    assert ('container-runtime-endpoint' in kubelet.arguments(facts(version))) is wanted


@pytest.mark.parametrize('version, gated', [((1, 10), True), ((1, 27), True), ((1, 28), False)])
def test_the_device_plugins_gate_only_where_the_kubelet_knows_it(version, gated):
    machine = dataclasses.replace(MACHINE, gpu=True)
    assert ('featureGates' in kubelet.config(facts(version, machine=machine))) is gated


def test_fm_13_without_dns_the_configuration_has_no_cluster_dns_at_all():
    config = kubelet.config(facts(cluster=dataclasses.replace(CLUSTER, dns=Dns('cluster.local', ''))))
    assert 'clusterDNS' not in config and config['clusterDomain'] == 'cluster.local'


def test_fm_15_another_dns_address_changes_the_configuration():
    other = dataclasses.replace(CLUSTER, dns=Dns('cluster.local', '10.152.183.99'))
    assert kubelet.config(facts(cluster=other)) != kubelet.config(facts())


@pytest.mark.parametrize('stub', [True, False])
def test_fm_47_the_resolver_path_is_set_only_behind_a_stub(stub):
    config = kubelet.config(facts(machine=dataclasses.replace(MACHINE, stub_resolver=stub)))
    assert ('resolvConf' in config) is stub
    assert config['failSwapOn'] is False


def test_the_operators_configuration_wins_at_any_depth():
    config = kubelet.config(facts(kubelet_config={'authentication': {'anonymous': {'enabled': True}}, 'maxPods': 5}))
    assert config['authentication']['anonymous'] == {'enabled': True}
    assert config['authentication']['x509'] == {'clientCAFile': '/root/cdk/ca.crt'}
    assert config['maxPods'] == 5


def test_fm_43_the_operators_arguments_win_and_leave_nothing_behind():
    before = kubelet.arguments(facts())
    assert kubelet.arguments(facts(kubelet_args={'v': '4', 'x': 'y'})) == {**before, 'v': '4', 'x': 'y'}
    assert kubelet.arguments(facts()) == before


@given(
    st.lists(st.sampled_from(['registry', 'registry/', 'registry//']), min_size=1, max_size=1),
)
def test_fm_54_the_pause_image_never_has_a_double_slash(registries):
    cluster = dataclasses.replace(CLUSTER, registry=registries[0])
    assert kubelet.arguments(facts(cluster=cluster))['pod-infra-container-image'] == 'registry/pause-amd64:3.1'


@pytest.mark.parametrize('value, wanted', [('true', 'true'), ('false', 'false'), ('auto', 'false')])
def test_privileged_containers_follow_the_option(value, wanted):
    assert kubelet.arguments(facts(allow_privileged=value))['allow-privileged'] == wanted


def test_what_the_programs_help_lists_counts_more_than_the_table():
    known = kubelet.arguments(facts((1, 23, 17)))
    own = kubelet.Facts(
        Program('kubelet', (1, 24, 0), dict.fromkeys([*known, 'config'], 'string')), CLUSTER, MACHINE, Settings()
    )
    assert kubelet.arguments(own)['network-plugin'] == 'cni'
    assert 'v' not in kubelet.arguments(
        kubelet.Facts(Program('kubelet', (1, 24, 0), {'config': 'string'}), CLUSTER, MACHINE, Settings())
    )


def test_a_remote_runtime_that_the_operator_asks_for_is_containerd():
    found = kubelet.arguments(facts((1, 20, 15), kubelet_args={'container-runtime': 'remote'}))
    assert found['container-runtime-endpoint'] == 'unix:///run/containerd/containerd.sock'
    assert 'container-runtime-endpoint' not in kubelet.arguments(facts((1, 20, 15)))
