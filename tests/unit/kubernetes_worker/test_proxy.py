import dataclasses

import pytest
from charms.layer.kubernetes_worker import proxy
from charms.layer.kubernetes_worker.facts import Program, Settings
from samples import CLUSTER, MACHINE


def arguments(version=(1, 12, 10), machine=MACHINE, **settings):
    return proxy.arguments(proxy.Facts(Program('kube-proxy', version), CLUSTER, machine, Settings(**settings)))


def test_kube_proxy_is_told_the_pod_network_and_the_nodes_name():
    found = arguments()
    assert (found['cluster-cidr'], found['hostname-override']) == ('10.1.0.0/16', 'node-a')


@pytest.mark.parametrize('container', [True, False])
def test_fm_47_the_kernels_limit_is_left_alone_only_in_a_container(container):
    found = arguments(machine=dataclasses.replace(MACHINE, container=container))
    assert ('conntrack-max-per-core' in found) is container


@pytest.mark.parametrize('version, known', [((1, 25, 9), True), ((1, 26, 0), False)])
def test_fm_45_logtostderr_ends_with_1_25(version, known):
    assert ('logtostderr' in arguments(version)) is known


def test_the_operators_arguments_win():
    assert arguments(proxy_args={'v': '4'})['v'] == '4'
