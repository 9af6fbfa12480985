"""FM-01, FM-03, FM-04 and FM-05: workers of several applications, several requests at once, one host name twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.model import access
from tests.model import cluster as cluster_of
from tests.model.cluster import MASTER, WORKER, Cluster

LEADER, OTHER = f'{MASTER}/0', 'workers-b'
NEWCOMERS = (f'{OTHER}/0', f'{OTHER}/1')
FAIL = '/var/lib/stand-in/fail/systemctl.json'
REFUSED = {'match': 'restart snap.kube-apiserver.daemon', 'code': 1, 'times': -1}


@dataclass(frozen=True)
class Story:
    """A second application's two workers came while the API server could not be told of new tokens; then it could."""

    cluster: Cluster
    relation: int  # of the second application
    waiting: dict[str, tuple[str, str]]  # the newcomers' status before
    told: dict[str, dict[str, str]]  # what they had been told before
    healed: int  # the last run before


@pytest.fixture(scope='module')
def story(canonical: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    cluster = cluster_of.copy(canonical, tmp_path_factory.mktemp('fm-01-05') / 'data')
    cluster.shell(LEADER, f'cat > {FAIL}', stdin=json.dumps([REFUSED]))
    cluster.deploy_workers(OTHER, units=2)
    cluster.juju('wait', JUJU_LOCAL_PATIENCE='0')
    (relation,) = cluster.relation_ids(OTHER, 'kube-control')
    units = cluster.units()
    waiting = {
        unit: (units[unit]['workload-status']['current'], units[unit]['workload-status']['message'])
        for unit in NEWCOMERS
    }
    told = access.creds(cluster, LEADER, relation)
    healed = cluster.last_run()
    cluster.shell(LEADER, f'rm {FAIL}')
    etcd = cluster.relation_ids(MASTER, 'etcd')[0]
    cluster.juju('run', '--unit', 'etcd/0', f'relation-set -r db:{etcd} poked=1')
    cluster.juju('wait')
    yield Story(cluster, relation, waiting, told, healed)
    cluster.destroy()


def test_fm_05_request_is_served_in_whatever_hook_makes_it_possible(story: Story) -> None:
    assert story.waiting == dict.fromkeys(NEWCOMERS, ('waiting', 'Waiting for credentials from kube-control'))
    assert story.told == {}
    hooks = [(run.unit, run.name) for run in story.cluster.runs(after=story.healed)]
    answers = [hooks.index((unit, 'kube-control-relation-changed')) for unit in NEWCOMERS]
    served = [name for unit, name in hooks[: min(answers)] if unit == LEADER]
    assert served == ['etcd-relation-changed']
    assert {story.cluster.status(unit)[0] for unit in NEWCOMERS} == {'active'}


def test_fm_04_each_of_two_requests_in_one_hook_gets_its_own_token(story: Story) -> None:
    cluster = story.cluster
    users = {f'system:node:{cluster.node_of(unit)}': unit for unit in NEWCOMERS}
    entries = access.creds(cluster, LEADER, story.relation)
    assert {user: entry['scope'] for user, entry in entries.items()} == users
    known = access.known(cluster)
    for user, unit in users.items():
        tokens = access.kubeconfig_tokens(cluster, unit)
        assert tokens == {kind: entries[user][kind] for kind in access.KUBECONFIGS}
        assert known[tokens['kubelet_token']][0] == user
    assert all(cluster.is_ready(unit) for unit in NEWCOMERS)


def test_fm_01_one_relation_carries_its_own_users_and_a_worker_writes_its_own_tokens(story: Story) -> None:
    cluster = story.cluster
    (first,) = (one for one in cluster.relation_ids(MASTER, 'kube-control') if one != story.relation)
    applications = {first: [f'{WORKER}/0', f'{WORKER}/1'], story.relation: [*NEWCOMERS]}
    own: dict[str, set[str]] = {}
    for relation, units in applications.items():
        entries = access.creds(cluster, LEADER, relation)
        assert sorted(entry['scope'] for entry in entries.values()) == units
        own |= {entry['scope']: {entry[kind] for kind in access.KUBECONFIGS} for entry in entries.values()}
    everybody = set().union(*own.values())
    assert len(everybody) == 12
    for unit, tokens in own.items():
        written = access.files_with(cluster, unit, everybody)
        assert set().union(*written.values()) == tokens, {path: len(held - tokens) for path, held in written.items()}


def test_fm_03_a_new_unit_on_a_host_of_the_same_name_gets_credentials_of_its_own(story: Story) -> None:
    cluster, gone = story.cluster, NEWCOMERS[1]
    host = cluster.node_of(gone)
    before = access.kubeconfig_tokens(cluster, gone)
    assert access.accepted(cluster, [*before.values()]) == [True] * 3
    cluster.juju('remove-unit', gone)
    cluster.juju('add-unit', OTHER, '--no-wait')
    cluster.name_machine(f'{OTHER}/2', host)
    cluster.juju('wait')
    assert cluster.node_of(f'{OTHER}/2') == host
    assert cluster.status(f'{OTHER}/2')[0] == 'active'
    entry = access.creds(cluster, LEADER, story.relation)[f'system:node:{host}']
    assert entry['scope'] == f'{OTHER}/2'
    after = access.kubeconfig_tokens(cluster, f'{OTHER}/2')
    assert after == {kind: entry[kind] for kind in access.KUBECONFIGS}
    assert access.accepted(cluster, [*before.values(), *after.values()]) == [False] * 3 + [True] * 3
    assert cluster.is_ready(f'{OTHER}/2')
