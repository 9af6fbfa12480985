"""Failure modes FM-10 to FM-17: control planes and workers that come and go, what workers hear of DNS and tag."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.model import access, parties
from tests.model import cluster as cluster_of
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, tell

LEADER = f'{MASTER}/0'
WORKERS = (f'{WORKER}/0', f'{WORKER}/1')
KUBELET = 'snap.kubelet.daemon'
KUBELET_CONFIG = '/root/cdk/kubelet/config.yaml'
# what Juju writes by itself, and what is each relation's own
OWN = {'private-address', 'ingress-address', 'egress-subnets', 'creds'}


def kubelet_dns(cluster: Cluster, unit: str) -> tuple[list[str] | None, str | None]:
    """Return a kubelet's cluster DNS (None: no such entry) and cluster domain."""
    config = yaml.safe_load(cluster.read(unit, KUBELET_CONFIG))
    return config.get('clusterDNS'), config.get('clusterDomain')


def shared(cluster: Cluster, relation: int) -> dict[str, str]:
    """Return what the leader tells on a relation and should tell on each."""
    return {key: value for key, value in cluster.bag('kube-control', LEADER, relation).items() if key not in OWN}


def own_tokens(cluster: Cluster) -> list[str]:
    """Return the tokens that the two workers use."""
    return [token for unit in WORKERS for token in access.kubeconfig_tokens(cluster, unit).values()]


@pytest.mark.slow
def test_fm_10_another_control_plane_never_meets_the_old_ones_tokens(cluster: Cluster, tmp_path: Path) -> None:
    files = access.KUBECONFIGS.values()
    old = own_tokens(cluster)
    before = {unit: cluster.digest(unit, *files) for unit in WORKERS}
    assert len(old) == 6
    act(cluster, 'remove-relation', f'{MASTER}:kube-control', f'{WORKER}:kube-control')
    for unit in WORKERS:
        state, message = cluster.status(unit)
        assert (state, 'kube-control' in message) == ('blocked', True), message
    assert access.accepted(cluster, old) == [False] * 6

    act(cluster, 'deploy', str(parties.control_plane(tmp_path)))
    act(cluster, 'remove-relation', 'kubeapi-load-balancer:website', f'{WORKER}:kube-api-endpoint')
    act(cluster, 'add-relation', 'elsewhere:api', f'{WORKER}:kube-api-endpoint')
    act(cluster, 'add-relation', 'elsewhere:kube-control', f'{WORKER}:kube-control')
    (api,), (control,) = (cluster.relation_ids('elsewhere', endpoint) for endpoint in ('api', 'kube-control'))
    tell(cluster, 'elsewhere/0', 'hostname=192.0.2.9 port=6443', api, 'api')
    tell(cluster, 'elsewhere/0', 'port=53 domain=other.example sdn-ip=10.9.9.9 enable-kube-dns=True', control)
    for unit in WORKERS:
        state, message = cluster.status(unit)
        assert (state, 'credentials' in message) == ('waiting', True), message
        assert cluster.digest(unit, *files) == before[unit]

    user = f'system:node:{cluster.node_of(WORKERS[0])}'
    new = {'kubelet_token': 'k' * 32, 'proxy_token': 'p' * 32, 'client_token': 'c' * 32}
    creds = json.dumps({user: {'scope': WORKERS[0], **new}})
    tell(cluster, 'elsewhere/0', f"creds='{creds}'", control)
    assert access.kubeconfig_tokens(cluster, WORKERS[0]) == new
    assert cluster.digest(WORKERS[1], *files) == before[WORKERS[1]]
    for file in files:
        assert '192.0.2.9' in cluster.read(WORKERS[0], file)


@pytest.fixture
def asked(cluster: Cluster, tmp_path: Path) -> Cluster:
    """The cluster with four more units that have asked for credentials, `asker/0` to `/3`."""
    act(cluster, 'deploy', str(parties.asker(tmp_path)), '-n', '4')
    act(cluster, 'add-relation', f'{MASTER}:kube-control', 'asker:kube-control')
    return cluster


