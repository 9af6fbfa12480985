"""First reason wins."""

import dataclasses

import pytest
from charms.layer.kubernetes_master import status

# in order of precedence: what is wrong, and what is shown
TABLE = [
    ({'option_fault': 'dns_domain: bad'}, 'blocked', 'dns_domain: bad'),
    ({'refused': 'No credentials for w/1: ...'}, 'blocked', 'No credentials for w/1: ...'),
    ({'snap_fault': 'installing snap kubectl: offline'}, 'blocked', 'installing snap kubectl: offline'),
    ({'snaps_installed': False}, 'maintenance', 'Installing snaps'),
    ({'upgrade_needed': True}, 'blocked', 'Needs manual upgrade, run the upgrade action'),
    ({'certificates': False, 'etcd': False}, 'blocked', 'Missing relation to certificates, etcd'),
    ({'certificates_saved': False}, 'waiting', 'Waiting for certificates'),
    ({'etcd_ready': False}, 'waiting', 'Waiting for etcd'),
    ({'keys': False}, 'waiting', "Waiting for the leader's keys and tokens"),
    ({'started': False}, 'maintenance', 'Starting the control plane'),
    ({'stopped': ('a', 'b')}, 'blocked', 'Stopped services: a, b'),
    ({'api_fault': 'no answer'}, 'waiting', 'Waiting for the API server: no answer'),
    ({'cni_available': False}, 'waiting', 'Waiting for CNI plugins to become available'),
    ({'endpoint': False}, 'blocked', 'Missing relation to kube-api-endpoint'),
    ({'workers': False}, 'blocked', 'Missing relation to kube-control (workers)'),
    ({'addons_applied': False}, 'waiting', 'Waiting to retry addon deployment'),
    ({'dns_known': False}, 'waiting', 'Waiting for the cluster DNS service'),
    ({'pending_pods': 1}, 'waiting', 'Waiting for 1 kube-system pod to start'),
    ({'pending_pods': 2}, 'waiting', 'Waiting for 2 kube-system pods to start'),
    ({'unsupported': ('aws',)}, 'active', 'Kubernetes master running. Not served yet: aws'),
    ({'cidr_kept': '10.0.0.0/24'}, 'active', 'WARN: cannot change service-cidr, still using 10.0.0.0/24'),
    ({}, 'active', 'Kubernetes master running.'),
]


@pytest.mark.parametrize(('wrong', 'state', 'message'), TABLE)
def test_each_fault_has_its_status(wrong, state, message):
    assert status.status(status.Facts(**wrong)) == (state, message)


@pytest.mark.parametrize('wrong', [{}, {'unsupported': ('aws',)}, {'cidr_kept': '10.0.0.0/24'}])
def test_the_leader_of_a_cluster_that_joined_a_hub_says_so_beside_the_rest(wrong):
    state, message = status.status(status.Facts(**wrong))
    hub = status.Facts(**wrong, hub='Hub: joined as edge-7')
    assert status.status(hub) == (state, f'{message.rstrip(".")}. Hub: joined as edge-7')


@pytest.mark.parametrize('rank', range(len(TABLE) - 1))
def test_the_graver_of_two_neighbours_is_shown(rank):
    (graver, state, message), (lesser, _, _) = TABLE[rank], TABLE[rank + 1]
    if not set(graver) & set(lesser):
        assert status.status(status.Facts(**{**lesser, **graver})) == (state, message)


@pytest.mark.parametrize('late', ['addons_applied', 'dns_known'])
def test_fm_68_follower_acts_as_leader_no_addon_status_on_followers(late):
    facts = dataclasses.replace(status.Facts(leader=False), **{late: False}, pending_pods=3)
    assert status.status(facts)[0] == 'active'