def test_fm_11_tokens_go_with_their_unit_whichever_hook_hears_of_it(asked: Cluster) -> None:
    relation = parties.relation(asked, MASTER, 'asker')
    entries = {entry['scope']: entry for entry in access.creds(asked, LEADER, relation).values()}
    assert set(entries) == {f'asker/{number}' for number in range(4)}
    given = {unit: [entry[kind] for kind in parties.TOKENS] for unit, entry in entries.items()}

    def agree(live: set[str]) -> bool:
        """Whether the bag, the token file and the API server know exactly these askers."""
        published = {entry['scope'] for entry in access.creds(asked, LEADER, relation).values()}
        in_file = {token for token in access.known(asked) if any(token in tokens for tokens in given.values())}
        let_in = {unit: access.accepted(asked, tokens) for unit, tokens in given.items()}
        assert published == live
        assert in_file == {token for unit in live for token in given[unit]}
        assert let_in == {unit: [unit in live] * 3 for unit in given}
        return True

    assert agree(set(given))
    act(asked, 'remove-unit', 'asker/1', 'asker/3')
    assert agree({'asker/0', 'asker/2'})
    # the hook that tells of it fails and is skipped by hand: the next one, about something else, makes up for it
    act(asked, 'model-config', 'automatically-retry-hooks=false')
    crash = f'5:{LEADER}:kube-control-relation-departed'
    act(asked, 'remove-unit', 'asker/2', check=False, JUJU_LOCAL_CRASH=crash)
    assert asked.status(LEADER)[0] == 'error'
    act(asked, 'resolved', '--no-retry', LEADER)
    act(asked, 'update-status', LEADER)
    assert agree({'asker/0'})
    act(asked, 'remove-application', 'asker')
    assert not any('asker' in uid for _, uid in access.known(asked).values())
    assert access.accepted(asked, [token for tokens in given.values() for token in tokens]) == [False] * 12
    assert access.accepted(asked, own_tokens(asked)) == [True] * 6


def test_fm_12_second_claimant_gets_nothing_and_nobody_becomes_an_administrator(asked: Cluster) -> None:
    relation = parties.relation(asked, MASTER, 'asker')
    uids = [uid for _, uid in access.known(asked).values()]
    assert len(uids) == len(set(uids)) == 3 * 6 + 3
    before, known = own_tokens(asked), access.known(asked)
    user = f'system:node:{asked.node_of(WORKERS[0])}'
    tell(asked, 'asker/0', f'kubelet_user={user}', relation)
    state, message = asked.status(LEADER)
    assert state == 'blocked'
    assert 'asker/0' in message
    assert WORKERS[0] in message
    assert 'asker/0' not in {entry['scope'] for entry in access.creds(asked, LEADER, relation).values()}
    assert own_tokens(asked) == before
    assert access.accepted(asked, before) == [True] * 6
    assert set(access.known(asked)) < set(known)

    tell(asked, 'asker/0', 'kubelet_user=system:node:honest auth_group=system:masters', relation)
    assert 'system:masters' in asked.status(LEADER)[1]
    assert 'asker/0' in asked.juju('debug-log', '--replay', '--include', LEADER, '--level', 'WARNING')
    assert 'system:node:honest' not in {name for name, _ in access.known(asked).values()}
    tell(asked, 'asker/0', 'auth_group=system:nodes', relation)
    assert asked.status(LEADER)[0] == 'active'
    assert access.creds(asked, LEADER, relation)['system:node:honest']['scope'] == 'asker/0'


@pytest.mark.slow
def test_fm_13_16_workers_run_without_cluster_dns_and_each_relation_is_told_everything(cluster: Cluster) -> None:
    first = cluster.relation_ids(WORKER, 'kube-control')[0]
    address = cluster.bag('kube-control', LEADER, first)['sdn-ip']
    assert kubelet_dns(cluster, WORKERS[0]) == ([address], 'cluster.local')
    cluster.juju('--quiet', 'config', MASTER, 'enable-kube-dns=false')
    assert cluster.bag('kube-control', LEADER, first)['enable-kube-dns'] == 'False'
    assert 'sdn-ip' not in cluster.bag('kube-control', LEADER, first)
    cluster.deploy_workers('workers-b', 1)
    cluster.juju('--quiet', 'wait')
    second = cluster.relation_ids('workers-b', 'kube-control')[0]
    everybody = (*WORKERS, 'workers-b/0')
    for unit in everybody:
        assert cluster.status(unit)[0] == 'active'
        assert kubelet_dns(cluster, unit)[0] is None
    assert shared(cluster, second) == shared(cluster, first)
    assert {'cluster-tag', 'registry-location', 'domain', 'port', 'enable-kube-dns'} <= set(shared(cluster, first))

    before = {unit: parties.restarts(cluster, unit, KUBELET) for unit in everybody}
    cluster.juju('--quiet', 'config', MASTER, 'enable-kube-dns=true')
    for unit in everybody:
        assert kubelet_dns(cluster, unit) == ([address], 'cluster.local')
        assert parties.restarts(cluster, unit, KUBELET) == before[unit] + 1
    # keys that somebody took away are back after the next hook
    bags = {number: cluster.bag('kube-control', LEADER, number) for number in (first, second)}
    for number in bags:
        tell(cluster, LEADER, 'creds= domain= cluster-tag= registry-location= enable-kube-dns=', number)
    act(cluster, 'update-status', LEADER)
    assert {number: cluster.bag('kube-control', LEADER, number) for number in bags} == bags


@pytest.fixture(scope='module')
def told(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for what workers hear; each test leaves the leader's bag as it should be."""
    cluster = cluster_of.copy(canonical, tmp_path_factory.mktemp('told') / 'data')
    act(cluster, 'model-config', 'automatically-retry-hooks=false')
    yield cluster
    cluster.destroy()


@pytest.mark.parametrize('text', ['False', 'false', 'FALSE'])
def test_fm_14_no_dns_is_no_address_however_it_is_spelled(told: Cluster, text: str) -> None:
    number = told.relation_ids(WORKER, 'kube-control')[0]
    tell(told, LEADER, f'enable-kube-dns={text} sdn-ip=', number)
    assert told.status(WORKERS[0])[0] == 'active'
    assert kubelet_dns(told, WORKERS[0])[0] is None
    act(told, 'update-status', LEADER)
    assert kubelet_dns(told, WORKERS[0])[0] is not None


def test_fm_14_an_absent_key_is_not_told_yet(told: Cluster) -> None:
    number = told.relation_ids(WORKER, 'kube-control')[0]
    before = told.read(WORKERS[0], KUBELET_CONFIG)
    tell(told, LEADER, 'enable-kube-dns=', number)
    state, message = told.status(WORKERS[0])
    assert (state, 'DNS' in message) == ('waiting', True), message
    assert told.read(WORKERS[0], KUBELET_CONFIG) == before
    act(told, 'update-status', LEADER)
    assert told.status(WORKERS[0])[0] == 'active'


@pytest.mark.parametrize(
    ('settings', 'share'), [('sdn-ip=10.152.183.77', 0.5), ('domain=moved.example', 0.75), ('sdn-ip=10.152.183.78', 1)]
)
def test_fm_15_new_dns_data_restarts_the_kubelet_once_though_the_first_hook_dies(
    told: Cluster, settings: str, share: float
) -> None:
    number = told.relation_ids(WORKER, 'kube-control')[0]
    hook = 'kube-control-relation-changed'
    calls = [run.calls for run in told.runs(WORKERS[0]) if run.name == hook and not run.reason][-1]
    before = parties.restarts(told, WORKERS[0], KUBELET)
    tell(told, LEADER, settings, number, JUJU_LOCAL_CRASH=f'{int(calls * share)}:{WORKERS[0]}:{hook}')
    assert told.status(WORKERS[0])[0] == 'error'
    act(told, 'resolved', WORKERS[0])
    assert told.status(WORKERS[0])[0] == 'active'
    assert settings.partition('=')[2] in told.read(WORKERS[0], KUBELET_CONFIG)
    assert parties.restarts(told, WORKERS[0], KUBELET) == before + 1


def test_fm_17_workers_without_a_cloud_need_no_cluster_tag(told: Cluster) -> None:
    number = told.relation_ids(WORKER, 'kube-control')[0]
    tag = told.bag('kube-control', LEADER, number)['cluster-tag']
    tell(told, LEADER, 'cluster-tag=', number)
    assert [told.status(unit)[0] for unit in WORKERS] == ['active', 'active']
    act(told, 'update-status', LEADER)
    assert told.bag('kube-control', LEADER, number)['cluster-tag'] == tag
